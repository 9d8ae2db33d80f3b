/** Running a campaign: its seeds, those of a scenario, or what novelty asks for, until all is done or Ctrl-C. */
import { type CampaignSeeds, seedCount, seedsOf } from "../../sim/campaign.ts";
import { Guided, type GuidedFigures } from "../../sim/guided/guided.ts";
import type { Job, SeedResult } from "../../sim/run.ts";
import { type Scenario, scenarioPlan, unmet } from "../../sim/scenario.ts";
import { Summary } from "../../sim/summary.ts";
import { unavoidableText } from "../../sim/unavoidable.ts";
import type { Output } from "../output.ts";
import { CampaignOut } from "./campaign-out.ts";
import { KeptPlans } from "./kept-plans.ts";
import { Pool } from "./pool.ts";
import { programHash } from "./program.ts";
import { failureText } from "./told.ts";
import { namedRun } from "./which-run.ts";

export interface Campaign {
  readonly seeds: CampaignSeeds;
  readonly workers: number;
  readonly scenario: Scenario | undefined;
  /** The file that the scenario was read from. */
  readonly scenarioFile: string | undefined;
  /** Whether plans that came to something new are varied. */
  readonly guided: boolean;
  /** Whether faults may destroy the last copy of something. */
  readonly giveUpLastCopy: boolean;
  readonly out: string | undefined;
  readonly planFile: string | undefined;
}

/** A seed of a scenario that did not do what was expected. */
interface Unmet {
  readonly seed: number;
  readonly expected: readonly string[];
}

export interface Ran {
  readonly summary: Summary;
  /** What of the sum was in the file already. */
  readonly before: { readonly seeds: number; readonly simulatedMs: number };
  readonly unmet: readonly Unmet[];
  readonly guided: GuidedFigures | undefined;
  readonly stopped: boolean;
}

/** Runs what is left of a campaign, until all is done or `stop` is aborted. */
export async function runCampaign(campaign: Campaign, output: Output, stop: AbortSignal): Promise<Ran> {
  const { seeds, workers, scenario, giveUpLastCopy, out, planFile } = campaign;
  const named = namedBySeed(campaign);
  const plans = new KeptPlans({ file: planFile, named });
  const summary = new Summary();
  const unmetSeeds: Unmet[] = [];
  const head = { program: programHash(), giveUpLastCopy, seeds };
  const file = out === undefined ? undefined : new CampaignOut(out, head, (result) => summary.add(result));
  const { seeds: skipped, simulatedMs } = summary.read();
  if (skipped > 0) output.note(`${out}: ${skipped} seeds were done before`);
  const guided = campaign.guided ? new Guided(seeds) : undefined;
  const done = (result: SeedResult): void => {
    if (result.failed !== undefined) {
      output.note(failureText(result, plans.keep(result)));
    }
    const lost = unavoidableText(result);
    if (lost !== undefined) output.note(`seed ${result.seed}: ${lost}`);
    const expected = scenario === undefined ? [] : unmet(scenario, result);
    if (expected.length > 0) unmetSeeds.push({ seed: result.seed, expected });
    for (const what of expected) output.note(`seed ${result.seed}: ${what}`);
    if (expected.length > 0) output.note(`  again: npx quorate sim replay ${named?.(result.seed)} --trace`);
    const newStates = summary.coverage.unmet(result.states);
    const kept = { ...result, stateCount: result.states.length, newStates };
    summary.add(kept);
    file?.add(kept);
    guided?.told(result, newStates.length);
    const { seeds: count, failed, states } = summary.read();
    const text = `seed ${result.seed}, ${count} of ${seedCount(seeds)}; ${failed.length} failed, ${states.distinct} states`;
    output.progress(`${text} (Ctrl-C stops and sums up)`);
  };
  const pool = new Pool(Math.min(workers, Math.max(1, seedCount(seeds) - skipped)));
  const generations = guided?.generations() ?? [jobsOf(campaign, skipped)];
  for (const jobs of generations) {
    if (stop.aborted) break;
    await pool.run({ jobs, stop, done });
  }
  await pool.end();
  file?.close();
  const before = { seeds: skipped, simulatedMs };
  return { summary, before, unmet: unmetSeeds, guided: guided?.read(), stopped: stop.aborted };
}

/** One after the other as they are asked for: they may be very many. */
function* jobsOf({ seeds, scenario, giveUpLastCopy }: Campaign, skipped: number): Generator<Job> {
  for (const seed of seedsOf({ ...seeds, first: seeds.first + skipped * seeds.shards })) {
    yield scenario === undefined ? { seed, giveUpLastCopy } : { plan: scenarioPlan(scenario, seed) };
  }
}

/** How a seed's run is named on the command line; undefined where no seed names it. */
function namedBySeed({ scenarioFile, guided, giveUpLastCopy }: Campaign): ((seed: number) => string) | undefined {
  if (guided) return undefined;
  const which = { scenario: scenarioFile, plan: undefined, mutant: undefined, giveUpLastCopy };
  return (seed) => namedRun({ ...which, seed: String(seed) });
}
