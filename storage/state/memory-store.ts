/**
 * The store in memory, with crash behaviour: a write is atomic, durable once `done` has been called, and may or may not
 * have happened when the power fails before; earlier writes never get lost where later ones survive. A write that fails
 * for want of space is the last that is tried until then. Reads of some values may fail for a while.
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
  /** Which values cannot be read now, and whether that is over with the first that was tried. */
  #unreadable: { readonly isOf: (key: string) => boolean; readonly isOnce: boolean } | undefined;
  readonly #unread = new Set<string>();
  #pending: (readonly StoreChange[])[] = [];
  #epoch = 0;
  #hasFailed = false;
  /** There is no space: every write fails. */
  isFull = false;
  /** Somebody looks at it from outside: what fails for its owner is read. */
  isWatched = false;

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

  /** Values whose keys are such cannot be read, the first that is tried or all of them, until `healReads`. */
  failReads(isOf: (key: string) => boolean, isOnce: boolean): void {
    this.#unreadable = { isOf, isOnce };
  }

  healReads(): void {
    this.#unreadable = undefined;
  }

  /** Whether something cannot be read now that is as it was written. */
  get isUnreadable(): boolean {
    return this.#unreadable !== undefined;
  }

  /** The keys of what could not be read, though it is as it was written, since somebody began anew, and was not written since. */
  get unread(): ReadonlySet<string> {
    return this.#unread;
  }

  /** The power fails, or the process has ended; a prefix of what was on its way, or has failed, survives. */
  crash(random: Random): void {
    this.#epoch += 1;
    this.#hasFailed = false;
    this.#unread.clear();
    const survivors = random.below(this.#pending.length + 1);
    for (const changes of this.#pending.slice(0, survivors)) this.#apply(changes);
    this.#pending = [];
  }

  #read(values: ReadonlyMap<string, Uint8Array>, key: string): Uint8Array | undefined {
    if (!this.isWatched && this.#unreadable?.isOf(key) === true && values.has(key)) {
      this.#unread.add(key);
      if (this.#unreadable.isOnce) this.#unreadable = undefined;
      throw damaged(`the value of ${key} cannot be read (input/output error)`, undefined, key);
    }
    if (this.#damaged.has(key)) throw damaged(`the value of ${key} is not the one that was written`, undefined, key);
    return values.get(key)?.slice();
  }

  #apply(changes: readonly StoreChange[]): void {
    for (const { key, value } of changes) {
      this.#damaged.delete(key);
      this.#unread.delete(key);
      if (value === undefined) this.#values.delete(key);
      else this.#values.set(key, value);
    }
  }
}
