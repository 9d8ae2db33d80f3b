/** A bounded first-in-first-out queue of messages: a ring that grows up to its bound and never past it. */

const INITIAL_CAPACITY = 16;

export class Mailbox<M> {
  readonly #depthMax: number;
  #slots: (M | undefined)[] = emptySlots<M>(INITIAL_CAPACITY);
  #head = 0;
  #length = 0;

  constructor(depthMax: number) {
    this.#depthMax = depthMax;
  }

  get length(): number {
    return this.#length;
  }

  /** Takes the message, or answers false when full. */
  offer(message: M): boolean {
    if (this.#length === this.#depthMax) return false;
    if (this.#length === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.#length) % this.#slots.length] = message;
    this.#length += 1;
    return true;
  }

  /** Removes the oldest message; the caller has checked that there is one. */
  take(): M {
    const message = this.#slots[this.#head] as M;
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.#slots.length;
    this.#length -= 1;
    return message;
  }

  clear(): void {
    this.#slots = emptySlots<M>(INITIAL_CAPACITY);
    this.#head = 0;
    this.#length = 0;
  }

  #grow(): void {
    const wider = emptySlots<M>(this.#slots.length * 2);
    for (let i = 0; i < this.#length; i++) wider[i] = this.#slots[(this.#head + i) % this.#slots.length];
    this.#slots = wider;
    this.#head = 0;
  }
}

function emptySlots<M>(count: number): (M | undefined)[] {
  return Array.from({ length: count }, () => undefined);
}
