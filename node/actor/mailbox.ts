/** A first-in-first-out queue of messages, bounded by whoever offers: a ring that grows as needed. */

const INITIAL_CAPACITY = 16;

export class Mailbox<M> {
  #slots: (M | undefined)[] = emptySlots<M>(INITIAL_CAPACITY);
  #head = 0;
  #length = 0;
  #most = 0;

  get length(): number {
    return this.#length;
  }

  /** The most that ever waited. */
  get most(): number {
    return this.#most;
  }

  /** Takes the message, or answers false when `depthMax` are waiting. */
  offer(message: M, depthMax: number): boolean {
    if (this.#length >= depthMax) return false;
    if (this.#length === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.#length) % this.#slots.length] = message;
    this.#length += 1;
    if (this.#length > this.#most) this.#most = this.#length;
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
