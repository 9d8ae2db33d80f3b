/**
 * Reads that a follower has passed on to its leader and that are not answered yet.
 *
 * On the wire they bear names of our own, with an epoch drawn at start: an answer that arrives twice, or that was meant
 * for this node before it restarted, finds nothing to release. Otherwise a late answer could release a new read at an
 * old index.
 */
import { must } from "../../node/base/assert.ts";

const EPOCH_BOUND = 2 ** 21;
const NAMES_PER_EPOCH = 2 ** 32;

export class ForwardedReads {
  readonly #countMax: number;
  /** From our name for a read to the driver's, oldest first. */
  readonly #requestIds = new Map<number, number>();
  #name: number;

  constructor(countMax: number, random: (bound: number) => number) {
    this.#countMax = countMax;
    this.#name = random(EPOCH_BOUND) * NAMES_PER_EPOCH;
  }

  get count(): number {
    return this.#requestIds.size;
  }

  get isFull(): boolean {
    return this.#requestIds.size >= this.#countMax;
  }

  /** Names a read for the wire. */
  add(requestId: number): number {
    this.#name += 1;
    this.#requestIds.set(this.#name, requestId);
    return this.#name;
  }

  /** The driver's id of an answered read; undefined when nobody waits for it. */
  take(name: number): number | undefined {
    const requestId = this.#requestIds.get(name);
    this.#requestIds.delete(name);
    return requestId;
  }

  /** Forgets the read that waits longest, most likely lost, and returns the driver's id of it. */
  takeOldest(): number {
    const [name] = this.#requestIds.keys();
    return must(this.take(must(name, "a read waits")), "a read waits");
  }

  /** The driver's ids of all that wait; none does afterwards. */
  drain(): readonly number[] {
    const requestIds = [...this.#requestIds.values()];
    this.#requestIds.clear();
    return requestIds;
  }
}
