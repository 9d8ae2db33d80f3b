/**
 * The chain of blocks at a replica: where it ends, and whether blocks that a peer sends belong behind it.
 *
 * Raft does not look into entries, and the log and the state machine take every block they are given for a good one: what
 * does not belong would stop the node there. So it is stopped here, at the gate, before it is acknowledged or kept.
 */
import type { Entry } from "../../consensus/raft/messages.ts";
import { equalBytes } from "../base/bytes.ts";
import type { Sha256 } from "../base/ports/crypto.ts";
import { releaseTooNew } from "../base/release.ts";
import { type Block, blockHash, decodeBlockHeader, earliestTimestamp } from "../wire/block.ts";
import { WireError } from "../wire/msgpack.ts";
import { GROUP } from "../wire/transaction.ts";

/** Where a chain ends: what the next block is chained to. */
export interface ChainHead {
  readonly hash: Uint8Array;
  readonly timestamp: bigint;
  readonly release: number;
}

/** The end of a chain whose last block this is. */
export function headOf(sha256: Sha256, block: Uint8Array): ChainHead {
  const { timestamp, release } = decodeBlockHeader(block);
  return { hash: blockHash(sha256, block), timestamp, release };
}

/** What blocks are looked at with. */
export interface ChainGate {
  readonly decode: (bytes: Uint8Array) => Block;
  readonly clusterId: Uint8Array;
  /** The newest release that this node reads. */
  readonly releaseMax: number;
  /** The latest log time that can be: whoever has a later one in its log finds no time for the blocks behind it. */
  readonly latest: bigint;
}

/**
 * What is wrong with entries that are to stand behind `before` (undefined where that is not known here), in words; undefined
 * when each is a whole block of this cluster at its own place, of a release that this node reads.
 */
export function chainFault(
  { decode, clusterId, releaseMax, latest }: ChainGate,
  before: ChainHead | undefined,
  entries: readonly Entry[],
): string | undefined {
  let head = before;
  try {
    for (const entry of entries) {
      const { header, hash } = decode(entry.data);
      const { height, term, group, timestamp, previousHash, transactionCount, release } = header;
      if (height !== entry.index || term !== entry.term) return `block ${height} of term ${term} stands elsewhere`;
      if (header.state.height >= height) return `block ${height} names a state that is not before it`;
      if (!equalBytes(header.clusterId, clusterId) || group !== GROUP) return `block ${height} is of another cluster`;
      if (release > releaseMax) return `block ${height} is ${releaseTooNew(release, releaseMax)}`;
      if (timestamp > latest) return `block ${height} is dated years ahead of this node's clock`;
      if (head !== undefined) {
        if (release < head.release) return `block ${height} is of release ${release}, after release ${head.release}`;
        if (!equalBytes(previousHash, head.hash)) return `block ${height} does not follow the block before it`;
        const earliest = earliestTimestamp(head.timestamp, transactionCount);
        if (timestamp < earliest) return `the timestamp of block ${height} leaves no room for its events`;
      }
      head = { hash, timestamp, release };
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return error.message;
  }
  return undefined;
}
