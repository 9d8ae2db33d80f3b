/** `quorate sim run`: many seeds, each a cluster with faults of its own, or all in one scenario. */
import { performance } from "node:perf_hooks";
import type { CommandModule } from "yargs";
import { CodedError } from "../../node/base/errors.ts";
import { GIVE_UP_LAST_COPY } from "../../sim/asked.ts";
import { type CampaignSeeds, seedCount } from "../../sim/campaign.ts";
import { neverReached } from "../../sim/never-reached.ts";
import { command } from "../command.ts";
import { untilDoneOrStopped } from "../interruption.ts";
import { whole } from "../numbers.ts";
import { EXIT } from "../output.ts";
import { runCampaign } from "../sim/campaign.ts";
import { tell } from "../sim/campaign-told.ts";
import { WORKERS_MAX } from "../sim/pool.ts";
import { readScenario } from "../sim/scenario-file.ts";
import { parseSeeds } from "../sim/seeds.ts";

const SEEDS_DRAWN = 200;
/** Where the plan goes that a guided campaign found to fail, for no seed names it. */
const GUIDED_PLAN = "failed.plan";

/** `i/n`: the part of the seeds that this process runs, counted from 0. Throws `CodedError` `usage`. */
function parseShard(text: string): Pick<CampaignSeeds, "shard" | "shards"> {
  const [, shard, shards] = /^(\d{1,6})\/(\d{1,6})$/.exec(text)?.map(Number) ?? [];
  if (shard !== undefined && shards !== undefined && shard < shards) return { shard, shards };
  throw new CodedError("usage", `--shard: "${text}" is not a part such as 0/8, counted from 0`);
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
      .option("write-plan", {
        type: "string",
        describe: "write the plan of the first run that fails; of --guided the others beside it",
      })
      .option("guided", { type: "boolean", describe: "vary plans that came to something new, besides fresh seeds" })
      .option("give-up-last-copy", { type: "boolean", describe: GIVE_UP_LAST_COPY })
      .conflicts("scenario", ["out", "guided", "give-up-last-copy"])
      .conflicts("guided", ["out", "give-up-last-copy"])
      .example("$0 sim run --seeds 1..1000 --workers 4", "a thousand clusters, each with its own faults")
      .example("$0 sim run --scenario sim/scenarios/split-brain.yaml", "the same faults under a few seeds")
      .example("$0 sim run --seeds 1..9999 --out night.jsonl", "until Ctrl-C, and on from there the next time"),
  handler: async (args, output) => {
    const scenario = args.scenario === undefined ? undefined : await readScenario(args.scenario);
    const range = parseSeeds(args.seeds ?? `1..${scenario?.seeds ?? SEEDS_DRAWN}`);
    const seeds = { ...range, ...parseShard(args.shard) };
    const startedAt = performance.now();
    const {
      workers,
      out,
      giveUpLastCopy = false,
      guided = false,
      writePlan: planFile = guided ? GUIDED_PLAN : undefined,
    } = args;
    if (guided && seeds.shards > 1)
      throw new CodedError("usage", "--guided: a run depends on all before it: no --shard");
    const campaign = { seeds, workers, scenario, scenarioFile: args.scenario, guided, giveUpLastCopy, out, planFile };
    const ran = await untilDoneOrStopped((stop) => runCampaign(campaign, output, stop));
    const figures = ran.summary.read();
    if (ran.stopped) output.note(`stopped after ${figures.seeds} of ${seedCount(seeds)} seeds`);
    const drawn = ran.guided?.fresh.runs ?? figures.seeds;
    const never = scenario === undefined ? neverReached({ ...figures, seeds: drawn }) : undefined;
    tell({ figures, ran, scenario, never, asked: seedCount(seeds), wallMs: performance.now() - startedAt }, output);
    if (figures.failed.length > 0 || ran.unmet.length > 0 || never?.isFailure === true) return EXIT.failed;
    return ran.stopped ? EXIT.interrupted : EXIT.done;
  },
});
