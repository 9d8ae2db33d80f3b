/**
 * Exactly-once: a transaction (a session's sequence number) is executed in one block only, and every later time the
 * same bytes stand in a block they get the same result and are marked as a retry. Judged from the committed blocks alone.
 */
import { equalBytes, toHex } from "../../node/base/bytes.ts";
import type { Applied } from "../../node/state/state-machine.ts";
import { decodeResult } from "../../node/wire/results.ts";
import { decodeTransaction, intentHash } from "../../node/wire/transaction.ts";
import { sha256 } from "../virtual-crypto.ts";
import type { Verdict } from "./verdict.ts";

/** Refusals for what a transaction says of its session and of its own time. */
export const SESSION_REFUSALS: readonly string[] = [
  ...["expired", "expiry_too_far", "session_unknown", "outcome_forgotten", "session_key_mismatch", "session_limit"],
  ...["sequence_reused", "sequence_too_old", "sequence_too_new"],
];

/** Refusals that leave the sequence number free: nothing was executed. */
export const NOT_EXECUTED: ReadonlySet<string> = new Set([
  ...SESSION_REFUSALS,
  ...["unknown_key", "unknown_cosigner", "threshold_not_met"],
]);

interface Executed {
  readonly height: number;
  readonly hash: Uint8Array;
  readonly result: Uint8Array;
}

export class ExactlyOnce {
  readonly #verdict: Verdict;
  readonly #executed = new Map<string, Executed>();
  #duplicates = 0;

  constructor(verdict: Verdict) {
    this.#verdict = verdict;
  }

  /** Transactions executed so far. */
  get count(): number {
    return this.#executed.size;
  }

  /** Retries that reached the log. */
  get duplicates(): number {
    return this.#duplicates;
  }

  /** Called for each height once, in order. */
  block({ block, results, duplicates }: Pick<Applied, "block" | "results" | "duplicates">): void {
    block.transactions.forEach((encoded, index) => {
      const result = results[index] as Uint8Array;
      const hash = block.tree.leaves[index] as Uint8Array;
      this.#transaction(encoded, { height: block.header.height, hash, result }, duplicates[index] === true);
    });
  }

  #transaction(encoded: Uint8Array, { hash, ...rest }: Executed, duplicate: boolean): void {
    const transaction = decodeTransaction(encoded);
    const { session, sequence } = transaction;
    if (sequence === 0) return; // opening a session twice is harmless by design
    // A copy with other co-signatures is the same transaction.
    const now = { ...rest, hash: intentHash(sha256, transaction, hash) };
    const key = `${toHex(session)}/${sequence}`;
    const before = this.#executed.get(key);
    if (duplicate) {
      this.#duplicates += 1;
      this.#verdict.expect(
        before !== undefined && equalBytes(before.hash, now.hash) && equalBytes(before.result, now.result),
        "exactlyOnce",
        () => `${key} is answered as a retry at height ${now.height}, but not as it was executed`,
      );
      return;
    }
    if (NOT_EXECUTED.has(decodeResult(now.result).status)) return;
    this.#verdict.expect(
      before === undefined,
      "exactlyOnce",
      () => `${key} is executed at height ${before?.height} and again at ${now.height}`,
    );
    this.#executed.set(key, now);
  }
}
