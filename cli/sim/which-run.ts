/** Which run a command is about, as its options say: that of a seed, of a scenario's seed, or of a plan file. */
import type { Argv } from "yargs";
import { CodedError } from "../../node/base/errors.ts";
import { GIVE_UP_LAST_COPY, parseMutant, parseSeed } from "../../sim/asked.ts";
import { runPlan, runSeed, type SeedResult, type Watch } from "../../sim/run.ts";
import { scenarioPlan } from "../../sim/scenario.ts";
import { readScenario } from "./scenario-file.ts";
import { readPlanFile, strangeness } from "./told.ts";

const USAGE =
  "say which run: --seed N, with --mutant NAME where a bug is planted and --scenario FILE where it is a scenario's, or --plan FILE";

export interface WhichRun {
  readonly seed: string | undefined;
  readonly scenario: string | undefined;
  readonly plan: string | undefined;
  readonly mutant: string | undefined;
  readonly giveUpLastCopy: boolean;
}

interface RunAgain {
  readonly result: SeedResult;
  /** Why it need not be the run that the plan was written of. */
  readonly strange: readonly string[];
}

/** The options that say which run. */
export function withWhichRun(
  yargs: Argv,
): Argv<Omit<WhichRun, "giveUpLastCopy"> & { readonly "give-up-last-copy": boolean }> {
  return yargs
    .option("seed", { type: "string", describe: "the seed" })
    .option("scenario", { type: "string", describe: "the scenario whose seed it is; else what a seed draws" })
    .option("plan", { type: "string", describe: "a plan file instead of a seed" })
    .option("mutant", { type: "string", describe: "with a planted bug; see `sim mutants`" })
    .option("give-up-last-copy", { type: "boolean", default: false, describe: GIVE_UP_LAST_COPY });
}

/** Runs it. Throws `CodedError` `usage` where the options name no run, or more than one. */
export async function runAgain(which: WhichRun, watch: Watch = {}): Promise<RunAgain> {
  const { seed, scenario, plan, mutant, giveUpLastCopy } = which;
  const planted = mutant === undefined ? {} : { mutant: parseMutant(mutant) };
  if (seed !== undefined && plan === undefined) {
    const number = parseSeed(seed);
    if (scenario === undefined)
      return { result: runSeed(number, { ...watch, ...planted, giveUpLastCopy }), strange: [] };
    if (giveUpLastCopy) throw new CodedError("usage", "a scenario gives up the last copy where its own options say so");
    const asWritten = scenarioPlan(await readScenario(scenario), number);
    return { result: runPlan({ ...asWritten, ...planted }, watch), strange: [] };
  }
  const isPlain = seed === undefined && scenario === undefined && mutant === undefined && !giveUpLastCopy;
  if (plan === undefined || !isPlain) throw new CodedError("usage", USAGE);
  const file = readPlanFile(plan);
  const result = runPlan(file.plan, watch);
  return { result, strange: strangeness(file, result) };
}

/** How the run is named on the command line. */
export function namedRun({ seed, scenario, plan, mutant, giveUpLastCopy }: WhichRun): string {
  if (plan !== undefined) return `--plan ${plan}`;
  return [
    ...(scenario === undefined ? [] : [`--scenario ${scenario}`]),
    `--seed ${seed}`,
    ...(mutant === undefined ? [] : [`--mutant ${mutant}`]),
    ...(giveUpLastCopy ? ["--give-up-last-copy"] : []),
  ].join(" ");
}
