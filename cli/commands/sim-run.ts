/** `quorate sim run`: many seeds, each a cluster with faults of its own. */
import { performance } from "node:perf_hooks";
import type { CommandModule } from "yargs";
import { CodedError } from "../../node/base/errors.ts";
import { type CampaignSeeds, seedCount, seedsOf } from "../../sim/campaign.ts";
import { failureRateBound } from "../../sim/statistics.ts";
import { Summary } from "../../sim/summary.ts";
import { command } from "../command.ts";
import { whole } from "../numbers.ts";
import { EXIT, type Output } from "../output.ts";
import { CampaignOut } from "../sim/campaign-out.ts";
import { runSeeds } from "../sim/pool.ts";
import { parseSeeds } from "../sim/seeds.ts";
import { countsText, failureText, writePlan } from "../sim/told.ts";

const MS_PER_SECOND = 1_000;
const WORKERS_MAX = 1_024;
/** Exit code of a run that the user has stopped, as shells have it. */
const INTERRUPTED = 130;

interface Campaign {
  readonly seeds: CampaignSeeds;
  readonly workers: number;
  readonly out: string | undefined;
  readonly planFile: string | undefined;
}

/** `i/n`: the part of the seeds that this process runs, counted from 0. Throws `CodedError` `usage`. */
function parseShard(text: string): Pick<CampaignSeeds, "shard" | "shards"> {
  const [, shard, shards] = /^(\d{1,6})\/(\d{1,6})$/.exec(text)?.map(Number) ?? [];
  if (shard !== undefined && shards !== undefined && shard < shards) return { shard, shards };
  throw new CodedError("usage", `--shard: "${text}" is not a part such as 0/8, counted from 0`);
}

/** Runs what is left of a campaign, until all is done or the user has had enough. */
async function runCampaign(
  { seeds, workers, out, planFile }: Campaign,
  output: Output,
): Promise<{ summary: Summary; stopped: boolean }> {
  const summary = new Summary();
  const file = out === undefined ? undefined : new CampaignOut(out, seeds);
  for (const result of file?.before ?? []) summary.add(result);
  const skipped = file?.before.length ?? 0;
  if (skipped > 0) output.note(`${out}: ${skipped} seeds were done before`);
  let stopped = false;
  const stop = (): void => {
    stopped = true;
  };
  // The second time, the signal does what it always does.
  process.once("SIGINT", stop);
  const left = [...seedsOf(seeds)].slice(skipped);
  await runSeeds({
    seeds: left,
    workers: Math.min(workers, Math.max(1, left.length)),
    stopped: () => stopped,
    done: (result) => {
      if (result.failed !== undefined) {
        output.note(failureText(result));
        if (planFile !== undefined && summary.read().failed.length === 0) writePlan(planFile, result.plan);
      }
      summary.add(result);
      file?.add(result);
      const { seeds: done, failed } = summary.read();
      const text = `seed ${result.seed}, ${done} of ${seedCount(seeds)}; ${failed.length} failed`;
      output.progress(`${text} (Ctrl-C stops and sums up)`);
    },
  });
  process.removeListener("SIGINT", stop);
  file?.close();
  return { summary, stopped };
}

/** What so many clean seeds say of those that were not run. */
function boundText(seeds: number): string {
  return `with 95 % confidence, at most ${(100 * failureRateBound(seeds)).toPrecision(2)} % of all seeds fail`;
}

export const run: CommandModule = command({
  command: "run",
  describe: "run seeds through partitions, crashes and disk faults; exit code 1 when a rule is broken",
  builder: (yargs) =>
    yargs
      .option("seeds", { type: "string", default: "1..200", describe: "A..B, both included" })
      .option("workers", {
        type: "number",
        default: 1,
        describe: "threads to run them in; results are the same",
        coerce: whole("workers", 1, WORKERS_MAX),
      })
      .option("shard", { type: "string", default: "0/1", describe: "i/n: every n-th seed from the i-th on, from 0" })
      .option("out", { type: "string", describe: "keep each seed's result here, and go on where the file ends" })
      .option("write-plan", { type: "string", describe: "write the plan of the first seed that fails" })
      .example("$0 sim run --seeds 1..1000 --workers 4", "a thousand clusters, each with its own faults")
      .example("$0 sim run --seeds 1..9999 --out night.jsonl", "until Ctrl-C, and on from there the next time"),
  handler: async (args, output) => {
    const seedsAsked = { ...parseSeeds(args.seeds), ...parseShard(args.shard) };
    const startedAt = performance.now();
    const campaign = { seeds: seedsAsked, workers: args.workers, out: args.out, planFile: args.writePlan };
    const { summary, stopped } = await runCampaign(campaign, output);
    const { seeds, failed, simulatedMs, transactions, faults, reached } = summary.read();
    const simulatedSeconds = Math.round(simulatedMs / MS_PER_SECOND);
    const wallSeconds = Number(((performance.now() - startedAt) / MS_PER_SECOND).toFixed(1));
    const speed = (simulatedSeconds / Math.max(wallSeconds, 0.1)).toFixed(0);
    if (stopped) output.note(`stopped after ${seeds} of ${seedCount(seedsAsked)} seeds`);
    const failureRateMax = failed.length > 0 ? null : failureRateBound(seeds);
    output.result(
      { seeds, failed, failureRateMax, simulatedSeconds, wallSeconds, faults, reached, transactions },
      [
        `${seeds} seeds, ${failed.length} failed; ${transactions} transactions`,
        ...(failed.length > 0 ? [] : [boundText(seeds)]),
        `${simulatedSeconds} simulated seconds in ${wallSeconds} s, ${speed} for one`,
        `faults: ${countsText(faults)}`,
        `reached: ${countsText(reached)}`,
      ].join("\n"),
    );
    if (failed.length > 0) return EXIT.failed;
    return stopped ? INTERRUPTED : EXIT.done;
  },
});
