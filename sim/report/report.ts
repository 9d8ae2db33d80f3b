/** The sum of several campaigns: of the parts of one, or of one after the other. */
import { CodedError } from "../../node/base/errors.ts";
import type { CampaignHead, CampaignRead, CampaignResult } from "../campaign.ts";
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
  /** Whether faults were allowed to destroy the last copy of something. */
  readonly giveUpLastCopy: boolean;
  /** The programs that made the files, each once: of several, the runs are not those of one campaign. */
  readonly programs: readonly string[];
  /** Seeds of the campaigns that no file has: a part is lacking, or was not finished. */
  readonly missing: number;
  /** Seeds that are in several files, with the same trace hash in each. */
  readonly repeated: number;
}

/**
 * Adds campaigns up, seed by seed over all of them, so that only sums are held; a seed that is in several counts once.
 * Throws `CodedError` `campaign_mismatch` where it had another run in each: they were made by two versions of the program,
 * or the program is not deterministic. Likewise where only some of them gave up the last copy: those runs are held to other
 * faults and to another verdict, and their sum would say nothing of either.
 */
export function reportOf(campaigns: readonly CampaignRead[]): Report {
  const giveUpLastCopy = givesUpLastCopy(campaigns);
  const summary = new Summary();
  const transactionsOfSeeds: number[] = [];
  const simulatedMsOfSeeds: number[] = [];
  let repeated = 0;
  for (const { result, files } of bySeed(campaigns)) {
    if (files > 1) repeated += 1;
    summary.add(result);
    transactionsOfSeeds.push(result.transactions);
    simulatedMsOfSeeds.push(result.simulatedMs);
  }
  const figures = summary.read();
  return {
    ...figures,
    checkers: countsByChecker(figures),
    failureRateMax: figures.failed.length > 0 ? null : failureRateBound(figures.seeds),
    transactionsOfSeeds,
    simulatedMsOfSeeds,
    statesAfterSeeds: summary.coverage.growth(),
    neverReached: neverReached(figures),
    giveUpLastCopy,
    programs: [...new Set(campaigns.map(({ program }) => program))].sort(),
    missing: askedSeeds(campaigns) - figures.seeds,
    repeated,
  };
}

function givesUpLastCopy(campaigns: readonly CampaignHead[]): boolean {
  const [giveUpLastCopy = false, ...others] = new Set(campaigns.map((campaign) => campaign.giveUpLastCopy));
  if (others.length === 0) return giveUpLastCopy;
  const message = "some of these campaigns were run with --give-up-last-copy and some without: report them apart";
  throw new CodedError("campaign_mismatch", message);
}

/** How many seeds the campaigns have together, in whatever parts they were to be run. */
function askedSeeds(campaigns: readonly CampaignHead[]): number {
  let [asked, reached] = [0, -1];
  for (const { first, last } of campaigns.map(({ seeds }) => seeds).sort((a, b) => a.first - b.first)) {
    asked += Math.max(0, last - Math.max(first - 1, reached));
    reached = Math.max(reached, last);
  }
  return asked;
}

interface Merged {
  readonly result: CampaignResult;
  /** How many have it. */
  readonly files: number;
}

/** The results of all campaigns by rising seed, as each of them has them; one seed of several is one result. */
function* bySeed(campaigns: readonly CampaignRead[]): Generator<Merged> {
  const rests = campaigns.map(({ results }) => results[Symbol.iterator]());
  const heads = rests.map((rest) => nextOf(rest));
  for (;;) {
    const [first, ...others] = heads.filter((head) => head !== undefined);
    if (first === undefined) return;
    const next = others.reduce((lowest, head) => (head.seed < lowest.seed ? head : lowest), first);
    const newStates = new Set<number>();
    let files = 0;
    for (const [place, head] of heads.entries()) {
      if (head?.seed !== next.seed) continue;
      checkSame(next, head);
      files += 1;
      for (const state of head.newStates) newStates.add(state);
      heads[place] = nextOf(rests[place]);
    }
    yield { result: { ...next, newStates: [...newStates] }, files };
  }
}

function nextOf(rest: Iterator<CampaignResult> | undefined): CampaignResult | undefined {
  const next = rest?.next();
  return next?.done === false ? next.value : undefined;
}

function checkSame({ seed, traceHash }: CampaignResult, other: CampaignResult): void {
  if (traceHash === other.traceHash) return;
  const message = `seed ${seed} has the trace hash ${traceHash} in one file and ${other.traceHash} in another`;
  throw new CodedError("campaign_mismatch", message, { seed });
}

/** What is to be said of files that several programs made. */
export function programsLines({ programs }: Pick<Report, "programs">): readonly string[] {
  if (programs.length < 2) return [];
  return [`made by ${programs.length} programs, so these are no runs of one campaign: ${programs.join(", ")}`];
}

/** What is to be said of seeds that no file has, and of those that several have. */
export function partsLines({ missing, repeated }: Pick<Report, "missing" | "repeated">): readonly string[] {
  return [
    ...(missing === 0
      ? []
      : [`${missing} seeds of these campaigns are in no file: a part is lacking, or not finished`]),
    ...(repeated === 0 ? [] : [`${repeated} seeds are in several files, with the same trace hash in each`]),
  ];
}

function countsByChecker({ failed }: SummaryFigures): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const { checker } of failed) counts.set(checker, (counts.get(checker) ?? 0) + 1);
  return [...counts].sort(([a, many], [b, more]) => more - many || (a < b ? -1 : 1));
}
