/**
 * Which pending transfer expires next: a binary heap in a typed array, by expiry, then by slot, which is the order of
 * creation. Entries of transfers that were resolved stay until they come up; the caller skips them.
 */

const ENTRY_WORDS = 3;
const LOW = 0;
const HIGH = 1;
const SLOT = 2;
const INITIAL_ENTRIES = 256;

export class ExpiryQueue {
  #heap = new Uint32Array(INITIAL_ENTRIES * ENTRY_WORDS);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The first entry's transfer; there must be one. */
  get slot(): number {
    return this.#heap[SLOT] as number;
  }

  /** The first entry's expiry, copied. */
  copyTime(to: Uint32Array, at: number): void {
    to[at] = this.#heap[LOW] as number;
    to[at + 1] = this.#heap[HIGH] as number;
  }

  push(time: Uint32Array, at: number, slot: number): void {
    if ((this.#count + 1) * ENTRY_WORDS > this.#heap.length) {
      const larger = new Uint32Array(this.#heap.length * 2);
      larger.set(this.#heap);
      this.#heap = larger;
    }
    const low = time[at] as number;
    const high = time[at + 1] as number;
    let place = this.#count;
    this.#count += 1;
    while (place > 0) {
      const parent = (place - 1) >>> 1;
      if (!this.#isAfter(parent, low, high, slot)) break;
      this.#move(parent, place);
      place = parent;
    }
    this.#put(place, low, high, slot);
  }

  /** Takes the first entry away. */
  pop(): void {
    this.#count -= 1;
    const last = this.#count * ENTRY_WORDS;
    const low = this.#heap[last + LOW] as number;
    const high = this.#heap[last + HIGH] as number;
    const slot = this.#heap[last + SLOT] as number;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.#count) break;
      if (child + 1 < this.#count && this.#isAfterEntry(child, child + 1)) child += 1;
      if (this.#isAfter(child, low, high, slot)) break;
      this.#move(child, place);
      place = child;
    }
    this.#put(place, low, high, slot);
  }

  #isAfter(place: number, low: number, high: number, slot: number): boolean {
    const at = place * ENTRY_WORDS;
    const difference = (this.#heap[at + HIGH] as number) - high || (this.#heap[at + LOW] as number) - low;
    return difference === 0 ? (this.#heap[at + SLOT] as number) > slot : difference > 0;
  }

  #isAfterEntry(place: number, other: number): boolean {
    const at = other * ENTRY_WORDS;
    const heap = this.#heap;
    return this.#isAfter(place, heap[at + LOW] as number, heap[at + HIGH] as number, heap[at + SLOT] as number);
  }

  #move(from: number, to: number): void {
    this.#heap.copyWithin(to * ENTRY_WORDS, from * ENTRY_WORDS, (from + 1) * ENTRY_WORDS);
  }

  #put(place: number, low: number, high: number, slot: number): void {
    const at = place * ENTRY_WORDS;
    this.#heap[at + LOW] = low;
    this.#heap[at + HIGH] = high;
    this.#heap[at + SLOT] = slot;
  }
}
