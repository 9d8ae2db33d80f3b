/** The sum of several campaigns: of the parts of one, or of one after the other. */
import { CodedError } from "../../node/base/errors.ts";
import type { CampaignFile, CampaignResult } from "../campaign.ts";
import { type NeverReached, neverReached } from "../never-reached.ts";
import { failureRateBound } from "../statistics.ts";
import { Summary, type SummaryFigures } from "../summary.ts";

export interface Report extends SummaryFigures {
  /** Seeds that failed, by the rule that was broken, the most frequent first. */
  readonly checkers: readonly (readonly [checker: string, seeds: number])[];
  /** With 95 % confidence no greater share of all seeds fails; null where some have. */
  readonly failureRateMax: number | null;
  /** How many transactions and how much virtual time single seeds had. */
  readonly transactionsOfSeeds: readonly number[];
  readonly simulatedMsOfSeeds: readonly number[];
  /** Distinct states of the protocol after each seed. */
  readonly statesAfterSeeds: readonly number[];
  readonly neverReached: NeverReached;
  /** The programs that made the files, each once: of several, the runs are not those of one campaign. */
  readonly programs: readonly string[];
}

/**
 * Adds campaigns up; a seed that is in several counts once. Throws `CodedError` `campaign_mismatch` where it had another
 * run in each: they were made by two versions of the program, or the program is not deterministic.
 */
export function reportOf(campaigns: readonly CampaignFile[]): Report {
  const bySeed = new Map<number, CampaignResult>();
  for (const result of campaigns.flatMap(({ results }) => results)) {
    const known = bySeed.get(result.seed);
    if (known !== undefined && known.traceHash !== result.traceHash) {
      const message = `seed ${result.seed} has the trace hash ${known.traceHash} in one file and ${result.traceHash} in another`;
      throw new CodedError("campaign_mismatch", message, { seed: result.seed });
    }
    bySeed.set(result.seed, result);
  }
  const results = [...bySeed.values()].sort((a, b) => a.seed - b.seed);
  const summary = new Summary();
  for (const result of results) summary.add(result);
  const figures = summary.read();
  return {
    ...figures,
    checkers: countsByChecker(figures),
    failureRateMax: figures.failed.length > 0 ? null : failureRateBound(figures.seeds),
    transactionsOfSeeds: results.map(({ transactions }) => transactions),
    simulatedMsOfSeeds: results.map(({ simulatedMs }) => simulatedMs),
    statesAfterSeeds: summary.coverage.growth(),
    neverReached: neverReached(figures),
    programs: [...new Set(campaigns.map(({ program }) => program))].sort(),
  };
}

/** What is to be said of files that several programs made. */
export function programsLines({ programs }: Pick<Report, "programs">): readonly string[] {
  if (programs.length < 2) return [];
  return [`made by ${programs.length} programs, so these are no runs of one campaign: ${programs.join(", ")}`];
}

function countsByChecker({ failed }: SummaryFigures): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const { checker } of failed) counts.set(checker, (counts.get(checker) ?? 0) + 1);
  return [...counts].sort(([a, many], [b, more]) => more - many || (a < b ? -1 : 1));
}
