/**
 * Verifying one node's data offline: checksums and hash chain of its log, signatures of its transactions, and the whole
 * log executed again from the first block, with its state digests compared with the checkpoint's.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { equalBytes, toHex } from "../../node/base/bytes.ts";
import { CodedError } from "../../node/base/errors.ts";
import type { Cipher } from "../../node/base/ports/cipher.ts";
import type { ClusterFile } from "../../node/client/index.ts";
import { type CheckpointMeta, loadCheckpointMeta } from "../../node/replica/checkpoint.ts";
import { NodeDisk } from "../../storage/node-disk.ts";
import { LevelStore } from "../../storage/state/level-store.ts";
import { verifyWal } from "../../storage/wal/verify.ts";
import { Replay } from "./replay.ts";

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
  cipher: Cipher | undefined,
): Promise<{ readonly checkpoint?: CheckpointMeta | undefined; readonly problems: readonly string[] }> {
  const path = join(data, "state");
  if (!existsSync(path)) return { problems: [] };
  try {
    const store = await LevelStore.open(path, { cipher });
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

export interface NodeData {
  readonly cluster: ClusterFile;
  /** The data directory. */
  readonly data: string;
  /** Where it is encrypted. */
  readonly cipher?: Cipher | undefined;
}

/** Verifies the data directory of one stopped node; throws `CodedError` when it cannot be opened. */
export async function verifyNode(
  { cluster, data, cipher }: NodeData,
  onProgress: (height: number) => void,
): Promise<VerifiedNode> {
  const { checkpoint, problems: storeProblems } = await checkpointOf(data, cipher);
  const replay = new Replay(cluster);
  const wal = verifyWal(new NodeDisk(data), "log", cipher, (record) => {
    replay.apply(record.payload);
    onProgress(record.index);
  });
  const problems = [
    ...(wal.problem === undefined ? [] : [wal.problem.message]),
    ...(replay.problem === undefined ? [] : [replay.problem]),
    ...storeProblems,
  ];
  const checkpointHeight = checkpoint?.height ?? 0;
  if (checkpoint !== undefined && problems.length === 0) {
    const digest = replay.digests[checkpointHeight - 1];
    if (digest === undefined)
      problems.push(`the checkpoint is at height ${checkpointHeight}, the log ends at ${replay.state.height}`);
    else if (!equalBytes(digest, checkpoint.digest)) {
      problems.push(`the checkpoint at height ${checkpointHeight} has another state digest than the log gives`);
    }
  }
  const { transactions, blockHashes, digests } = replay;
  const { height } = replay.state;
  const { segments, tornBytes } = wal;
  const digest = toHex(replay.state.digest);
  return {
    report: { directory: data, height, digest, transactions, segments, tornBytes, checkpointHeight, problems },
    blockHashes,
    digests,
  };
}
