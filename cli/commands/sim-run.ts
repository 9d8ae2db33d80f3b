/** `quorate sim run`: many seeds, each a cluster with faults of its own, or all in one scenario. */
import { performance } from "node:perf_hooks";
import type { CommandModule } from "yargs";
import { CodedError } from "../../node/base/errors.ts";
import { type CampaignSeeds, seedCount, seedsOf } from "../../sim/campaign.ts";
import type { SeedResult } from "../../sim/run.ts";
import { type Scenario, scenarioPlan, unmet } from "../../sim/scenario.ts";
import { failureRateBound } from "../../sim/statistics.ts";
import { Summary, type SummaryFigures } from "../../sim/summary.ts";
import { command } from "../command.ts";
import { whole } from "../numbers.ts";
import { EXIT, type Output } from "../output.ts";
import { CampaignOut } from "../sim/campaign-out.ts";
import { runAll } from "../sim/pool.ts";
import { readScenario } from "../sim/scenario-file.ts";
import { parseSeeds } from "../sim/seeds.ts";
import { countsText, failureText, writePlan } from "../sim/told.ts";

const MS_PER_SECOND = 1_000;
const WORKERS_MAX = 1_024;
const SEEDS_DRAWN = 200;
/** Exit code of a run that the user has stopped, as shells have it. */
const INTERRUPTED = 130;

interface Campaign {
  readonly seeds: CampaignSeeds;
  readonly workers: number;
  readonly scenario: Scenario | undefined;
  readonly out: string | undefined;
  readonly planFile: string | undefined;
}

/** A seed of a scenario that did not do what was expected. */
interface Unmet {
  readonly seed: number;
  readonly expected: readonly string[];
}

interface Ran {
  readonly summary: Summary;
  readonly unmet: readonly Unmet[];
  readonly stopped: boolean;
}

/** `i/n`: the part of the seeds that this process runs, counted from 0. Throws `CodedError` `usage`. */
function parseShard(text: string): Pick<CampaignSeeds, "shard" | "shards"> {
  const [, shard, shards] = /^(\d{1,6})\/(\d{1,6})$/.exec(text)?.map(Number) ?? [];
  if (shard !== undefined && shards !== undefined && shard < shards) return { shard, shards };
  throw new CodedError("usage", `--shard: "${text}" is not a part such as 0/8, counted from 0`);
}

/** Runs what is left of a campaign, until all is done or the user has had enough. */
async function runCampaign({ seeds, workers, scenario, out, planFile }: Campaign, output: Output): Promise<Ran> {
  const summary = new Summary();
  const unmetSeeds: Unmet[] = [];
  const file = out === undefined ? undefined : new CampaignOut(out, seeds);
  for (const result of file?.before ?? []) summary.add(result);
  const skipped = file?.before.length ?? 0;
  if (skipped > 0) output.note(`${out}: ${skipped} seeds were done before`);
  let stopped = false;
  const stop = (): void => {
    stopped = true;
  };
  const done = (result: SeedResult): void => {
    if (result.failed !== undefined) {
      output.note(failureText(result, againBy(planFile, scenario)));
      if (planFile !== undefined && summary.read().failed.length === 0) writePlan(planFile, result.plan);
    }
    const expected = scenario === undefined ? [] : unmet(scenario, result);
    if (expected.length > 0) unmetSeeds.push({ seed: result.seed, expected });
    for (const what of expected) output.note(`seed ${result.seed}: ${what}`);
    summary.add(result);
    file?.add(result);
    const { seeds: count, failed } = summary.read();
    const text = `seed ${result.seed}, ${count} of ${seedCount(seeds)}; ${failed.length} failed`;
    output.progress(`${text} (Ctrl-C stops and sums up)`);
  };
  // The second time, the signal does what it always does.
  process.once("SIGINT", stop);
  const left = [...seedsOf(seeds)].slice(skipped);
  const jobs = scenario === undefined ? left : left.map((seed) => scenarioPlan(scenario, seed));
  await runAll({ jobs, workers: Math.min(workers, Math.max(1, left.length)), stopped: () => stopped, done });
  process.removeListener("SIGINT", stop);
  file?.close();
  return { summary, unmet: unmetSeeds, stopped };
}

/** How a run that failed is run again. */
function againBy(planFile: string | undefined, scenario: Scenario | undefined): string | undefined {
  if (planFile !== undefined) return `--plan ${planFile}`;
  return scenario === undefined ? undefined : "--plan FILE (which --write-plan FILE keeps)";
}

/** What so many clean seeds say of those that were not run. */
function boundText(seeds: number): string {
  return `with 95 % confidence, at most ${(100 * failureRateBound(seeds)).toPrecision(2)} % of all seeds fail`;
}

function tell(
  figures: SummaryFigures,
  scenario: Scenario | undefined,
  ran: Ran,
  startedAt: number,
  output: Output,
): void {
  const { seeds, failed, simulatedMs, transactions, faults, reached } = figures;
  const simulatedSeconds = Math.round(simulatedMs / MS_PER_SECOND);
  const wallSeconds = Number(((performance.now() - startedAt) / MS_PER_SECOND).toFixed(1));
  const speed = (simulatedSeconds / Math.max(wallSeconds, 0.1)).toFixed(0);
  const failureRateMax = failed.length > 0 ? null : failureRateBound(seeds);
  output.result(
    {
      ...{ seeds, failed, failureRateMax, simulatedSeconds, wallSeconds, faults, reached, transactions },
      ...(scenario === undefined ? {} : { scenario: scenario.name, unmet: ran.unmet }),
    },
    [
      ...(scenario === undefined ? [] : [`${scenario.name}: ${ran.unmet.length} seeds were not as expected`]),
      `${seeds} seeds, ${failed.length} failed; ${transactions} transactions`,
      ...(failed.length > 0 ? [] : [boundText(seeds)]),
      `${simulatedSeconds} simulated seconds in ${wallSeconds} s, ${speed} for one`,
      `faults: ${countsText(faults)}`,
      `reached: ${countsText(reached)}`,
    ].join("\n"),
  );
}

export const run: CommandModule = command({
  command: "run",
  describe: "run seeds through partitions, crashes and disk faults; exit code 1 when a rule is broken",
  builder: (yargs) =>
    yargs
      .option("seeds", { type: "string", describe: "A..B, both included; 1..200, or as many as the scenario says" })
      .option("scenario", { type: "string", describe: "a YAML file or a module: these faults, and not drawn ones" })
      .option("workers", {
        type: "number",
        default: 1,
        describe: "threads to run them in; results are the same",
        coerce: whole("workers", 1, WORKERS_MAX),
      })
      .option("shard", { type: "string", default: "0/1", describe: "i/n: every n-th seed from the i-th on, from 0" })
      .option("out", { type: "string", describe: "keep each seed's result here, and go on where the file ends" })
      .option("write-plan", { type: "string", describe: "write the plan of the first seed that fails" })
      .conflicts("scenario", "out")
      .example("$0 sim run --seeds 1..1000 --workers 4", "a thousand clusters, each with its own faults")
      .example("$0 sim run --scenario sim/scenarios/split-brain.yaml", "the same faults under a few seeds")
      .example("$0 sim run --seeds 1..9999 --out night.jsonl", "until Ctrl-C, and on from there the next time"),
  handler: async (args, output) => {
    const scenario = args.scenario === undefined ? undefined : await readScenario(args.scenario);
    const range = parseSeeds(args.seeds ?? `1..${scenario?.seeds ?? SEEDS_DRAWN}`);
    const seeds = { ...range, ...parseShard(args.shard) };
    const startedAt = performance.now();
    const { workers, out, writePlan: planFile } = args;
    const ran = await runCampaign({ seeds, workers, scenario, out, planFile }, output);
    const figures = ran.summary.read();
    if (ran.stopped) output.note(`stopped after ${figures.seeds} of ${seedCount(seeds)} seeds`);
    tell(figures, scenario, ran, startedAt, output);
    if (figures.failed.length > 0 || ran.unmet.length > 0) return EXIT.failed;
    return ran.stopped ? INTERRUPTED : EXIT.done;
  },
});
