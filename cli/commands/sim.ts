/** `quorate sim`: the deterministic simulator. */
import { performance } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";
import type { CommandModule } from "yargs";
import { CodedError } from "../../node/base/errors.ts";
import { runSeed, type SeedResult } from "../../sim/run.ts";
import { Summary } from "../../sim/summary.ts";
import { command, group } from "../command.ts";
import { EXIT, type Output, toJson } from "../output.ts";

const SEED_MAX = 2 ** 32 - 1;
const MS_PER_SECOND = 1_000;
/** Exit code of a run that the user has stopped, as shells have it. */
const INTERRUPTED = 130;

/** Seeds from `first` to `last`, both included. */
interface SeedRange {
  readonly first: number;
  readonly last: number;
}

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
    `  at ${failed?.atMs} ms, event ${failed?.step}; options ${toJson(options)}`,
    `  again: quorate sim replay --seed ${seed} --trace`,
  ].join("\n");
}

/** What happened, and how often. */
function countsText(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .filter(([, times]) => times > 0)
    .map(([name, times]) => `${name} ${times}`)
    .join(", ");
}

/** Runs the seeds of a range, one after the other, until all are done or the user has had enough. */
async function runRange({ first, last }: SeedRange, output: Output): Promise<{ summary: Summary; stopped: boolean }> {
  const summary = new Summary();
  const count = last - first + 1;
  let stopped = false;
  const stop = (): void => {
    stopped = true;
  };
  // The second time, the signal does what it always does.
  process.once("SIGINT", stop);
  for (let seed = first; seed <= last && !stopped; seed++) {
    const result = runSeed(seed);
    summary.add(result);
    if (result.failed !== undefined) output.note(failureText(result));
    const failures = summary.read().failed.length;
    output.progress(`seed ${seed}, ${seed - first + 1} of ${count}; ${failures} failed (Ctrl-C stops and sums up)`);
    await setImmediate(); // a signal is heard between two seeds
  }
  process.removeListener("SIGINT", stop);
  return { summary, stopped };
}

const run: CommandModule = command({
  command: "run",
  describe: "run seeds through partitions, crashes and disk faults; exit code 1 when a rule is broken",
  builder: (yargs) =>
    yargs
      .option("seeds", { type: "string", default: "1..200", describe: "A..B, both included" })
      .example("$0 sim run --seeds 1..1000", "a thousand clusters, each with its own faults"),
  handler: async (args, output) => {
    const range = parseSeeds(args.seeds);
    const startedAt = performance.now();
    const { summary, stopped } = await runRange(range, output);
    const { seeds, failed, simulatedMs, transactions, faults, reached } = summary.read();
    const simulatedSeconds = Math.round(simulatedMs / MS_PER_SECOND);
    const wallSeconds = Number(((performance.now() - startedAt) / MS_PER_SECOND).toFixed(1));
    const speed = (simulatedSeconds / Math.max(wallSeconds, 0.1)).toFixed(0);
    if (stopped) output.note(`stopped after seed ${range.first + seeds - 1}`);
    output.result(
      { seeds, failed, simulatedSeconds, wallSeconds, faults, reached, transactions },
      [
        `${seeds} seeds, ${failed.length} failed; ${transactions} transactions`,
        `${simulatedSeconds} simulated seconds in ${wallSeconds} s, ${speed} for one`,
        `faults: ${countsText(faults)}`,
        `reached: ${countsText(reached)}`,
      ].join("\n"),
    );
    if (failed.length > 0) return EXIT.failed;
    return stopped ? INTERRUPTED : EXIT.done;
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
    const result = runSeed(seed, args.trace ? { trace: (line) => process.stdout.write(`${line}\n`) } : {});
    const { traceHash, failed, simulatedMs, transactions, faults, reached, options } = result;
    output.result(
      { seed, traceHash, failed: failed ?? false, simulatedMs, transactions, faults, reached, options },
      [
        failed === undefined ? `seed ${seed}: all rules held` : failureText(result),
        `trace hash ${traceHash}; ${simulatedMs} simulated ms, ${transactions} transactions`,
      ].join("\n"),
    );
    return failed === undefined ? EXIT.done : EXIT.failed;
  },
});

export const sim: CommandModule = group("sim", "the deterministic simulator", [run, replay]);
