/**
 * Results of batches: what became of each event, flat or as objects. 16 bytes an event: the timestamp of the record that
 * was created or exists, else of the moment at which the event was judged (u64); the status (u32); zero (u32).
 */
import { CodedError } from "../base/errors.ts";
import { u64At } from "./words.ts";

export const RESULT_WORDS = 4;
export const RESULT_BYTES: number = RESULT_WORDS * 4;

/** What became of one event of a batch. */
export interface EventResult {
  readonly timestamp: bigint;
  /** A number of `AccountStatus` or `TransferStatus`. */
  readonly status: number;
}

/** The results in flat form, as objects. @throws CodedError `batch_misaligned` */
export function decodeResults(results: Uint8Array): EventResult[] {
  if (results.length % RESULT_BYTES !== 0) throw new CodedError("batch_misaligned", "results are 16 bytes each");
  const words = new Uint32Array(results.slice().buffer);
  return Array.from({ length: words.length / RESULT_WORDS }, (_, index) => ({
    timestamp: u64At(words, index * RESULT_WORDS),
    status: words[index * RESULT_WORDS + 2] as number,
  }));
}
