/** A started timer. */
export interface Timer {
  /** Stops it; harmless when it has already fired. */
  cancel(): void;
}

/** Time, as the host tells it. Callbacks run on the event loop, one at a time, never inside the call that asked. */
export interface Clock {
  /** Milliseconds since an arbitrary start; never goes back. */
  monotonicMs(): number;
  /** Whole milliseconds since the Unix epoch; may jump in both directions. */
  wallMs(): number;
  /** Calls back once, `delayMs` or more from now. */
  setTimer(delayMs: number, callback: () => void): Timer;
  /** Calls back once, as soon as the current callback has returned and those already waiting have run. */
  defer(callback: () => void): void;
}
