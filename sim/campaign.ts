/**
 * Campaigns as files: JSON Lines, a head and then one line a seed in the order of the seeds, so that a campaign that was
 * stopped goes on where it stopped, and the file has the same bytes however many workers made it.
 */
import { CodedError } from "../node/base/errors.ts";
import { WireError } from "../node/wire/msgpack.ts";
import { boolean, check, integer, list, object, type Schema, text, tuple, u32 } from "../node/wire/schema.ts";
import { type Counts, FAULTS } from "./counts.ts";
import { STEP_KINDS } from "./plan-schema.ts";
import { POINTS } from "./reached.ts";
import type { SeedResult } from "./run.ts";
import { UNAVOIDABLE } from "./unavoidable-schema.ts";

const CAMPAIGN_VERSION = 4;
/** Length of the hash that tells a program. */
const PROGRAM_DIGITS = 16;
const SHARDS_MAX = 1_000_000;
const COUNT_MAX = Number.MAX_SAFE_INTEGER;
const STATES_MAX = 10_000_000;

/** Which seeds a campaign runs: those from `first` to `last` whose place in that row is `shard` modulo `shards`. */
export interface CampaignSeeds {
  readonly first: number;
  readonly last: number;
  readonly shard: number;
  readonly shards: number;
}

/** What is kept of one seed's run. */
export interface CampaignResult
  extends Pick<
    SeedResult,
    | ("seed" | "failed" | "unavoidableLoss" | "unavoidableHalt" | "simulatedMs" | "transactions")
    | ("faults" | "skipped" | "reached" | "traceHash")
  > {
  /** How many states of the protocol the run came to. */
  readonly stateCount: number;
  /**
   * Those of them that no seed before it in the same file came to. A state stands with the first seed of a file that has
   * it, so the states of all files together, and the first seed of each, are those of one campaign over all their seeds.
   */
  readonly newStates: readonly number[];
}

/** Whose runs a file holds. */
export interface CampaignHead {
  readonly seeds: CampaignSeeds;
  /** A hash of the program that ran them: another one may run the same seeds otherwise. */
  readonly program: string;
  /** Whether their faults were allowed to destroy the last copy of something. */
  readonly giveUpLastCopy: boolean;
}

/** A campaign that is being read: its results come once, by rising seed. */
export interface CampaignRead extends CampaignHead {
  readonly results: Iterable<CampaignResult>;
}

const count = integer(0, COUNT_MAX);
/** How often each of these happened; those that did not may be absent. */
function countsOf<Name extends string>(names: readonly Name[]): Schema<Counts<Name>> {
  const fields = Object.fromEntries(names.map((name) => [name, count])) as Record<Name, Schema<number>>;
  return object({}, fields);
}

/** Heads of earlier versions named no program. */
const headSchema = object(
  {
    quorateCampaign: integer(1, COUNT_MAX),
    seeds: tuple(u32, u32),
    shard: tuple(integer(0, SHARDS_MAX), integer(1, SHARDS_MAX)),
  },
  { program: text(PROGRAM_DIGITS), giveUpLastCopy: boolean },
);
const resultSchema = object(
  {
    seed: u32,
    simulatedMs: count,
    transactions: count,
    faults: countsOf(FAULTS),
    skipped: countsOf(STEP_KINDS),
    reached: countsOf(POINTS),
    traceHash: text(16),
    stateCount: count,
    newStates: list(integer(0, COUNT_MAX), STATES_MAX),
  },
  {
    failed: object({ checker: text(100), message: text(1_000_000), atMs: count, step: count }),
    unavoidableLoss: object(UNAVOIDABLE.unavoidableLoss),
    unavoidableHalt: object(UNAVOIDABLE.unavoidableHalt),
  },
);

/** The seeds of a campaign, in order. */
export function* seedsOf({ first, last, shard, shards }: CampaignSeeds): Generator<number> {
  for (let seed = first + shard; seed <= last; seed += shards) yield seed;
}

export function seedCount({ first, last, shard, shards }: CampaignSeeds): number {
  return Math.max(0, Math.ceil((last - first + 1 - shard) / shards));
}

/** The first line, without its end. */
export function campaignHead({ program, giveUpLastCopy, seeds }: CampaignHead): string {
  const { first, last, shard, shards } = seeds;
  const given = giveUpLastCopy ? { giveUpLastCopy } : {};
  const which = { seeds: [first, last], shard: [shard, shards] };
  return JSON.stringify({ quorateCampaign: CAMPAIGN_VERSION, program, ...given, ...which });
}

/** The line of one seed. */
export function campaignLine(result: CampaignResult): string {
  const { seed, traceHash, failed, unavoidableLoss, unavoidableHalt } = result;
  const { simulatedMs, transactions, faults, skipped, reached, stateCount, newStates } = result;
  const rest = { simulatedMs, transactions, faults, skipped, reached, stateCount, newStates };
  // What is undefined is left out.
  return JSON.stringify({ seed, traceHash, failed, unavoidableLoss, unavoidableHalt, ...rest });
}

/**
 * Reads a campaign from its whole lines: its head at once, its results one by one as they are asked for. Throws `CodedError`
 * `campaign_invalid`, with the line, for anything that is no campaign of this version or whose lines are not those of its
 * seeds in their order.
 */
export function readCampaign(lines: Iterable<string>): CampaignRead {
  const rest = lines[Symbol.iterator]();
  const first = rest.next();
  if (first.done === true) throw invalid(1, "there is no whole line: this campaign has kept nothing yet");
  const head = lineOf(headSchema, first.value, 1);
  const { quorateCampaign, program, giveUpLastCopy = false, seeds, shard } = head;
  if (quorateCampaign !== CAMPAIGN_VERSION)
    throw invalid(1, `version ${quorateCampaign}, and version ${CAMPAIGN_VERSION} is understood`);
  if (program === undefined) throw invalid(1, "program must be present");
  const which = { first: seeds[0], last: seeds[1], shard: shard[0], shards: shard[1] };
  return { program, giveUpLastCopy, seeds: which, results: resultsOf(which, rest) };
}

function* resultsOf(which: CampaignSeeds, lines: Iterator<string>): Generator<CampaignResult> {
  const expected = seedsOf(which);
  let number = 2;
  for (let line = lines.next(); line.done !== true; line = lines.next(), number++) {
    const result = lineOf(resultSchema, line.value, number);
    const due = expected.next().value;
    if (result.seed !== due) throw invalid(number, `seed ${result.seed} stands where ${due ?? "none"} should`);
    yield result;
  }
}

function lineOf<T>(schema: Schema<T>, line: string, number: number): T {
  try {
    return check(schema, JSON.parse(line), "malformed_body");
  } catch (error) {
    if (error instanceof WireError || error instanceof SyntaxError) throw invalid(number, error.message);
    throw error;
  }
}

function invalid(line: number, why: string): CodedError {
  return new CodedError("campaign_invalid", `line ${line}: ${why}`, { line });
}
