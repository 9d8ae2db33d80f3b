/** The newest records in memory: up to a number of bytes, but always those that are not on disk yet. */
import type { WalRecord } from "./log-store.ts";

export class TailCache {
  readonly #bytesMax: number;
  /** Invariant: consecutive indexes, so a record is found by subtraction. */
  #records: WalRecord[] = [];
  #dropped = 0;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  add(record: WalRecord, durableIndex: number): void {
    this.#records.push(record);
    this.#bytes += record.payload.length;
    for (;;) {
      const oldest = this.#records[this.#dropped];
      if (oldest === undefined || this.#bytes <= this.#bytesMax || oldest.index > durableIndex) break;
      this.#bytes -= oldest.payload.length;
      this.#dropped += 1;
    }
    if (this.#dropped > 1024 && this.#dropped * 2 > this.#records.length) {
      this.#records = this.#records.slice(this.#dropped);
      this.#dropped = 0;
    }
  }

  get(index: number): WalRecord | undefined {
    const first = this.#records[this.#dropped];
    return first === undefined || index < first.index ? undefined : this.#records[this.#dropped + index - first.index];
  }

  /** Forgets the records from `from` on. */
  truncate(from: number): void {
    while (this.#records.length > this.#dropped && (this.#records.at(-1) as WalRecord).index >= from) {
      this.#bytes -= (this.#records.pop() as WalRecord).payload.length;
    }
  }
}
