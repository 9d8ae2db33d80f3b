/** `quorate sim`: the deterministic simulator. */
import { performance } from "node:perf_hooks";
import type { CommandModule } from "yargs";
import { CodedError } from "../../node/base/errors.ts";
import { runSeed, runSeeds, type SeedRange, type SeedResult } from "../../sim/run.ts";
import { command, group } from "../command.ts";
import { EXIT, toJson } from "../output.ts";

const SEED_MAX = 2 ** 32 - 1;
const MS_PER_SECOND = 1_000;

function parseSeed(text: string): number {
  const seed = Number(text);
  if (/^\d+$/.test(text) && seed <= SEED_MAX) return seed;
  throw new CodedError("usage", `"${text}" is not a seed: a whole number up to ${SEED_MAX}`);
}

/** `A..B`, both included, or one seed. */
export function parseSeeds(text: string): SeedRange {
  const [from = "", to, ...more] = text.split("..");
  const range = { first: parseSeed(from), last: parseSeed(to ?? from) };
  if (more.length === 0 && range.first <= range.last) return range;
  throw new CodedError("usage", `--seeds: "${text}" is not a range such as 1..200`);
}

function failureText({ seed, failed, options }: SeedResult): string {
  return [
    `seed ${seed} failed: ${failed?.checker}: ${failed?.message}`,
    `  options ${toJson(options)}`,
    `  again: quorate sim replay --seed ${seed} --trace`,
  ].join("\n");
}

function sumFaults(results: readonly SeedResult[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { faults } of results) {
    for (const [name, count] of Object.entries(faults)) sums[name] = (sums[name] ?? 0) + count;
  }
  return sums;
}

function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

const run: CommandModule = command({
  command: "run",
  describe: "run seeds through partitions, crashes and disk faults; exit code 1 when a rule is broken",
  builder: (yargs) =>
    yargs
      .option("seeds", { type: "string", default: "1..200", describe: "A..B, both included" })
      .example("$0 sim run --seeds 1..1000", "a thousand clusters, each with its own faults"),
  handler: (args, output) => {
    const range = parseSeeds(args.seeds);
    const count = range.last - range.first + 1;
    const startedAt = performance.now();
    const results = runSeeds(range, (result) => {
      if (result.failed !== undefined) output.note(failureText(result));
      output.progress(`seed ${result.seed}, ${result.seed - range.first + 1} of ${count}`);
    });
    const failures = results.filter((result) => result.failed !== undefined);
    const simulatedSeconds = Math.round(results.reduce((sum, { simulatedMs }) => sum + simulatedMs, 0) / MS_PER_SECOND);
    const wallSeconds = Number(((performance.now() - startedAt) / MS_PER_SECOND).toFixed(1));
    const faults = sumFaults(results);
    const transactions = results.reduce((sum, result) => sum + result.transactions, 0);
    const failed = failures.map(({ seed, failed: failure, traceHash }) => ({ seed, ...failure, traceHash }));
    const speed = (simulatedSeconds / Math.max(wallSeconds, 0.1)).toFixed(0);
    output.result(
      { seeds: count, failed, simulatedSeconds, wallSeconds, faults, transactions },
      [
        `${count} seeds, ${failures.length} failed; ${transactions} transactions`,
        `${simulatedSeconds} simulated seconds in ${wallSeconds} s, ${speed} for one`,
        `faults: ${Object.entries(faults)
          .map(([name, times]) => `${name} ${times}`)
          .join(", ")}`,
      ].join("\n"),
    );
    return failures.length === 0 ? EXIT.done : EXIT.failed;
  },
});

const replay: CommandModule = command({
  command: "replay",
  describe: "run one seed again, event for event",
  builder: (yargs) =>
    yargs
      .option("seed", { type: "string", demandOption: true, describe: "the seed" })
      .option("trace", { type: "boolean", default: false, describe: "print every event" })
      .example("$0 sim replay --seed 42 --trace | less", "what happened under seed 42"),
  handler: (args, output) => {
    const seed = parseSeed(args.seed);
    const result = runSeed(seed, args.trace ? { trace: printLine } : {});
    const { traceHash, failed, simulatedMs, transactions, faults, options } = result;
    output.result(
      { seed, traceHash, failed: failed ?? false, simulatedMs, transactions, faults, options },
      [
        failed === undefined ? `seed ${seed}: all rules held` : failureText(result),
        `trace hash ${traceHash}; ${simulatedMs} simulated ms, ${transactions} transactions`,
      ].join("\n"),
    );
    return failed === undefined ? EXIT.done : EXIT.failed;
  },
});

export const sim: CommandModule = group("sim", "the deterministic simulator", [run, replay]);
