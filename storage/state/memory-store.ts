/**
 * The store in memory, with crash behaviour: a write is atomic, durable once `done` has been called, and may or may not
 * have happened when the power fails before; earlier writes never get lost where later ones survive. A write that fails
 * for want of space is the last that is tried until then.
 */
import type { CodedError } from "../../node/base/errors.ts";
import type { Random } from "../../node/base/ports/random.ts";
import type { Store, StoreChange, StoreSnapshot } from "../../node/base/ports/store.ts";
import { StorageError } from "../errors.ts";
import { damaged } from "./faults.ts";
import { keysOf } from "./keys.ts";

export class MemoryStore implements Store {
  readonly #schedule: (run: () => void) => void;
  readonly #values = new Map<string, Uint8Array>();
  /** Keys whose values are not what was written. */
  readonly #damaged = new Set<string>();
  #pending: (readonly StoreChange[])[] = [];
  #epoch = 0;
  #hasFailed = false;
  /** There is no space: every write fails. */
  isFull = false;

  /** `schedule` runs completions later, in the order it was called. */
  constructor(schedule: (run: () => void) => void) {
    this.#schedule = schedule;
  }

  get(key: string): Uint8Array | undefined {
    return this.#read(this.#values, key);
  }

  snapshot(): StoreSnapshot {
    const values = new Map(this.#values);
    return {
      get: (key) => this.#read(values, key),
      keys: (prefix) => keysOf(values, prefix),
      close: () => {},
    };
  }

  write(changes: readonly StoreChange[], done: (error?: CodedError) => void): void {
    const copies = changes.map(({ key, value }) => (value === undefined ? { key } : { key, value: value.slice() }));
    const epoch = this.#epoch;
    this.#pending.push(copies);
    this.#schedule(() => {
      if (epoch !== this.#epoch) return;
      if (this.#hasFailed) return;
      if (this.isFull) {
        this.#hasFailed = true;
        done(new StorageError("store_failed", "the store cannot be written (there is no space)"));
        return;
      }
      this.#pending.shift();
      this.#apply(copies);
      done();
    });
  }

  /** Whether a write has failed, and nobody has begun anew since. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Damages the value of a key: it cannot be read until it is written again. */
  damage(key: string): void {
    this.#damaged.add(key);
  }

  get isDamaged(): boolean {
    return this.#damaged.size > 0;
  }

  /** The power fails, or the process has ended; a prefix of what was on its way, or has failed, survives. */
  crash(random: Random): void {
    this.#epoch += 1;
    this.#hasFailed = false;
    const survivors = random.below(this.#pending.length + 1);
    for (const changes of this.#pending.slice(0, survivors)) this.#apply(changes);
    this.#pending = [];
  }

  #read(values: ReadonlyMap<string, Uint8Array>, key: string): Uint8Array | undefined {
    if (this.#damaged.has(key)) throw damaged(`the value of ${key} is not the one that was written`, undefined, key);
    return values.get(key)?.slice();
  }

  #apply(changes: readonly StoreChange[]): void {
    for (const { key, value } of changes) {
      this.#damaged.delete(key);
      if (value === undefined) this.#values.delete(key);
      else this.#values.set(key, value);
    }
  }
}
