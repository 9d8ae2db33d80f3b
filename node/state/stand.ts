/**
 * Where the state stands: height, log time, digest, and of the last block its hash, its term and the configuration it
 * stands under. One page of every checkpoint.
 */
import { must } from "../base/assert.ts";
import type { Configuration } from "../base/configuration.ts";
import type { Paged } from "../base/paged.ts";
import { CONFIGURATION_BYTES, decodeConfiguration, encodeConfiguration } from "../wire/block-configuration.ts";
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
  readonly configuration: Configuration;
  /** Bytes of the bodies of all blocks so far. */
  readonly logBytes: number;
}

const schema = tuple(safeInteger, u64, bytes(32), bytes(32), safeInteger, bytes(CONFIGURATION_BYTES), safeInteger);

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
    const { height, timestamp, digest, blockHash, term, configuration, logBytes } = this.#at;
    const members = new Uint8Array(CONFIGURATION_BYTES);
    encodeConfiguration(members, configuration);
    return pack([height, timestamp, digest, blockHash, term, members, logBytes]);
  }

  markClean(): void {
    // Height moves with every block: the page is always part of a checkpoint.
  }

  decodePage(_page: number, encoded: Uint8Array): void {
    const fields = check(schema, unpack(encoded), "malformed_body");
    const [height, timestamp, digest, blockHash, term, members, logBytes] = fields;
    const configuration = must(decodeConfiguration(members), "the members of a checkpoint can be read");
    this.#at = { height, timestamp, digest, blockHash, term, configuration, logBytes };
  }

  restored(): void {
    // Nothing is derived from it.
  }
}
