/**
 * The leader's block builder: transactions wait in a bounded queue and leave it as blocks, each chained to the one before.
 *
 * It knows the head of this node's log only while the node leads; `lead` tells it where to go on.
 */
import { assert } from "../base/assert.ts";
import type { NodeId } from "../base/ids.ts";
import { BLOCK_BYTES_MAX, BLOCK_TRANSACTIONS_MAX, PROPOSAL_QUEUE_BYTES_MAX } from "../base/limits.ts";
import type { Clock } from "../base/ports/clock.ts";
import type { Sha256 } from "../base/ports/crypto.ts";
import { type Perturb, unperturbed } from "../base/ports/perturb.ts";
import { type BlockContent, type EncodedBlock, earliestTimestamp, encodeBlock } from "../wire/block.ts";
import { GROUP } from "../wire/transaction.ts";
import type { TransactionHashes } from "../wire/transaction-hashes.ts";
import type { ChainHead } from "./chain.ts";

const NANOSECONDS_PER_MILLISECOND = 1_000_000n;
/** Bytes a transaction takes in a block besides its own. */
const LENGTH_PREFIX_BYTES = 4;

export interface BlockBuilderDeps {
  readonly node: NodeId;
  readonly clock: Clock;
  readonly sha256: Sha256;
  readonly hashes: TransactionHashes;
  readonly clusterId: Uint8Array;
  readonly perturb?: Perturb | undefined;
}

/** Where a block is to stand; without a release it has that of the block before. */
export type BlockPlace = Pick<BlockContent, "release" | "height" | "term" | "state" | "configuration">;

export class BlockBuilder {
  readonly #deps: BlockBuilderDeps;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  /** Invariant: there exactly while this node leads. */
  #head: ChainHead | undefined;

  constructor(deps: BlockBuilderDeps) {
    this.#deps = deps;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** The release of the block that was built last, or that is gone on from. */
  get release(): number {
    return this.#leading().release;
  }

  /** Bytes of what waits. */
  get waitingBytes(): number {
    return this.#queuedBytes;
  }

  /** Starts a term as leader, behind the last block of the log. */
  lead(head: ChainHead): void {
    this.#head = head;
  }

  /** Stops leading, and hands back what will not be ordered by this node. */
  follow(): Uint8Array[] {
    this.#head = undefined;
    const left = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    return left;
  }

  /** Takes a transaction, or answers false when too much is waiting. */
  offer(transaction: Uint8Array): boolean {
    if (this.#queuedBytes + transaction.length > PROPOSAL_QUEUE_BYTES_MAX) return false;
    this.#queue.push(transaction);
    this.#queuedBytes += transaction.length;
    return true;
  }

  /** Builds the block of `height` and `term` out of what waits; an empty block where nothing does. */
  build({ release, ...place }: BlockPlace): EncodedBlock {
    const { clock, sha256, hashes, clusterId, node } = this.#deps;
    const head = this.#leading();
    assert(release === undefined || release >= head.release, `release ${release} does not follow ${head.release}`);
    const transactions = this.#take();
    const wall = BigInt(clock.wallMs()) * NANOSECONDS_PER_MILLISECOND;
    const earliest = earliestTimestamp(head.timestamp, transactions.length);
    const timestamp = wall > earliest ? wall : earliest;
    const leaves = transactions.map((transaction) => hashes.of(transaction));
    const said = { group: GROUP, release: release ?? head.release, builder: node };
    const links = { timestamp, clusterId, previousHash: head.hash };
    const block = encodeBlock(sha256, { transactions, leaves, ...place, ...said, ...links });
    this.#head = { hash: block.hash, timestamp, release: block.header.release };
    return block;
  }

  #leading(): ChainHead {
    assert(this.#head !== undefined, "only a leader builds blocks");
    return this.#head;
  }

  #take(): Uint8Array[] {
    const { perturb = unperturbed } = this.#deps;
    const most = perturb("blockOfOne") ? 1 : BLOCK_TRANSACTIONS_MAX;
    let bytes = 0;
    let count = 0;
    for (const transaction of this.#queue) {
      bytes += transaction.length + LENGTH_PREFIX_BYTES;
      if (count === most || (count > 0 && bytes > BLOCK_BYTES_MAX)) break;
      count += 1;
    }
    const taken = this.#queue.splice(0, count);
    for (const transaction of taken) this.#queuedBytes -= transaction.length;
    return taken;
  }
}
