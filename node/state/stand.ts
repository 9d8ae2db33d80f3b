/**
 * Where the state stands: height, log time, digest, and the last block's hash and term. One page of every checkpoint.
 */
import type { Paged } from "../base/paged.ts";
import { pack, unpack } from "../wire/msgpack.ts";
import { bytes, check, safeInteger, tuple, u64 } from "../wire/schema.ts";

export interface StandAt {
  readonly height: number;
  /** Log time, nanoseconds. */
  readonly timestamp: bigint;
  readonly digest: Uint8Array;
  readonly blockHash: Uint8Array;
  /** Term of the last block; 0 before the first. */
  readonly term: number;
}

const schema = tuple(safeInteger, u64, bytes(32), bytes(32), safeInteger);

export class Stand implements Paged {
  readonly name = "stand";
  #at: StandAt;

  constructor(start: StandAt) {
    this.#at = start;
  }

  get at(): StandAt {
    return this.#at;
  }

  move(to: StandAt): void {
    this.#at = to;
  }

  pageCount(): number {
    return 1;
  }

  dirtyPages(): readonly number[] {
    return [0];
  }

  encodePage(): Uint8Array {
    const { height, timestamp, digest, blockHash, term } = this.#at;
    return pack([height, timestamp, digest, blockHash, term]);
  }

  markClean(): void {
    // Height moves with every block: the page is always part of a checkpoint.
  }

  decodePage(_page: number, encoded: Uint8Array): void {
    const [height, timestamp, digest, blockHash, term] = check(schema, unpack(encoded), "malformed_body");
    this.#at = { height, timestamp, digest, blockHash, term };
  }

  restored(): void {
    // Nothing is derived from it.
  }
}
