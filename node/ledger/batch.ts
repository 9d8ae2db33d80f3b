/**
 * Running a batch: what is common to accounts and transfers. Timestamps, linked chains, the rule that a batch is imported
 * as a whole or not at all, and the flat results.
 */
import type { Books } from "./books.ts";
import * as layout from "./layout.ts";
import { RESULT_WORDS } from "./results.ts";
import { setU64 } from "./words.ts";

const LINKED = 1;
/** Upper words of a timestamp stay below this: timestamps have 63 bits. */
const TIMESTAMP_HIGH_LIMIT = 0x8000_0000;

/** Status numbers that batch rules give, per type of record. */
export interface BatchStatuses {
  readonly created: number;
  readonly linkedEventFailed: number;
  readonly linkedEventChainOpen: number;
  readonly importedEventExpected: number;
  readonly importedEventNotExpected: number;
  readonly timestampMustBeZero: number;
  readonly importedEventTimestampOutOfRange: number;
  readonly importedEventTimestampMustNotAdvance: number;
}

/** Offsets in a `Stamp`, two words each. */
export const NOW = 0;
export const RECORD_TIME = 2;

/** The time of an event: when it is judged, and the timestamp of the record that it made or found. */
export type Stamp = Uint32Array;

/** One event of a batch, executed by itself. */
export interface BatchRules {
  readonly statuses: BatchStatuses;
  readonly importedFlag: number;
  /**
   * Executes the event at `stamp`'s NOW; returns its status. The record's timestamp, which is NOW as well to begin with,
   * is replaced by that of a record which was imported, or which exists.
   */
  execute(words: Uint32Array, at: number, stamp: Stamp): number;
}

/** Of the batch that runs: there is one at a time, and a payment alone in its batch shall not allocate for them. */
const STAMP: Stamp = new Uint32Array(4);
const END = new Uint32Array(2);

/** Runs a batch whose last event happens at `timestamp`; writes the words of its results. */
export function runBatch(
  books: Books,
  rules: BatchRules,
  words: Uint32Array,
  timestamp: bigint,
  results: Uint32Array,
): void {
  const count = words.length / layout.RECORD_WORDS;
  const stamp = STAMP;
  const end = END;
  setU64(end, 0, timestamp);
  setU64(stamp, NOW, timestamp - BigInt(count));
  const { statuses } = rules;
  const imported = count > 0 && (flagsAt(words, 0) & rules.importedFlag) !== 0;
  let chainStart = -1;
  let chainBroken = false;
  for (let i = 0; i < count; i++) {
    const at = i * layout.RECORD_WORDS;
    tick(stamp);
    const linked = (flagsAt(words, at) & LINKED) !== 0;
    if (linked && chainStart < 0) {
      chainStart = i;
      books.beginChain();
    }
    let status: number;
    if (linked && i === count - 1) status = statuses.linkedEventChainOpen;
    else if (chainBroken) status = statuses.linkedEventFailed;
    else {
      status = batchRule(rules, words, at, imported, end);
      if (status === 0) status = rules.execute(words, at, stamp);
    }
    const result = i * RESULT_WORDS;
    results[result] = stamp[RECORD_TIME] as number;
    results[result + 1] = stamp[RECORD_TIME + 1] as number;
    results[result + 2] = status;
    if (chainStart < 0) continue;
    if (status !== statuses.created && !chainBroken) {
      chainBroken = true;
      books.undoChain();
      // They keep the timestamps that they were given, as TigerBeetle's do.
      for (let j = chainStart; j < i; j++) results[j * RESULT_WORDS + 2] = statuses.linkedEventFailed;
    }
    if (!linked || status === statuses.linkedEventChainOpen) {
      if (!chainBroken) books.commitChain();
      chainStart = -1;
      chainBroken = false;
    }
  }
}

function flagsAt(words: Uint32Array, at: number): number {
  return (words[at + layout.CODE_FLAGS] as number) >>> layout.FLAGS_SHIFT;
}

/** One nanosecond later. */
function tick(stamp: Stamp): void {
  const low = (stamp[NOW] as number) + 1;
  stamp[NOW] = low;
  if (low > 0xffff_ffff) stamp[NOW + 1] = (stamp[NOW + 1] as number) + 1;
  stamp[RECORD_TIME] = low;
  stamp[RECORD_TIME + 1] = stamp[NOW + 1] as number;
}

/** Rules that hold an event against its batch; 0 for no objection. */
function batchRule(rules: BatchRules, words: Uint32Array, at: number, imported: boolean, end: Uint32Array): number {
  const { statuses } = rules;
  const marked = (flagsAt(words, at) & rules.importedFlag) !== 0;
  if (imported && !marked) return statuses.importedEventExpected;
  if (!imported && marked) return statuses.importedEventNotExpected;
  const low = words[at + layout.TIMESTAMP] as number;
  const high = words[at + layout.TIMESTAMP + 1] as number;
  const zero = low === 0 && high === 0;
  if (!imported) return zero ? 0 : statuses.timestampMustBeZero;
  if (zero || high >= TIMESTAMP_HIGH_LIMIT) return statuses.importedEventTimestampOutOfRange;
  const endHigh = end[1] as number;
  const before = high < endHigh || (high === endHigh && low < (end[0] as number));
  return before ? 0 : statuses.importedEventTimestampMustNotAdvance;
}
