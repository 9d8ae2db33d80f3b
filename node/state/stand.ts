/**
 * Where the state stands: height, log time, digest and block hash. One page of every checkpoint.
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
}

const schema = tuple(safeInteger, u64, bytes(32), bytes(32));

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
    const { height, timestamp, digest, blockHash } = this.#at;
    return pack([height, timestamp, digest, blockHash]);
  }

  markClean(): void {
    // Height moves with every block: the page is always part of a checkpoint.
  }

  decodePage(_page: number, encoded: Uint8Array): void {
    const [height, timestamp, digest, blockHash] = check(schema, unpack(encoded), "malformed_body");
    this.#at = { height, timestamp, digest, blockHash };
  }

  restored(): void {
    // Nothing is derived from it.
  }
}
