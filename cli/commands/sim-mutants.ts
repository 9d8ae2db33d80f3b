/** `quorate sim mutants`: whether the simulator finds the bugs that are planted for it, and how soon. */
import { performance } from "node:perf_hooks";
import type { CommandModule } from "yargs";
import { parseMutant } from "../../sim/asked.ts";
import { PLANTED, type Planted, type SeedResult } from "../../sim/run.ts";
import { median } from "../../sim/statistics.ts";
import { command } from "../command.ts";
import { untilDoneOrStopped } from "../interruption.ts";
import { whole } from "../numbers.ts";
import { EXIT, table } from "../output.ts";
import { BugSearch, type Found, type Unclean } from "../sim/find-bug.ts";
import { Pool, type RunJob, WORKERS_MAX } from "../sim/pool.ts";
import { type Shrinks, shrink } from "../sim/shrinking.ts";

const MS_PER_SECOND = 1_000;
const SEEDS_MAX = 1_000_000;

interface Shrunk {
  readonly faults: number;
  readonly runs: number;
  /** Whether nothing more could go. */
  readonly complete: boolean;
  readonly seconds: number;
}

/** What became of one planted bug. */
interface Row {
  readonly mutant: Planted;
  /** Seeds run until one failed that does not fail without the bug, or all. */
  readonly seeds: number;
  readonly seconds: number;
  /** The rule that was broken; absent when no seed has failed. */
  readonly checker?: string;
  readonly shrunk?: Shrunk;
}

function secondsSince(startedAt: number): number {
  return Number(((performance.now() - startedAt) / MS_PER_SECOND).toFixed(1));
}

function rowOf(mutant: Planted, seedsMax: number, found: Found | undefined, seconds: number): Row {
  if (found === undefined) return { mutant, seeds: seedsMax, seconds };
  return { mutant, seeds: found.seed, seconds, checker: found.failed.failed?.checker ?? "" };
}

async function shrunkRow(row: Row, failed: SeedResult, how: Shrinks): Promise<Row> {
  const startedAt = performance.now();
  const { best, runs, complete } = await shrink(failed, how);
  return { ...row, shrunk: { faults: best.plan.faults.length, runs, complete, seconds: secondsSince(startedAt) } };
}

/** The figures by which the simulator is judged. */
function figuresOf(rows: readonly Row[], unclean: readonly Unclean[]): object {
  const found = rows.filter(({ checker }) => checker !== undefined);
  const seeds = found.map((row) => row.seeds);
  const shrunk = found.flatMap((row) => row.shrunk ?? []);
  return {
    planted: rows.length,
    found: found.length,
    missed: rows.filter(({ checker }) => checker === undefined).map(({ mutant }) => mutant),
    medianSeeds: median(seeds) ?? null,
    maxSeeds: Math.max(0, ...seeds),
    unclean: unclean.map(({ seed }) => seed),
    ...shrinkingFigures(shrunk),
  };
}

function shrinkingFigures(shrunk: readonly Shrunk[]): object {
  if (shrunk.length === 0) return {};
  const faults = shrunk.map((one) => one.faults);
  const runs = shrunk.map((one) => one.runs);
  const seconds = shrunk.map((one) => one.seconds);
  return {
    shrinkingStopped: shrunk.filter(({ complete }) => !complete).length,
    medianFaults: median(faults),
    maxFaults: Math.max(...faults),
    medianShrinkRuns: median(runs),
    maxShrinkRuns: Math.max(...runs),
    medianShrinkSeconds: median(seconds),
    maxShrinkSeconds: Math.max(...seconds),
  };
}

function tableOf(rows: readonly Row[], shrunk: boolean): string {
  const heading = ["bug", "found by", "seeds", "seconds", ...(shrunk ? ["faults left", "runs", "seconds"] : [])];
  const lines = rows.map(({ mutant, checker = "not found", seeds, seconds, shrunk: small }) => [
    ...[mutant, checker, seeds, seconds],
    ...(small === undefined ? [] : [small.faults, `${small.runs}${small.complete ? "" : ", stopped"}`, small.seconds]),
  ]);
  return table([heading, ...lines]);
}

export const mutants: CommandModule = command({
  command: "mutants",
  describe: "look for each planted bug; exit code 1 when one is not found, or a seed fails without one",
  builder: (yargs) =>
    yargs
      .option("seeds", {
        type: "number",
        default: 2_000,
        describe: "at most, for each",
        coerce: whole("seeds", 1, SEEDS_MAX),
      })
      .option("workers", {
        type: "number",
        default: 1,
        describe: "threads; each looks for one bug at a time",
        coerce: whole("workers", 1, WORKERS_MAX),
      })
      .option("only", { type: "string", describe: "these bugs: NAME,NAME" })
      .option("shrink", { type: "boolean", default: false, describe: "shrink the run that found each" })
      .option("runs", {
        type: "number",
        default: 1_000,
        describe: "runs for shrinking at most",
        coerce: whole("runs", 1, SEEDS_MAX),
      })
      .example("$0 sim mutants --shrink", "how soon each is found, and how small its plan gets"),
  handler: async ({ seeds: seedsMax, workers, only, shrink: shrinks, runs: runsMax }, output) => {
    const names = only === undefined ? PLANTED : only.split(",").map(parseMutant);
    const found = new Map<Planted, Row>();
    const search = new BugSearch();
    const hunt = async (mutant: Planted, run: RunJob, stop: AbortSignal): Promise<void> => {
      const startedAt = performance.now();
      const at = (seed: number): void => output.progress(`${mutant}: seed ${seed}`);
      const first = await search.find(mutant, { seedsMax, run, at, stop });
      if (first === undefined && stop.aborted) return;
      const row = rowOf(mutant, seedsMax, first, secondsSince(startedAt));
      const done =
        shrinks && first !== undefined ? await shrunkRow(row, first.failed, { runsMax, run, output, stop }) : row;
      output.note(`${mutant}: ${done.checker ?? "not found"}, seed ${done.seeds}`);
      found.set(mutant, done);
    };
    const pool = new Pool(Math.min(workers, names.length));
    const stopped = await untilDoneOrStopped(async (stop) => {
      await pool.each(names, stop, (mutant, run) => hunt(mutant, run, stop));
      return stop.aborted;
    });
    await pool.end();
    const rows = names.flatMap((mutant) => found.get(mutant) ?? []);
    for (const { seed, checker } of search.unclean)
      output.note(`seed ${seed} fails without a planted bug, too (${checker}), and counts for none`);
    const figures = figuresOf(rows, search.unclean);
    if (output.json) for (const row of rows) output.print(JSON.stringify(row));
    output.result(
      figures,
      [tableOf(rows, shrinks), ...Object.entries(figures).map(([name, value]) => `${name}: ${String(value)}`)].join(
        "\n",
      ),
    );
    if (search.unclean.length > 0 || rows.some(({ checker }) => checker === undefined)) return EXIT.failed;
    return stopped ? EXIT.interrupted : EXIT.done;
  },
});
