/**
 * Verifying one node's data offline: checksums and hash chain of its log, signatures of its transactions, and the whole
 * log executed again from the first block, with its state digests compared with the checkpoint's.
 */
import { join } from "node:path";
import { equalBytes, toHex } from "../../node/base/bytes.ts";
import type { Configuration } from "../../node/base/configuration.ts";
import { CodedError } from "../../node/base/errors.ts";
import type { Cipher } from "../../node/base/ports/cipher.ts";
import type { Disk } from "../../node/base/ports/disk.ts";
import type { ClusterFile } from "../../node/client/index.ts";
import { isClaimed, lostStore } from "../../node/data-owner.ts";
import { WRAPPED_KEY_FILE } from "../../node/host/data-key.ts";
import { sha256 } from "../../node/host/node-crypto.ts";
import { type CheckpointMeta, loadCheckpointMeta, restoreCheckpoint } from "../../node/replica/checkpoint.ts";
import { StateMachine } from "../../node/state/state-machine.ts";
import { NodeDisk } from "../../storage/node-disk.ts";
import type { UntouchedStore } from "../../storage/state/untouched-store.ts";
import { NOT_LOOKED_AT, verifyStore, whileLocked } from "../../storage/state/verify-store.ts";
import { logStart, verifyWal, type WalReport } from "../../storage/wal/verify.ts";
import { WrappedKeyFile } from "../../storage/wrapped-key-file.ts";
import { lostLog, type ToldOfLog, toldOfLog } from "./lost-log.ts";
import { replayOf } from "./replay-of.ts";

/** What to do about a node that cannot go on with what it has. */
export const REJOIN = "move its directory away, then quorate member rejoin";

export interface NodeReport {
  readonly directory: string;
  /** The first block of the log; blocks from here to the checkpoint are checked but not executed unless it is 1. */
  readonly firstHeight: number;
  readonly height: number;
  readonly digest: string;
  readonly transactions: number;
  readonly segments: number;
  /** Bytes behind the last whole record: what a crash cut off, which nobody had been promised. */
  readonly tornBytes: number;
  /** Where they begin, and the height that they would be; missing where there are none. */
  readonly tornAt?: { readonly file: string; readonly offset: number; readonly height: number };
  readonly checkpointHeight: number;
  readonly problems: readonly string[];
}

type ByHeight<Value> = Pick<ReadonlyMap<number, Value>, "get">;

/**
 * A node's report, with what is needed to compare nodes: each block's hash, digest and configuration, by height. The block that a
 * log begins behind is among them, of which only a checkpoint that stands there knows more than the hash.
 */
export interface VerifiedNode {
  readonly report: NodeReport;
  readonly blockHashes: ByHeight<Uint8Array>;
  readonly digests: ByHeight<Uint8Array>;
  readonly configurations: ByHeight<Configuration>;
}

interface StoreReport extends ToldOfLog {
  /** The newest checkpoint's description, if there is one. */
  readonly checkpoint: CheckpointMeta | undefined;
  /** It is not there, or nobody's yet; false where that cannot be seen. */
  readonly isNew: boolean;
  readonly problems: readonly string[];
}

/** What is in the store, the checkpoint's state in `restored` where one is given; throws `store_failed`. */
async function storeReport(
  locked: UntouchedStore | undefined,
  cipher: Cipher | undefined,
  restored: StateMachine | undefined,
): Promise<StoreReport> {
  let checkpoint: CheckpointMeta | undefined;
  let told: ToldOfLog = { hasCheckpoint: false, term: 0, notesLog: false };
  let isNew = false;
  if (locked === undefined) return { ...told, checkpoint, isNew: true, problems: [] };
  try {
    const broken = await verifyStore(locked, cipher, (store) => {
      if (restored !== undefined) restoreCheckpoint(store, restored);
      checkpoint = loadCheckpointMeta(store);
      isNew = !isClaimed(store);
      told = toldOfLog(store);
    });
    return { ...told, checkpoint, isNew, problems: broken.map(({ message }) => `state: ${message}`) };
  } catch (error) {
    if (!(error instanceof CodedError) || NOT_LOOKED_AT.includes(error.code)) throw error;
    return { ...told, checkpoint: undefined, isNew: false, problems: [`state: ${error.message}`] };
  }
}

function logProblems(disk: Disk, store: StoreReport, wal: WalReport): string[] {
  const lost = lostLog(disk, store, wal);
  if (lost === undefined) return [];
  const remedy = lost.isSure ? "a node that starts gets it back from its peers" : REJOIN;
  return [`${lost.reason}; ${remedy}`];
}

/** The node would not start: whom it has voted for is lost. */
function lostVote({ isNew }: StoreReport, { firstIndex, records, problem }: WalReport): string[] {
  const lost = isNew ? lostStore(problem === undefined ? firstIndex + records - 1 : undefined) : undefined;
  return lost === undefined ? [] : [`${lost.message}; ${REJOIN}`];
}

/** The report of a node that has run and whose data is not there. */
export function missingNode(data: string, { message }: CodedError): VerifiedNode {
  const nothing = { height: 0, digest: "", transactions: 0, segments: 0, tornBytes: 0, checkpointHeight: 0 };
  const report = { directory: data, firstHeight: 1, ...nothing, problems: [message] };
  return { report, blockHashes: new Map(), digests: new Map(), configurations: new Map() };
}

/** Copies of the wrapped data key that are damaged. */
function keyProblems(disk: NodeDisk): string[] {
  const file = WrappedKeyFile.open(disk, WRAPPED_KEY_FILE);
  if (file === undefined) return [];
  try {
    return file
      .damage()
      .map((offset) => `one of two copies of the data key is damaged: ${WRAPPED_KEY_FILE}, byte ${offset}`);
  } finally {
    file.close();
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
export async function verifyNode(node: NodeData, onProgress: (height: number) => void): Promise<VerifiedNode> {
  return await whileLocked(join(node.data, "state"), async (locked) => await verifyLocked(node, locked, onProgress));
}

async function verifyLocked(
  { cluster, data, cipher }: NodeData,
  locked: UntouchedStore | undefined,
  onProgress: (height: number) => void,
): Promise<VerifiedNode> {
  const disk = new NodeDisk(data, { readOnly: true });
  const start = logStart(disk, "log");
  const firstHeight = (start?.index ?? 0) + 1;
  const state = new StateMachine({ genesis: cluster.genesis, sha256 });
  const restored = firstHeight === 1 ? undefined : state;
  const store = await storeReport(locked, cipher, restored);
  const { checkpoint } = store;
  const replay = replayOf(cluster, state);
  if (start !== undefined) {
    replay.blockHashes.set(start.index, start.hash);
    if (state.height === start.index) replay.configurations.set(start.index, state.configuration);
  }
  const wal = verifyWal(disk, "log", cipher, (record) => {
    replay.apply(record.payload);
    onProgress(record.index);
  });
  const checkpointHeight = checkpoint?.height ?? 0;
  const gap = `the log begins at ${firstHeight}, behind the checkpoint at height ${checkpointHeight}`;
  const replayProblem = checkpointHeight < firstHeight - 1 ? gap : replay.problem;
  const problems = [
    ...(wal.problem === undefined ? [] : [wal.problem.message]),
    ...(replayProblem === undefined ? [] : [replayProblem]),
    ...logProblems(disk, store, wal),
    ...lostVote(store, wal),
    ...store.problems,
    ...keyProblems(disk),
  ];
  // A node that was stopped before its log was joined to a peer's checkpoint does that when it starts.
  if (checkpoint?.isForeign === false && problems.length === 0) {
    const digest = replay.digests.get(checkpointHeight);
    if (digest === undefined)
      problems.push(`the checkpoint is at height ${checkpointHeight}, the log ends at ${replay.state.height}`);
    else if (!equalBytes(digest, checkpoint.digest)) {
      problems.push(`the checkpoint at height ${checkpointHeight} has another state digest than the log gives`);
    }
  }
  const { transactions, blockHashes, digests, configurations } = replay;
  const { height } = replay.state;
  const { segments, tornBytes, tornAt } = wal;
  const digest = toHex(replay.state.digest);
  return {
    report: {
      directory: data,
      firstHeight,
      height,
      digest,
      transactions,
      segments,
      tornBytes,
      ...(tornAt === undefined ? {} : { tornAt: { file: tornAt.path, offset: tornAt.offset, height: tornAt.index } }),
      checkpointHeight,
      problems,
    },
    blockHashes,
    digests,
    configurations,
  };
}
