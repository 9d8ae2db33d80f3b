/**
 * One node's clock on virtual time. The monotonic clock is exact; the wall clock is off by an offset that faults may
 * change at any moment, in both directions.
 */
import type { Clock, Timer } from "../node/base/ports/clock.ts";
import type { Process } from "./process.ts";
import type { Scheduler } from "./scheduler.ts";

/** Wall time at which every run begins, milliseconds since the epoch. */
export const EPOCH_MS = 1_750_000_000_000;

export class VirtualClock implements Clock {
  readonly #scheduler: Scheduler;
  readonly #process: Process;
  readonly #offsetMs: () => number;

  constructor(scheduler: Scheduler, process: Process, offsetMs: () => number) {
    this.#scheduler = scheduler;
    this.#process = process;
    this.#offsetMs = offsetMs;
  }

  monotonicMs(): number {
    return this.#scheduler.nowMs;
  }

  wallMs(): number {
    return EPOCH_MS + this.#scheduler.nowMs + this.#offsetMs();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const event = this.#scheduler.after(Math.round(delayMs * 1000), () => this.#process.run("timer", () => fire()));
    let live = true;
    const fire = (): void => {
      if (live) callback();
    };
    return {
      cancel: () => {
        live = false;
        event.run = undefined;
      },
    };
  }

  defer(callback: () => void): void {
    this.#process.defer(callback);
  }
}
