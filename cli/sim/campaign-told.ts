/** What a campaign says at its end. */
import type { Counts } from "../../sim/counts.ts";
import type { StepKind } from "../../sim/fault/plan.ts";
import type { GuidedFigures, Yield } from "../../sim/guided/guided.ts";
import { type NeverReached, neverReachedLines } from "../../sim/never-reached.ts";
import type { Scenario } from "../../sim/scenario.ts";
import { failureRateBound } from "../../sim/statistics.ts";
import type { SummaryFigures } from "../../sim/summary.ts";
import type { Output } from "../output.ts";
import type { Ran } from "./campaign.ts";
import { countsText, unavoidableLines } from "./told.ts";

const MS_PER_SECOND = 1_000;

export interface Told {
  readonly figures: SummaryFigures;
  readonly ran: Ran;
  readonly scenario: Scenario | undefined;
  /** What drawn seeds never came to; undefined where nothing was drawn. */
  readonly never: NeverReached | undefined;
  /** Seeds that were to be run. */
  readonly asked: number;
  readonly wallMs: number;
}

/** What so many clean seeds, drawn by chance, say of those that were not run; nothing where others were run. */
function boundLines(failureRateMax: number | null): readonly string[] {
  if (failureRateMax === null) return [];
  return [`with 95 % confidence, at most ${(100 * failureRateMax).toPrecision(2)} % of all seeds fail`];
}

/** Null where some have failed, or nothing was drawn: a scenario's seeds, and varied plans, speak for no others. */
function rateMaxOf({ figures, ran, scenario }: Told): number | null {
  const drawn = ran.guided?.fresh.runs ?? figures.seeds;
  const isTold = scenario === undefined && figures.failed.length === 0 && drawn > 0;
  return isTold ? failureRateBound(drawn) : null;
}

/** A seed that broke a rule was not as expected either. */
function expectedText({ name }: Scenario, { seeds, failed }: SummaryFigures, unmetSeeds: Ran["unmet"]): string {
  const unmet = new Set([...failed, ...unmetSeeds].map(({ seed }) => seed)).size;
  return unmet === 0 ? `${name}: ${seeds} seeds as expected` : `${name}: ${unmet} of ${seeds} seeds not as expected`;
}

/** How fast it went; what was done before has no part in it. */
function speedText(simulatedMs: number, beforeMs: number, wallSeconds: number): string {
  const [all, now] = [simulatedMs, simulatedMs - beforeMs].map((ms) => Math.round(ms / MS_PER_SECOND));
  if (now === 0 && beforeMs > 0) return `${all} simulated seconds, all of them before`;
  const speed = `in ${wallSeconds} s, ${((now ?? 0) / Math.max(wallSeconds, 0.1)).toFixed(0)} for one`;
  return beforeMs === 0 ? `${all} simulated seconds ${speed}` : `${all} simulated seconds, ${now} of them now ${speed}`;
}

function statesText({ states }: SummaryFigures): string {
  const { distinct, runs, byNewestTenth } = states;
  return `${distinct} states of the protocol in ${runs} runs, ${byNewestTenth} of them by the newest tenth`;
}

function guidedText({ fresh, varied }: GuidedFigures): string {
  return `guided: ${fresh.runs} fresh seeds added ${yieldText(fresh)}, ${varied.runs} varied plans ${yieldText(varied)}`;
}

function yieldText({ runs, added }: Yield): string {
  return runs === 0 ? "none" : `${(added / runs).toFixed(1)} new states each`;
}

/** What of the plans could not be done; of a scenario, out of how many. */
function skippedLines(skipped: Counts<StepKind>, scenario: Scenario | undefined, seeds: number): readonly string[] {
  const planned = (kind: string): number =>
    seeds * (scenario?.faults.filter(({ step }) => step.kind === kind).length ?? 0);
  const kinds = Object.entries(skipped).map(
    ([kind, times]) => `${kind} ${times}${scenario === undefined ? "" : ` of ${planned(kind)}`}`,
  );
  return kinds.length === 0 ? [] : [`could not be done: ${kinds.join(", ")}`];
}

export function tell(told: Told, output: Output): void {
  const { figures, ran, scenario, never, asked, wallMs } = told;
  const { seeds, failed, simulatedMs, transactions, faults, skipped, reached, states } = figures;
  const { unavoidableLoss, unavoidableHalt } = figures;
  const simulatedSeconds = Math.round(simulatedMs / MS_PER_SECOND);
  const wallSeconds = Number((wallMs / MS_PER_SECOND).toFixed(1));
  const failureRateMax = rateMaxOf(told);
  const { guided, unmet, before } = ran;
  output.result(
    {
      ...{
        seeds,
        ...(ran.stopped ? { stopped: true, asked } : {}),
        failed,
        unavoidableLoss,
        unavoidableHalt,
        failureRateMax,
        simulatedSeconds,
        wallSeconds,
        faults,
        skipped,
        reached,
        transactions,
        states,
      },
      ...(before.seeds === 0 ? {} : { before }),
      ...(never === undefined ? {} : { neverReached: never }),
      ...(guided === undefined ? {} : { guided }),
      ...(scenario === undefined ? {} : { scenario: scenario.name, unmet }),
    },
    [
      ...(scenario === undefined ? [] : [expectedText(scenario, figures, unmet)]),
      `${seeds} seeds, ${failed.length} failed; ${transactions} transactions`,
      ...unavoidableLines(figures),
      ...boundLines(failureRateMax),
      speedText(simulatedMs, before.simulatedMs, wallSeconds),
      statesText(figures),
      ...(guided === undefined ? [] : [guidedText(guided)]),
      `faults: ${countsText(faults)}`,
      ...skippedLines(skipped, scenario, seeds),
      `reached: ${countsText(reached)}`,
      ...(never === undefined ? [] : neverReachedLines(never)),
    ].join("\n"),
  );
}
