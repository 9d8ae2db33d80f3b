/**
 * Verifying one node's data offline: checksums and hash chain of its log, signatures of its transactions, and the whole
 * log executed again from the first block, with its state digests compared with the checkpoint's.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { equalBytes, toHex } from "../../node/base/bytes.ts";
import { CodedError, errorMessage } from "../../node/base/errors.ts";
import { type ClusterFile, verifySignature } from "../../node/client/index.ts";
import { sha256 } from "../../node/host/node-crypto.ts";
import { type CheckpointMeta, loadCheckpointMeta } from "../../node/replica/checkpoint.ts";
import { StateMachine } from "../../node/state/state-machine.ts";
import { type Block, decodeBlock } from "../../node/wire/block.ts";
import { decodeTransaction, signingDigest } from "../../node/wire/transaction.ts";
import { NodeDisk } from "../../storage/node-disk.ts";
import { LevelStore } from "../../storage/state/level-store.ts";
import { verifyWal } from "../../storage/wal/verify.ts";

export interface NodeReport {
  readonly directory: string;
  readonly height: number;
  readonly digest: string;
  readonly transactions: number;
  readonly segments: number;
  /** Bytes behind the last whole record: what a crash cut off, which nobody had been promised. */
  readonly tornBytes: number;
  readonly checkpointHeight: number;
  readonly problems: readonly string[];
}

/** A node's report, with what is needed to compare nodes: hash of each block and its digest, by height. */
export interface VerifiedNode {
  readonly report: NodeReport;
  readonly blockHashes: readonly Uint8Array[];
  readonly digests: readonly Uint8Array[];
}

/** The newest checkpoint's description, if there is one, and what is wrong with the store; throws `data_in_use`. */
async function checkpointOf(
  data: string,
): Promise<{ readonly checkpoint?: CheckpointMeta | undefined; readonly problems: readonly string[] }> {
  const path = join(data, "state");
  if (!existsSync(path)) return { problems: [] };
  try {
    const store = await LevelStore.open(path);
    try {
      return { checkpoint: loadCheckpointMeta(store), problems: [] };
    } finally {
      await store.close();
    }
  } catch (error) {
    if (!(error instanceof CodedError) || error.code === "data_in_use") throw error;
    return { problems: [`state: ${error.message}`] };
  }
}

/** Executes blocks again and notes what does not hold; after a problem it only counts. */
class Replay {
  readonly problems: string[] = [];
  readonly blockHashes: Uint8Array[] = [];
  readonly digests: Uint8Array[] = [];
  readonly #state: StateMachine;
  readonly #cluster: ClusterFile;
  transactions = 0;

  constructor(cluster: ClusterFile) {
    this.#cluster = cluster;
    this.#state = new StateMachine({ genesis: cluster.genesis, sha256 });
  }

  get height(): number {
    return this.#state.height;
  }

  get digest(): Uint8Array {
    return this.#state.digest;
  }

  apply(payload: Uint8Array, index: number): void {
    if (this.problems.length > 0) return;
    try {
      const block = decodeBlock(sha256, payload);
      this.#checkSignatures(block);
      this.#state.apply(block);
      this.transactions += block.transactions.length;
      this.blockHashes.push(block.hash);
      this.digests.push(this.#state.digest);
    } catch (error) {
      this.problems.push(`block ${index} does not follow: ${errorMessage(error)}`);
    }
  }

  #checkSignatures(block: Block): void {
    block.transactions.forEach((encoded, place) => {
      const transaction = decodeTransaction(encoded);
      const digest = signingDigest(sha256, this.#cluster.clusterId, transaction);
      if (!verifySignature(transaction.publicKey, digest, transaction.signature)) {
        this.problems.push(`block ${block.header.height}: the signature of transaction ${place} is wrong`);
      }
    });
  }
}

/** Verifies the data directory of one stopped node; throws `CodedError` when it cannot be opened. */
export async function verifyNode(
  cluster: ClusterFile,
  data: string,
  onProgress: (height: number) => void,
): Promise<VerifiedNode> {
  const { checkpoint, problems: storeProblems } = await checkpointOf(data);
  const replay = new Replay(cluster);
  const wal = verifyWal(new NodeDisk(data), "log", (record) => {
    replay.apply(record.payload, record.index);
    onProgress(record.index);
  });
  const problems = [...(wal.problem === undefined ? [] : [wal.problem.message]), ...replay.problems, ...storeProblems];
  const checkpointHeight = checkpoint?.height ?? 0;
  if (checkpoint !== undefined && problems.length === 0) {
    const digest = replay.digests[checkpointHeight - 1];
    if (digest === undefined)
      problems.push(`the checkpoint is at height ${checkpointHeight}, the log ends at ${replay.height}`);
    else if (!equalBytes(digest, checkpoint.digest)) {
      problems.push(`the checkpoint at height ${checkpointHeight} has another state digest than the log gives`);
    }
  }
  const { height, transactions, blockHashes, digests } = replay;
  const { segments, tornBytes } = wal;
  const digest = toHex(replay.digest);
  return {
    report: { directory: data, height, digest, transactions, segments, tornBytes, checkpointHeight, problems },
    blockHashes,
    digests,
  };
}
