/**
 * Queues over slots: each slot stands in one queue, or in none. Whoever enters goes to the end, and leaves from anywhere,
 * without an allocation. They say whose turn it is to be forgotten: the longest unused stands first.
 */
import { assert } from "../base/assert.ts";

const NONE = -1;
const FIRST_CAPACITY = 64;

/** The ends of one queue, and how many stand in it. */
export interface SlotQueue {
  first: number;
  last: number;
  size: number;
}

export function emptyQueue(): SlotQueue {
  return { first: NONE, last: NONE, size: 0 };
}

export class SlotQueues {
  #before = new Int32Array(FIRST_CAPACITY);
  #behind = new Int32Array(FIRST_CAPACITY);

  /** Puts a slot that stands nowhere at the end of a queue. */
  enter(queue: SlotQueue, slot: number): void {
    if (slot >= this.#before.length) this.#grow(slot);
    this.#before[slot] = queue.last;
    this.#behind[slot] = NONE;
    if (queue.last === NONE) queue.first = slot;
    else this.#behind[queue.last] = slot;
    queue.last = slot;
    queue.size += 1;
  }

  /** Takes a slot out of the queue that it stands in. */
  leave(queue: SlotQueue, slot: number): void {
    assert(queue.size > 0, "a slot leaves an empty queue");
    const before = this.#before[slot] as number;
    const behind = this.#behind[slot] as number;
    if (before === NONE) queue.first = behind;
    else this.#behind[before] = behind;
    if (behind === NONE) queue.last = before;
    else this.#before[behind] = before;
    queue.size -= 1;
  }

  /** Lets a slot of the queue go to its end. */
  requeue(queue: SlotQueue, slot: number): void {
    if (queue.last === slot) return;
    this.leave(queue, slot);
    this.enter(queue, slot);
  }

  #grow(slot: number): void {
    const length = Math.max(slot + 1, this.#before.length * 2);
    const before = new Int32Array(length);
    const behind = new Int32Array(length);
    before.set(this.#before);
    behind.set(this.#behind);
    this.#before = before;
    this.#behind = behind;
  }
}
