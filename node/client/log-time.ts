/**
 * Log time as one node has told it, carried on by the local clock: a wrong local date does no harm, and what one node says
 * wrongly is gone with the connection to it.
 */
import { performance } from "node:perf_hooks";
import { TRANSACTION_LIFETIME_MAX_NS } from "../base/limits.ts";

const NS_PER_MS = 1_000_000;
/** The ledger's times have 63 bits, and expiries are later than what a node tells. */
const TOLD_MAX: bigint = (1n << 63n) - 1n - TRANSACTION_LIFETIME_MAX_NS;

export class LogTime {
  #ns = 0n;
  #atMs = 0;

  /** What log time is now, about. */
  now(): bigint {
    return this.#ns + BigInt(Math.floor((performance.now() - this.#atMs) * NS_PER_MS));
  }

  /** False where log time cannot be that; then nothing is learnt. */
  learn(ns: bigint): boolean {
    if (ns > TOLD_MAX) return false;
    if (ns > this.now()) {
      this.#ns = ns;
      this.#atMs = performance.now();
    }
    return true;
  }
}
