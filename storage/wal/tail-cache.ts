/** The newest records in memory: up to a number of bytes, but always those that are not on disk yet. */
import type { WalRecord } from "./log-store.ts";

export class TailCache {
  readonly #bytesMax: number;
  /** By index. Invariant: these are all from #first up to and not including #next. */
  readonly #records = new Map<number, WalRecord>();
  #first = 0;
  #next = 0;
  #bytes = 0;
  #durableIndex = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  add(record: WalRecord, durableIndex: number): void {
    if (this.#records.size === 0) this.#first = record.index;
    this.#records.set(record.index, record);
    this.#next = record.index + 1;
    this.#bytes += record.payload.length;
    this.trim(durableIndex);
  }

  /** The log is durable up to here: what is too much goes. */
  trim(durableIndex: number): void {
    this.#durableIndex = durableIndex;
    while (this.#bytes > this.#bytesMax && this.#records.size > 0 && this.#first <= durableIndex) {
      this.#forget(this.#first);
      this.#first += 1;
    }
  }

  /** Of the records that are durable, as it was told. */
  get durableBytes(): number {
    let bytes = 0;
    for (const { index, payload } of this.#records.values()) if (index <= this.#durableIndex) bytes += payload.length;
    return bytes;
  }

  get(index: number): WalRecord | undefined {
    return this.#records.get(index);
  }

  /** Forgets the records from `from` on. */
  truncate(from: number): void {
    this.#durableIndex = Math.min(this.#durableIndex, from - 1);
    while (this.#records.size > 0 && this.#next > from) {
      this.#next -= 1;
      this.#forget(this.#next);
    }
  }

  #forget(index: number): void {
    this.#bytes -= this.#records.get(index)?.payload.length ?? 0;
    this.#records.delete(index);
  }
}
