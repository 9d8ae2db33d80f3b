/**
 * Verifying one node's data offline: checksums and hash chain of its log, signatures of its transactions, and the whole
 * log executed again from the first block, with its state digests compared with the checkpoint's.
 */
import { join } from "node:path";
import { equalBytes, toHex } from "../../node/base/bytes.ts";
import type { Configuration } from "../../node/base/configuration.ts";
import { CodedError } from "../../node/base/errors.ts";
import type { Cipher } from "../../node/base/ports/cipher.ts";
import type { ClusterFile } from "../../node/client/index.ts";
import { isClaimed, lostStore } from "../../node/data-owner.ts";
import { WRAPPED_KEY_FILE } from "../../node/host/data-key.ts";
import { sha256 } from "../../node/host/node-crypto.ts";
import { isLogNoted } from "../../node/log-note.ts";
import { type CheckpointMeta, loadCheckpointMeta, restoreCheckpoint } from "../../node/replica/checkpoint.ts";
import { loadFetched } from "../../node/replica/fetched-pages.ts";
import { loadHardState } from "../../node/replica/hard-state-store.ts";
import { StateMachine } from "../../node/state/state-machine.ts";
import { NodeDisk } from "../../storage/node-disk.ts";
import type { UntouchedStore } from "../../storage/state/untouched-store.ts";
import { NOT_LOOKED_AT, verifyStore, whileLocked } from "../../storage/state/verify-store.ts";
import { isReachedKnown } from "../../storage/wal/reached-file.ts";
import { logStart, verifyWal, type WalReport } from "../../storage/wal/verify.ts";
import { WrappedKeyFile } from "../../storage/wrapped-key-file.ts";
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

/**
 * A node's report, with what is needed to compare nodes: each block's hash, digest and configuration, by height. The block that a
 * log begins behind is among them, of which only a checkpoint that stands there knows more than the hash.
 */
export interface VerifiedNode {
  readonly report: NodeReport;
  readonly blockHashes: ReadonlyMap<number, Uint8Array>;
  readonly digests: ReadonlyMap<number, Uint8Array>;
  readonly configurations: ReadonlyMap<number, Configuration>;
}

interface StoreReport {
  /** The newest checkpoint's description, if there is one. */
  readonly checkpoint: CheckpointMeta | undefined;
  /** The newest that the node has been in; 0 where it has been in none, or is fetching a checkpoint in place of a log. */
  readonly term: number;
  /** It is not there, or nobody's yet; false where that cannot be seen. */
  readonly isNew: boolean;
  /** It says that there is a log. */
  readonly notesLog: boolean;
  readonly problems: readonly string[];
}

/** What is in the store, the checkpoint's state in `restored` where one is given; throws `store_failed`. */
async function storeReport(
  locked: UntouchedStore | undefined,
  cipher: Cipher | undefined,
  restored: StateMachine | undefined,
): Promise<StoreReport> {
  let checkpoint: CheckpointMeta | undefined;
  let term = 0;
  let isNew = false;
  let notesLog = false;
  if (locked === undefined) return { checkpoint, term, isNew: true, notesLog, problems: [] };
  try {
    const broken = await verifyStore(locked, cipher, (store) => {
      if (restored !== undefined) restoreCheckpoint(store, restored);
      checkpoint = loadCheckpointMeta(store);
      isNew = !isClaimed(store);
      notesLog = isLogNoted(store);
      if (loadFetched(store) === undefined) term = loadHardState(store).term;
    });
    return { checkpoint, term, isNew, notesLog, problems: broken.map(({ message }) => `state: ${message}`) };
  } catch (error) {
    if (!(error instanceof CodedError) || NOT_LOOKED_AT.includes(error.code)) throw error;
    return { checkpoint: undefined, term: 0, isNew: false, notesLog: false, problems: [`state: ${error.message}`] };
  }
}

/**
 * A store that notes a log is never without what says how far that reached. One of an earlier program does not say: there a node
 * takes part in a term by what it writes into its log, but for the moment before its first block, or before it has noted which
 * checkpoint it fetches. Nothing tells that from a log that is gone, and such a node would start and have forgotten what it
 * acknowledged: better a new node is called damaged, which loses nothing by joining again.
 */
function lostLog(disk: NodeDisk, { term, checkpoint, notesLog }: StoreReport, wal: WalReport): string[] {
  if (wal.problem !== undefined || wal.records > 0 || wal.tornBytes > 0) return [];
  if (notesLog) {
    const gone = "the log is gone, with all that stood beside it; a node that starts gets it back from its peers";
    return isReachedKnown(disk, "log") ? [] : [gone];
  }
  if (term === 0 || checkpoint !== undefined) return [];
  const unless = "unless it was stopped before it got its first block";
  return [`the log is gone: the node has been in term ${term} and has no block, ${unless}; ${REJOIN}`];
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
  const disk = new NodeDisk(data);
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
    ...lostLog(disk, store, wal),
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
