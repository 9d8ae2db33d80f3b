/**
 * Executing a log again, block by block: every signature, the chain of hashes, and what each block's leader has said of its
 * own state. The first thing that does not hold ends it.
 */
import { assert } from "../base/assert.ts";
import { equalBytes, toHex } from "../base/bytes.ts";
import { errorMessage } from "../base/errors.ts";
import { HashColumn } from "../base/hash-column.ts";
import { StateMachine } from "../state/state-machine.ts";
import type { Attested, NodeTrust } from "../wire/attestation.ts";
import { type Block, type BlockHeader, decodeBlock } from "../wire/block.ts";
import type { Genesis } from "../wire/genesis.ts";
import { decodeTransaction, signatureJobs } from "../wire/transaction.ts";
import { ConfigurationHistory } from "./configuration-history.ts";

/** Whose log it is, and with what its hashes and signatures are checked. */
export interface ReplayedCluster extends Pick<NodeTrust, "clusterId" | "sha256" | "verify"> {
  readonly genesis: Genesis;
}

export class Replay {
  readonly state: StateMachine;
  /** Of all blocks seen here, by height; digests of those executed. */
  readonly blockHashes: HashColumn = new HashColumn();
  readonly configurations: ConfigurationHistory = new ConfigurationHistory();
  readonly digests: HashColumn = new HashColumn();
  /** What does not hold, in words. */
  problem: string | undefined;
  transactions = 0;
  readonly #cluster: ReplayedCluster;

  /** Goes on from `state`: the genesis, or what an earlier run has come to. */
  constructor(cluster: ReplayedCluster, state: StateMachine = new StateMachine(cluster)) {
    this.#cluster = cluster;
    this.state = state;
    this.digests.set(state.height, state.digest);
  }

  /**
   * Executes the next block, or one that went before the state only checks for its signatures and for being the one that
   * the state has. After a problem it does nothing.
   */
  apply(payload: Uint8Array): void {
    if (this.problem !== undefined) return;
    const next = this.state.height + 1;
    try {
      const block = decodeBlock(this.#cluster.sha256, payload);
      const { height } = block.header;
      this.problem = this.#wrongSignature(block) ?? this.#otherState(block.header) ?? this.#otherBlock(block);
      if (this.problem !== undefined) return;
      if (height >= next) {
        this.state.apply(block);
        this.digests.set(height, this.state.digest);
      }
      this.transactions += block.transactions.length;
      this.blockHashes.set(height, block.hash);
      this.configurations.set(height, block.header.configuration);
    } catch (error) {
      this.problem = `block ${next} does not follow: ${errorMessage(error)}`;
    }
  }

  /** How what somebody has signed differs from the state as it stands here, at the same height; undefined where it does not. */
  difference(signed: Attested): string | undefined {
    const here = this.state.attested();
    assert(signed.height === here.height, "states are compared at one height");
    for (const [name, what] of COMPARED) {
      if (!equalBytes(here[name], signed[name])) {
        return `${what} ${here.height} is ${toHex(signed[name])} there; executing the log gives ${toHex(here[name])}`;
      }
    }
    return undefined;
  }

  #wrongSignature(block: Block): string | undefined {
    const { clusterId, sha256, verify } = this.#cluster;
    for (const [place, encoded] of block.transactions.entries()) {
      const transaction = decodeTransaction(encoded);
      const jobs = signatureJobs(sha256, clusterId, transaction);
      if (!jobs.every(({ publicKey, message, signature }) => verify(publicKey, message, signature))) {
        return `block ${block.header.height}: a signature of transaction ${place} is wrong`;
      }
    }
    return undefined;
  }

  #otherBlock({ header: { height }, hash }: Block): string | undefined {
    if (height !== this.state.height || equalBytes(hash, this.state.blockHash)) return undefined;
    return `block ${height} is not the one that the state at that height comes from`;
  }

  /** What the block's leader said of its state, held against ours; states before the first block executed here are not known. */
  #otherState({ height, term, state: said }: BlockHeader): string | undefined {
    const here = this.digests.get(said.height);
    if (here === undefined || equalBytes(here, said.digest)) return undefined;
    return (
      `block ${height} was made by a leader (term ${term}) whose state after block ${said.height} had the digest ` +
      `${toHex(said.digest)}, executing the log gives ${toHex(here)}`
    );
  }
}

const COMPARED = [
  ["blockHash", "the hash of block"],
  ["digest", "the state digest after block"],
  ["historyRoot", "the root of the history up to block"],
] as const;
