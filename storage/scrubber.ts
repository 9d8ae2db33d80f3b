/**
 * Reads what a node keeps and seldom looks at, a little at a time, so that damage is found while others still have the
 * data: all durable records of the log from its beginning, then all values of the store, then what the log keeps in two
 * copies; then it rests and begins again.
 * It is driven by calls, and its position is in memory only.
 */
import type { Store } from "../node/base/ports/store.ts";
import { StorageError } from "./errors.ts";
import type { LogStore } from "./wal/log-store.ts";

export interface ScrubberOptions {
  readonly log: Pick<LogStore, "check" | "checkCopies" | "durableIndex" | "firstIndex">;
  readonly store: Pick<Store, "get" | "snapshot">;
  /** Steps in which nothing is read between one round and the next. */
  readonly restSteps: number;
  /** Something is not as it was written; facts of a record's error are file, offset and height; `isCopy` for one of two copies. */
  readonly onDamage: (error: StorageError) => void;
}

/** Records and values that are damaged, and what is wrong with the first of them. */
export interface Findings {
  readonly count: number;
  readonly errors: readonly StorageError[];
}

const ERRORS_KEPT = 100;
const NOTHING_FOUND: Findings = { count: 0, errors: [] };

export class Scrubber {
  readonly #options: ScrubberOptions;
  /** The next record to read; 0 when the log is done. */
  #nextIndex = 1;
  /** Values still to be read in this round, the next last. */
  #keys: string[] = [];
  #resting = 0;
  /** A round that was asked for is under way. */
  #isAsked = false;
  rounds = 0;
  bytesRead = 0;
  /** What was found damaged in this round and the one before. */
  #found: Findings = NOTHING_FOUND;
  #foundBefore: Findings = NOTHING_FOUND;

  constructor(options: ScrubberOptions) {
    this.#options = options;
  }

  /** What is known to be damaged: of this round and the one before, whichever has found more. */
  get damage(): Findings {
    return this.#found.count >= this.#foundBefore.count ? this.#found : this.#foundBefore;
  }

  /** Whether a round that was asked for is under way. */
  get isAsked(): boolean {
    return this.#isAsked;
  }

  /** Begins a round now, from the beginning, in place of the one that was under way. */
  begin(): void {
    this.#isAsked = true;
    this.#resting = 0;
    this.#nextIndex = 1;
    this.#keys = [];
    this.#found = NOTHING_FOUND;
    this.#foundBefore = NOTHING_FOUND;
  }

  /** Reads so many bytes, give or take one record or value. */
  step(bytes: number): void {
    if (this.#resting > 0) {
      this.#resting -= 1;
      return;
    }
    let left = bytes;
    while (left > 0) {
      const read = this.#readNext();
      if (read === undefined) return;
      this.bytesRead += read;
      left -= read;
    }
  }

  /** How many bytes were read; undefined where a round has ended. */
  #readNext(): number | undefined {
    const { log, store } = this.#options;
    if (this.#nextIndex > 0) {
      // What has been given up in the meantime is not missed.
      const index = Math.max(this.#nextIndex, log.firstIndex());
      if (index <= log.durableIndex()) {
        this.#nextIndex = index + 1;
        return this.#attempt(() => log.check(index));
      }
      this.#nextIndex = 0;
      const snapshot = store.snapshot();
      this.#keys = snapshot.keys("").toReversed();
      snapshot.close();
    }
    const key = this.#keys.pop();
    if (key !== undefined) return this.#attempt(() => store.get(key)?.length ?? 0);
    for (const error of log.checkCopies()) this.#note(error);
    this.#endRound();
    return undefined;
  }

  #endRound(): void {
    this.rounds += 1;
    this.#nextIndex = 1;
    this.#resting = this.#options.restSteps;
    this.#foundBefore = this.#found;
    this.#found = NOTHING_FOUND;
    this.#isAsked = false;
  }

  #attempt(read: () => number): number {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.#note(error);
      return 0;
    }
  }

  #note(error: StorageError): void {
    const { count, errors } = this.#found;
    this.#found = { count: count + 1, errors: count < ERRORS_KEPT ? [...errors, error] : errors };
    this.#options.onDamage(error);
  }
}
