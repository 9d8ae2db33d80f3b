/**
 * The appends on their way to one follower: bounded in number and in bytes, so that a slow or dead follower costs a
 * fixed amount of memory and never a queue. An acknowledgement of a position frees all appends that end there or before.
 */
import type { LogIndex } from "../../node/base/ids.ts";

export class InFlight {
  readonly #countMax: number;
  readonly #bytesMax: number;
  readonly #appends: { readonly last: LogIndex; readonly bytes: number }[] = [];
  #bytes = 0;

  constructor(countMax: number, bytesMax: number) {
    this.#countMax = countMax;
    this.#bytesMax = bytesMax;
  }

  get count(): number {
    return this.#appends.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isFull(): boolean {
    return this.#appends.length >= this.#countMax || this.#bytes >= this.#bytesMax;
  }

  /** An append that ends at `last` has been sent; `last` never goes back until `clear`. */
  add(last: LogIndex, bytes: number): void {
    this.#appends.push({ last, bytes });
    this.#bytes += bytes;
  }

  freeTo(index: LogIndex): void {
    const kept = this.#appends.findIndex((append) => append.last > index);
    for (const append of this.#appends.splice(0, kept < 0 ? this.#appends.length : kept)) this.#bytes -= append.bytes;
  }

  clear(): void {
    this.#appends.length = 0;
    this.#bytes = 0;
  }
}
