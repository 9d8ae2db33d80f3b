/**
 * The tail of the log that is not known to be durable, and the writes that are on their way.
 *
 * Model: positions up to `stable` are durable and agree with the log; positions from there to `last` are held here; of
 * these, positions up to `handed` have been given to the driver to write. Writes complete in the order they were taken.
 *
 * A completion must never vouch for entries that were replaced after their write was taken: when the log is cut, every
 * write on its way is cut in our books as well, so that even an entry with the same index and term, put back by a later
 * leader, counts only when the write that really leaves it on disk has completed.
 */
import { assert, must } from "../../node/base/assert.ts";
import type { LogIndex } from "../../node/base/ids.ts";
import type { Entry } from "./messages.ts";

/** What one write does to the durable log, in this order. */
export interface LogWrite {
  readonly truncateFrom: LogIndex | undefined;
  readonly entries: readonly Entry[];
}

export class Unstable {
  /** Invariant: #stable <= #handed <= #stable + #entries.length. */
  #stable: LogIndex;
  #handed: LogIndex;
  /** Entries #stable + 1 and on. */
  #entries: Entry[] = [];
  /** Where durable or handed-out entries must be removed before the next write. */
  #truncateFrom: LogIndex | undefined;
  /** For each write on its way: up to where the log will be durable, as far as still true. */
  readonly #writes: LogIndex[] = [];

  constructor(stable: LogIndex) {
    this.#stable = stable;
    this.#handed = stable;
  }

  /** The last durable position. Moves back when a conflict cuts the log. */
  get stable(): LogIndex {
    return this.#stable;
  }

  get last(): LogIndex {
    return this.#stable + this.#entries.length;
  }

  /** Whether there is something to write that has not been taken yet. */
  get hasUnwritten(): boolean {
    return this.#truncateFrom !== undefined || this.#handed < this.last;
  }

  /** The entry at a position behind `stable`, up to `last`. */
  entry(index: LogIndex): Entry {
    return must(this.#entries[index - this.#stable - 1], "unstable entry is within bounds");
  }

  append(entries: readonly Entry[]): void {
    for (const entry of entries) {
      assert(entry.index === this.last + 1, "entries are appended without gaps");
      this.#entries.push(entry);
    }
  }

  /** Drops the entries from this position on, durable ones included. */
  truncate(from: LogIndex): void {
    assert(from > 0 && from <= this.last, "truncation removes something");
    if (from <= this.#handed) {
      this.#truncateFrom = from; // before any earlier one: what that removed is not handed out any more
      this.#handed = from - 1;
      for (let i = 0; i < this.#writes.length; i++) {
        this.#writes[i] = Math.min(this.#writes[i] as LogIndex, from - 1);
      }
    }
    this.#entries.length = Math.max(0, from - 1 - this.#stable);
    this.#stable = Math.min(this.#stable, from - 1);
  }

  /** Hands out all that is to be written; the write is on its way until `complete`. */
  take(): LogWrite {
    const write = { truncateFrom: this.#truncateFrom, entries: this.#entries.slice(this.#handed - this.#stable) };
    this.#truncateFrom = undefined;
    this.#handed = this.last;
    this.#writes.push(this.#handed);
    return write;
  }

  /** The oldest write on its way is durable; forgets the entries that can now be read from disk. */
  complete(): void {
    const reached = must(this.#writes.shift(), "a write was on its way");
    if (reached <= this.#stable) return;
    this.#entries.splice(0, reached - this.#stable);
    this.#stable = reached;
  }
}
