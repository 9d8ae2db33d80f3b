/** Log time as nodes have told it, carried on by the local clock. A wrong local date does no harm. */
import { performance } from "node:perf_hooks";

const NS_PER_MS = 1_000_000;

export class LogTime {
  #ns = 0n;
  #atMs = 0;

  /** What log time is now, about. */
  now(): bigint {
    return this.#ns + BigInt(Math.floor((performance.now() - this.#atMs) * NS_PER_MS));
  }

  learn(ns: bigint): void {
    if (ns <= this.now()) return;
    this.#ns = ns;
    this.#atMs = performance.now();
  }
}
