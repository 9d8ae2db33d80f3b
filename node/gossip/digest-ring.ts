/**
 * This node's own state digests of the newest heights, to hold against what others say of theirs.
 */
import type { DigestAt } from "./frames.ts";

export class DigestRing {
  readonly #size: number;
  /** By height modulo the size; what has not come yet is not there. */
  readonly #digests: (DigestAt | undefined)[] = [];
  #newest: DigestAt | undefined;

  /** Remembers the newest `size` heights. */
  constructor(size: number) {
    this.#size = size;
  }

  get newest(): DigestAt | undefined {
    return this.#newest;
  }

  add(at: DigestAt): void {
    this.#digests[at.height % this.#size] = at;
    this.#newest = at;
  }

  /** The digest at a height, while it is remembered. */
  at(height: number): Uint8Array | undefined {
    const found = this.#digests[height % this.#size];
    return found?.height === height ? found.digest : undefined;
  }
}
