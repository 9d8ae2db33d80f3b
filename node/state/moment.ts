/**
 * The moment at which something executes: its log time, the ledger timestamps it may use, the events it causes.
 */
import { assert } from "../base/assert.ts";
import { EVENT_SLOTS_PER_TRANSACTION } from "../base/limits.ts";
import type { StateEvent } from "./events.ts";

export class Moment {
  /** Log time, nanoseconds; the last of the timestamps reserved for this moment. */
  readonly timestamp: bigint;
  /** The release of the block: what its commands mean. */
  readonly release: number;
  /** Hash of the block, which binds every transaction in it: no transaction can name an id that is derived from it. */
  readonly salt: Uint8Array;
  readonly events: StateEvent[];
  #cursor: bigint;

  constructor(timestamp: bigint, { release, salt, events }: Pick<Moment, "release" | "salt" | "events">) {
    this.timestamp = timestamp;
    this.release = release;
    this.salt = salt;
    this.events = events;
    this.#cursor = timestamp - BigInt(EVENT_SLOTS_PER_TRANSACTION);
  }

  /** Ledger events that may still happen. */
  get slotsLeft(): number {
    return Number(this.timestamp - this.#cursor);
  }

  /** Reserves timestamps for `count` ledger events; returns that of the last. */
  takeSlots(count: number): bigint {
    assert(count <= this.slotsLeft, `no timestamps left for ${count} ledger events`);
    this.#cursor += BigInt(count);
    return this.#cursor;
  }
}
