/**
 * Where the state stands: height, log time, digest, and of the last block its hash, its term, its release and the
 * configuration it stands under. One page of every checkpoint, and the first to be read: a page of a release that is not
 * known may have more fields, but the release has its place.
 *
 * In release 1 the page does not say its release, so that programs that know no other write the same bytes.
 */
import { must } from "../base/assert.ts";
import type { Configuration } from "../base/configuration.ts";
import type { Paged } from "../base/paged.ts";
import { FIRST_RELEASE, NEWEST_RELEASE, RELEASE_MAX, releaseError } from "../base/release.ts";
import { CONFIGURATION_BYTES, decodeConfiguration, encodeConfiguration } from "../wire/block-configuration.ts";
import { pack, unpack } from "../wire/msgpack.ts";
import { bytes, check, integer, list, safeInteger, tuple, u64 } from "../wire/schema.ts";

export interface StandAt {
  readonly height: number;
  /** Log time, nanoseconds. */
  readonly timestamp: bigint;
  readonly digest: Uint8Array;
  readonly blockHash: Uint8Array;
  /** Term of the last block; 0 before the first. */
  readonly term: number;
  /** Release of the last block; the first before there is one. */
  readonly release: number;
  readonly configuration: Configuration;
  /** Bytes of the bodies of all blocks so far. */
  readonly logBytes: number;
}

const schema = tuple(safeInteger, u64, bytes(32), bytes(32), safeInteger, bytes(CONFIGURATION_BYTES), safeInteger);
/** So many fields the page has in release 1; the release comes behind them. */
const FIRST_FIELDS = 7;
const laterRelease = list(integer(FIRST_RELEASE + 1, RELEASE_MAX), 1);

export class Stand implements Paged {
  readonly name = "stand";
  readonly #releaseMax: number;
  #at: StandAt;

  /** Pages up to the release `releaseMax` are read. */
  constructor(start: StandAt, releaseMax: number = NEWEST_RELEASE) {
    this.#at = start;
    this.#releaseMax = releaseMax;
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
    const { height, timestamp, digest, blockHash, term, configuration, logBytes, release } = this.#at;
    const members = new Uint8Array(CONFIGURATION_BYTES);
    encodeConfiguration(members, configuration);
    const fields = [height, timestamp, digest, blockHash, term, members, logBytes];
    return pack(release === FIRST_RELEASE ? fields : [...fields, release]);
  }

  markClean(): void {
    // Height moves with every block: the page is always part of a checkpoint.
  }

  /** Throws `CodedError` `release_too_new` for a page that this node does not read. */
  decodePage(_page: number, encoded: Uint8Array): void {
    const page = unpack(encoded);
    const [first, later]: readonly [unknown, readonly unknown[]] = Array.isArray(page)
      ? [page.slice(0, FIRST_FIELDS), page.slice(FIRST_FIELDS)]
      : [page, []];
    const [named] = later;
    if (typeof named === "number" && named > this.#releaseMax)
      throw releaseError("the checkpoint", named, this.#releaseMax);
    const fields = check(schema, first, "malformed_body");
    const [release = FIRST_RELEASE] = check(laterRelease, later, "malformed_body");
    const [height, timestamp, digest, blockHash, term, members, logBytes] = fields;
    const configuration = must(decodeConfiguration(members), "the members of a checkpoint can be read");
    this.#at = { height, timestamp, digest, blockHash, term, configuration, logBytes, release };
  }

  restored(): void {
    // Nothing is derived from it.
  }
}
