/**
 * How fresh this node's own state is known to be. A read index that was asked for at some moment covers everything that
 * was acknowledged before it; once the state has come so far, it is at most as old as that moment is past. Only this
 * node's clock is asked, and only for how much time has gone by: neither a slow message nor another node's clock can make
 * old state pass for new.
 */
import type { LogIndex } from "../base/ids.ts";

/** Indexes that are kept while the state is behind them. */
const AHEAD_MAX = 64;

interface Known {
  readonly index: LogIndex;
  readonly askedAtMs: number;
}

export class Freshness {
  /** The newest that the state has reached, first; behind it those that it has not, as they were asked. */
  #known: readonly Known[] = [];

  /** An index that was asked for at a time of the monotonic clock. */
  confirmed(index: LogIndex, askedAtMs: number): void {
    const newest = this.#known.at(-1);
    if (this.#known.length >= AHEAD_MAX || (newest !== undefined && askedAtMs <= newest.askedAtMs)) return;
    this.#known = [...this.#known, { index, askedAtMs }];
  }

  /** Whether a state that has applied so much lacks nothing that was acknowledged longer ago than `boundMs`. */
  isWithin(boundMs: number, applied: LogIndex, nowMs: number): boolean {
    const reached = this.#known.findLastIndex(({ index }) => index <= applied);
    if (reached > 0) this.#known = this.#known.slice(reached);
    const newest = reached < 0 ? undefined : this.#known[0];
    return newest !== undefined && nowMs - newest.askedAtMs <= boundMs;
  }
}
