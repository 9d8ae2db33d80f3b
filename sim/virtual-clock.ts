/**
 * One node's clocks on virtual time. The monotonic clock, and with it the timers, may run slower or faster than true time,
 * as those of a starved or badly measured machine do. The wall clock keeps true time, or is as slow or fast as the other
 * was made, for one oscillator makes them both; it has an offset from the beginning, which may change at any moment, in both
 * directions. It may be a coarse one, that goes on once a second: then much happens at what the log takes for one moment.
 */
import type { Clock, Timer } from "../node/base/ports/clock.ts";
import type { Process } from "./process.ts";
import type { Scheduler } from "./scheduler.ts";

/** Wall time at which every run begins, milliseconds since the epoch: a few seconds before midnight, UTC. */
export const EPOCH_MS = 1_750_031_996_000;
const US_PER_MS = 1_000;
const TRUE_PERMILLE = 1_000;

/** How a wall clock is off. */
export interface WallError {
  /** Whether it is as slow or fast as the monotonic one. */
  readonly wallDrifts?: boolean;
  readonly wallOffsetMs?: number;
  /** It goes on in steps of so much. */
  readonly wallStepMs?: number;
}

/** How a node's clocks are off; it outlives the node's process. */
export class ClockError {
  wallOffsetMs: number;
  readonly #wallStepMs: number;
  /** Wall time that passes in a thousand of true time. To be starved makes timers late, and changes no wall clock. */
  readonly #wallPermille: number;
  /** Monotonic time that passes in a thousand of true time. */
  #ratePermille: number;
  /** When the rate changed last, in true and in monotonic time. */
  #changedUs = 0;
  #monotonicUs = 0;

  constructor(
    ratePermille: number = TRUE_PERMILLE,
    { wallDrifts = false, wallOffsetMs = 0, wallStepMs = 1 }: WallError = {},
  ) {
    this.#ratePermille = ratePermille;
    this.#wallPermille = wallDrifts ? ratePermille : TRUE_PERMILLE;
    this.wallOffsetMs = wallOffsetMs;
    this.#wallStepMs = wallStepMs;
  }

  get ratePermille(): number {
    return this.#ratePermille;
  }

  setRate(ratePermille: number, nowUs: number): void {
    if (ratePermille === this.#ratePermille) return;
    this.#monotonicUs = this.monotonicUs(nowUs);
    this.#changedUs = nowUs;
    this.#ratePermille = ratePermille;
  }

  monotonicUs(nowUs: number): number {
    return this.#monotonicUs + Math.floor(((nowUs - this.#changedUs) * this.#ratePermille) / TRUE_PERMILLE);
  }

  /** What the wall clock shows, milliseconds since the epoch. */
  wallMs(nowUs: number): number {
    const us = Math.floor((nowUs * this.#wallPermille) / TRUE_PERMILLE) + this.wallOffsetMs * US_PER_MS;
    return EPOCH_MS + Math.floor(us / US_PER_MS / this.#wallStepMs) * this.#wallStepMs;
  }

  /** True time that passes until so much monotonic time has. */
  trueUs(monotonicUs: number): number {
    return Math.ceil((monotonicUs * TRUE_PERMILLE) / this.#ratePermille);
  }
}

export class VirtualClock implements Clock {
  readonly #scheduler: Scheduler;
  readonly #process: Process;
  readonly #error: ClockError;

  constructor(scheduler: Scheduler, process: Process, error: ClockError) {
    this.#scheduler = scheduler;
    this.#process = process;
    this.#error = error;
  }

  monotonicMs(): number {
    return Math.floor(this.#error.monotonicUs(this.#scheduler.nowUs) / US_PER_MS);
  }

  wallMs(): number {
    return this.#error.wallMs(this.#scheduler.nowUs);
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const delayUs = this.#error.trueUs(delayMs * US_PER_MS);
    let live = true;
    const fire = (): void => {
      if (live) callback();
    };
    const event = this.#scheduler.after(delayUs, () => this.#process.run("timer", fire));
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
