/**
 * Running a batch: what is common to accounts and transfers. Timestamps, linked chains, the rule that a batch is imported
 * as a whole or not at all, and the flat results.
 */
import { assert } from "../base/assert.ts";
import { viewOf } from "../base/bytes.ts";
import type { Columns } from "./columns.ts";
import * as layout from "./layout.ts";
import { checkBatch } from "./records.ts";
import { u64At } from "./words.ts";

export const RESULT_BYTES = 16;
const LINKED = 1;
const TIMESTAMP_MAX: bigint = (1n << 63n) - 1n;

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

/** One event of a batch, executed by itself. */
export interface BatchRules {
  readonly statuses: BatchStatuses;
  readonly importedFlag: number;
  /** Executes the event; returns its status. On `exists`, `existing` tells the timestamp of the record that is there. */
  execute(words: Uint32Array, at: number, timestamp: bigint): number;
  /** Timestamp to answer with when `status` says that the record exists; undefined otherwise. */
  existing(status: number): bigint | undefined;
}

/** A copy of the batch as words: records may lie at any address on the wire. */
export function batchWords(batch: Uint8Array): Uint32Array {
  const fault = checkBatch(batch);
  assert(fault === undefined, `a batch came to the ledger unchecked: ${fault}`);
  return new Uint32Array(batch.slice().buffer);
}

/** Runs a batch whose last event bears `timestamp`; returns 16 bytes an event: timestamp u64, status u32, zero u32. */
export function runBatch(columns: Columns, rules: BatchRules, words: Uint32Array, timestamp: bigint): Uint8Array {
  const count = words.length / layout.RECORD_WORDS;
  const results = new Uint8Array(count * RESULT_BYTES);
  const view = viewOf(results);
  const { statuses } = rules;
  const imported = (flagsAt(words, 0) & rules.importedFlag) !== 0;
  let chainStart = -1;
  let chainBroken = false;
  for (let i = 0; i < count; i++) {
    const at = i * layout.RECORD_WORDS;
    const now = timestamp - BigInt(count - i - 1);
    const linked = (flagsAt(words, at) & LINKED) !== 0;
    if (linked && chainStart < 0) {
      chainStart = i;
      columns.beginChain();
    }
    let status: number;
    if (linked && i === count - 1) status = statuses.linkedEventChainOpen;
    else if (chainBroken) status = statuses.linkedEventFailed;
    else
      status =
        batchRule(rules, words, at, imported, timestamp) ??
        rules.execute(words, at, eventTime(words, at, imported, now));
    const existing = rules.existing(status);
    const created = status === statuses.created;
    view.setBigUint64(i * RESULT_BYTES, existing ?? (created ? eventTime(words, at, imported, now) : now), true);
    view.setUint32(i * RESULT_BYTES + 8, status, true);
    if (chainStart < 0) continue;
    if (!created && !chainBroken) {
      chainBroken = true;
      columns.undoChain();
      for (let j = chainStart; j < i; j++) {
        view.setBigUint64(j * RESULT_BYTES, timestamp - BigInt(count - j - 1), true);
        view.setUint32(j * RESULT_BYTES + 8, statuses.linkedEventFailed, true);
      }
    }
    if (!linked || status === statuses.linkedEventChainOpen) {
      if (!chainBroken) columns.commitChain();
      chainStart = -1;
      chainBroken = false;
    }
  }
  return results;
}

function flagsAt(words: Uint32Array, at: number): number {
  return (words[at + layout.CODE_FLAGS] as number) >>> layout.FLAGS_SHIFT;
}

function eventTime(words: Uint32Array, at: number, imported: boolean, now: bigint): bigint {
  return imported ? u64At(words, at + layout.TIMESTAMP) : now;
}

/** Rules that hold an event against its batch. */
function batchRule(
  rules: BatchRules,
  words: Uint32Array,
  at: number,
  imported: boolean,
  batchTimestamp: bigint,
): number | undefined {
  const { statuses } = rules;
  const marked = (flagsAt(words, at) & rules.importedFlag) !== 0;
  if (imported && !marked) return statuses.importedEventExpected;
  if (!imported && marked) return statuses.importedEventNotExpected;
  if (!imported) {
    const unset = words[at + layout.TIMESTAMP] === 0 && words[at + layout.TIMESTAMP + 1] === 0;
    return unset ? undefined : statuses.timestampMustBeZero;
  }
  const claimed = u64At(words, at + layout.TIMESTAMP);
  if (claimed === 0n || claimed > TIMESTAMP_MAX) return statuses.importedEventTimestampOutOfRange;
  return claimed >= batchTimestamp ? statuses.importedEventTimestampMustNotAdvance : undefined;
}

/** Whether one of the timestamps in [0, count), which rise, is `wanted`. */
export function hasTimestamp(count: number, timestampOf: (slot: number) => bigint, wanted: bigint): boolean {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (timestampOf(middle) < wanted) low = middle + 1;
    else high = middle;
  }
  return low < count && timestampOf(low) === wanted;
}
