/**
 * The time that leases are measured by. A monotonic clock may stand still while a machine is suspended, and a lease would
 * outlive its time; the wall clock does not, but may be set. So of each piece of time the longer account is believed:
 * whatever is wrong with one of them, a lease ends too early.
 */
import type { Clock } from "../base/ports/clock.ts";

export class LeaseClock {
  readonly #clock: Clock;
  #monotonicMs: number;
  #wallMs: number;
  #nowMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#monotonicMs = clock.monotonicMs();
    this.#wallMs = clock.wallMs();
  }

  /** Milliseconds since this was made; never goes back. */
  nowMs(): number {
    const monotonicMs = this.#clock.monotonicMs();
    const wallMs = this.#clock.wallMs();
    this.#nowMs += Math.max(monotonicMs - this.#monotonicMs, wallMs - this.#wallMs);
    this.#monotonicMs = monotonicMs;
    this.#wallMs = wallMs;
    return this.#nowMs;
  }
}
