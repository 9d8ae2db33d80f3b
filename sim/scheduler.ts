/**
 * Virtual time: events in a binary heap, ordered by time and then by the order in which they were scheduled, so that a
 * run is a pure function of what is scheduled. Time is whole microseconds and jumps from one event to the next.
 */
import { assert } from "../node/base/assert.ts";

/** Something that will happen; cancelled ones are skipped when their time comes. */
export interface ScheduledEvent {
  readonly atUs: number;
  readonly sequence: number;
  run: (() => void) | undefined;
}

export class Scheduler {
  readonly #heap: ScheduledEvent[] = [];
  #nowUs = 0;
  #sequence = 0;

  /** Microseconds since the run began. */
  get nowUs(): number {
    return this.#nowUs;
  }

  get nowMs(): number {
    return Math.floor(this.#nowUs / 1000);
  }

  /** Runs `run` after a delay of whole microseconds. */
  after(delayUs: number, run: () => void): ScheduledEvent {
    assert(
      Number.isSafeInteger(delayUs) && delayUs >= 0,
      "a delay is a whole number of microseconds, and not negative",
    );
    this.#sequence += 1;
    const event: ScheduledEvent = { atUs: this.#nowUs + delayUs, sequence: this.#sequence, run };
    this.#heap.push(event);
    this.#siftUp(this.#heap.length - 1);
    return event;
  }

  /** Runs the next event; false when none is left up to and including `untilUs`, where time then stands. */
  step(untilUs: number): boolean {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.atUs > untilUs) {
        this.#nowUs = Math.max(this.#nowUs, untilUs);
        return false;
      }
      this.#removeFirst();
      if (next.run === undefined) continue;
      assert(next.atUs >= this.#nowUs, "time never goes back");
      this.#nowUs = next.atUs;
      next.run();
      return true;
    }
  }

  #removeFirst(): void {
    const last = this.#heap.pop() as ScheduledEvent;
    if (this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#siftDown();
  }

  #siftUp(from: number): void {
    const heap = this.#heap;
    const event = heap[from] as ScheduledEvent;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as ScheduledEvent;
      if (!before(event, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  #siftDown(): void {
    const heap = this.#heap;
    const event = heap[0] as ScheduledEvent;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as ScheduledEvent, heap[child] as ScheduledEvent))
        child += 1;
      const below = heap[child] as ScheduledEvent;
      if (!before(below, event)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = event;
  }
}

function before(a: ScheduledEvent, b: ScheduledEvent): boolean {
  return a.atUs < b.atUs || (a.atUs === b.atUs && a.sequence < b.sequence);
}
