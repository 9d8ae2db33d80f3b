/**
 * What a node has when it starts: the state of its newest checkpoint, its log, and its term and vote.
 *
 * A checkpoint of the node's own never runs ahead of its log, so one that does means that something is lost. One that came
 * from a peer does as a rule: then the log is reset, and goes on behind it. Every step may be cut off by a crash and is
 * done again at the next start: the mark that the checkpoint came from a peer is taken back only when the log is there.
 */
import type { HardState } from "../consensus/raft/hard-state.ts";
import type { Raft } from "../consensus/raft/raft.ts";
import { StorageError } from "../storage/errors.ts";
import type { LogStore } from "../storage/wal/log-store.ts";
import { must } from "./base/assert.ts";
import { equalBytes } from "./base/bytes.ts";
import { CodedError } from "./base/errors.ts";
import type { LogIndex } from "./base/ids.ts";
import {
  APPEND_BYTES_IN_FLIGHT_MAX,
  APPEND_BYTES_MAX,
  APPENDS_IN_FLIGHT_MAX,
  CATCH_UP_BYTES_PER_SECOND,
  READS_WAITING_MAX,
} from "./base/limits.ts";
import type { Host } from "./base/ports/host.ts";
import type { Store } from "./base/ports/store.ts";
import { isTooNew, NEWEST_RELEASE, releaseError } from "./base/release.ts";
import type { NodeOptions, NodeParts } from "./compose.ts";
import { checkLogBesideNewStore, checkOwner, claimStore } from "./data-owner.ts";
import { lostLog, noteLog } from "./log-note.ts";
import {
  type CheckpointMeta,
  forgetChanges,
  loadCheckpointMeta,
  metaChange,
  restorePages,
} from "./replica/checkpoint.ts";
import { loadHardState } from "./replica/hard-state-store.ts";
import { DurableLogView } from "./replica/log-adapter.ts";
import { PageHashes } from "./replica/page-hashes.ts";
import type { StateMachine } from "./state/state-machine.ts";
import { configurationOf, releaseOf } from "./wire/block.ts";
import { clusterIdOf } from "./wire/genesis.ts";

export const LOG_DIRECTORY = "log";

/** Damage that others may have the remedy for. */
const DAMAGE: readonly string[] = ["wal_damaged", "wal_missing_segment", "wal_read_failed"];

/** What recovery has brought back. */
export interface Recovered {
  readonly raft: Raft;
  readonly log: LogStore;
  readonly state: StateMachine;
  /** The checkpoint that the state comes from, and its pages; one that cannot be used may still be in the store. */
  readonly checkpoint: CheckpointMeta | undefined;
  readonly pages: PageHashes;
}

/** A log that is damaged where it was acknowledged, beside a state that is not. */
export interface Damaged {
  readonly damage: CodedError;
  readonly state: StateMachine;
  /** The log was written at least up to here. */
  readonly reached: LogIndex;
  /** The state came from a peer: the log need not hold what led to it. */
  readonly isForeign: boolean;
}

/** A log that is sound and has given up its beginning, beside a checkpoint that cannot be used. */
export interface Stateless {
  readonly unusable: CodedError;
  readonly log: LogStore;
  /** That of the cluster's beginning. */
  readonly state: StateMachine;
}

/** Throws `CodedError` where disk or store cannot be used; `fail` hears of writes that fail later. */
export function recover(
  host: Host,
  options: NodeOptions,
  parts: NodeParts,
  fail: (error: Error) => void,
): Recovered | Damaged | Stateless {
  const sha256 = host.crypto.sha256.bind(host.crypto);
  const owner = { clusterId: clusterIdOf(sha256, options.genesis), node: options.id };
  if (isRestored(options)) checkRestoredData(host.store);
  const isNew = !checkOwner(host.store, owner);
  const { genesis, releaseMax = NEWEST_RELEASE } = options;
  const createState = (): StateMachine => parts.createStateMachine({ genesis, sha256, releaseMax });
  const { meta, state, pages, unusable } = restoreState(host, createState);
  const isForeign = meta?.isForeign ?? false;
  const reached = meta === undefined || meta.isForeign ? 0 : meta.height;
  const log = openLog(host, options, parts, fail);
  if (isNew) checkLogBesideNewStore(log);
  claimStore(host.store, owner, fail);
  if (log instanceof StorageError) return { damage: log, state, reached, isForeign };
  const lost = lostLog(host.disk, host.store, LOG_DIRECTORY, log);
  if (lost !== undefined) {
    log.close();
    return { damage: lost, state, reached: Math.max(reached, log.firstIndex()), isForeign };
  }
  noteLog(host.disk, host.store, LOG_DIRECTORY, fail);
  checkRelease(log, releaseMax);
  if (log.lastIndex() < reached) {
    log.close();
    return { damage: behindCheckpoint(log, reached), state, reached, isForeign };
  }
  if (unusable !== undefined && log.firstIndex() > 1) return { unusable, log, state };
  if (unusable !== undefined) dropCheckpoint(host, unusable, fail);
  else if (meta !== undefined) joinLog({ host, log, state, fail }, meta);
  const raft = createRaft(host, options, parts, { log, state });
  const { records, tornBytes } = log.recovery;
  host.log.info("node.recovered", { checkpoint: state.height, logRecords: records, tornBytes });
  return { raft, log, state, checkpoint: unusable === undefined ? meta : undefined, pages };
}

/** Whether this is one of the nodes that a restored cluster begins with: its data was written by `quorate restore`. */
function isRestored({ id, genesis }: NodeOptions): boolean {
  return genesis.origin !== undefined && genesis.nodes.some((node) => node.id === id);
}

/** Throws `CodedError` `restored_data_missing`: a quorum that began with nothing would forget what was restored. */
function checkRestoredData(store: Store): void {
  if (loadCheckpointMeta(store) !== undefined) return;
  const text = "the cluster was restored from a backup, and this node has not the data that it was restored with";
  throw new CodedError("restored_data_missing", text);
}

interface Restored {
  readonly meta: CheckpointMeta | undefined;
  /** That of the cluster's beginning where there is no checkpoint, or one that cannot be used. */
  readonly state: StateMachine;
  readonly pages: PageHashes;
  readonly unusable: CodedError | undefined;
}

/** Throws `CodedError` where it is not known whether there is a checkpoint, or it is of a release that is not read here. */
function restoreState({ store, crypto }: Host, createState: () => StateMachine): Restored {
  const meta = loadCheckpointMeta(store);
  const state = createState();
  const noPages = (): PageHashes => new PageHashes(crypto.sha256.bind(crypto));
  const pages = noPages();
  if (meta === undefined) return { meta, state, pages, unusable: undefined };
  try {
    restorePages(store, meta.generation, meta, state, pages.take);
    return { meta, state, pages, unusable: undefined };
  } catch (error) {
    if (!(error instanceof CodedError) || isTooNew(error)) throw error;
    return { meta, state: createState(), pages: noPages(), unusable: error };
  }
}

/** Throws `CodedError` `release_too_new` where the log has gone on to a release that this node does not read. */
function checkRelease(log: LogStore, releaseMax: number): void {
  const last = log.lastIndex();
  if (last < log.firstIndex()) return;
  const [record] = log.read(last, last + 1, 1);
  const release = releaseOf(must(record, "the last block is in the log").payload);
  if (release <= releaseMax) return;
  log.close();
  throw releaseError("the log's last block", release, releaseMax);
}

/** The log has everything from the first block on: all of it is executed again, as far as it is known to be committed. */
function dropCheckpoint(
  { store, log }: Host,
  { code, message: reason }: CodedError,
  fail: (error: Error) => void,
): void {
  log.warn("checkpoint.dropped", { code, reason });
  store.write(forgetChanges(store), (error) => {
    if (error !== undefined) fail(error);
  });
}

/** The log, or how it is damaged where it was acknowledged; throws `StorageError` where it cannot be used for another reason. */
function openLog(
  { disk, cipher }: Host,
  { segmentBytes, cacheBytes }: NodeOptions,
  parts: NodeParts,
  onFatal: (error: Error) => void,
): LogStore | StorageError {
  try {
    return parts.openLog(disk, LOG_DIRECTORY, { segmentBytes, cacheBytes, cipher, onFatal });
  } catch (error) {
    if (error instanceof StorageError && DAMAGE.includes(error.code)) return error;
    throw error;
  }
}

function behindCheckpoint(log: LogStore, height: LogIndex): CodedError {
  const text = `the checkpoint is at height ${height}, but the log holds ${log.firstIndex()} to ${log.lastIndex()}`;
  return new CodedError("checkpoint_damaged", text);
}

interface Joined {
  readonly host: Host;
  readonly log: LogStore;
  readonly state: StateMachine;
  readonly fail: (error: Error) => void;
}

/**
 * Sees to it that the log holds the checkpoint's block, or begins behind it; throws `CodedError` `checkpoint_damaged` where
 * it should and does not. A log that goes on behind a peer's checkpoint, with that very block in it, is kept.
 */
function joinLog({ host, log, state, fail }: Joined, meta: CheckpointMeta): void {
  const { height, blockHash, term } = state;
  const hash = log.hash(height);
  const joins = hash !== undefined && equalBytes(hash, blockHash);
  if (!joins && !meta.isForeign) {
    if (hash === undefined) throw behindCheckpoint(log, height);
    throw new CodedError(
      "checkpoint_damaged",
      `the checkpoint is at height ${height}, but the log has another block there`,
    );
  }
  if (!meta.isForeign) return;
  const settled = (): void => {
    host.store.write([metaChange({ ...meta, isForeign: false })], (error) => {
      if (error !== undefined) fail(error);
    });
  };
  if (joins) settled();
  else {
    host.log.info("log.reset", { from: log.firstIndex(), to: log.lastIndex(), height });
    log.reset({ index: height, term, hash: blockHash }, settled);
  }
}

function createRaft(
  host: Host,
  options: NodeOptions,
  parts: NodeParts,
  { log, state }: Pick<Recovered, "log" | "state">,
): Raft {
  const { tickMs, electionTimeoutTicks, heartbeatTicks, leaseDriftPermille } = options.timing;
  const random = host.random.fork("raft");
  return parts.createRaft({
    id: options.id,
    configuration: state.configuration,
    configurationOf,
    hardState: reaching(loadHardState(host.store), log.term(log.lastIndex()) ?? 0),
    log: new DurableLogView(log),
    commit: state.height,
    tickMs,
    electionTimeoutTicks,
    heartbeatTicks,
    leaseDriftPermille,
    random: (bound) => random.below(bound),
    preVote: true,
    checkQuorum: true,
    appendBytesMax: APPEND_BYTES_MAX,
    appendsInFlightMax: APPENDS_IN_FLIGHT_MAX,
    bytesInFlightMax: APPEND_BYTES_IN_FLIGHT_MAX,
    catchUpBytesPerTick: Math.ceil((CATCH_UP_BYTES_PER_SECOND * tickMs) / 1_000),
    readsWaitingMax: READS_WAITING_MAX,
  });
}

/** A peer's checkpoint may end in a term that this node has not heard of; it has voted for nobody in that. */
function reaching(hardState: HardState, term: number): HardState {
  return hardState.term >= term ? hardState : { term, vote: 0 };
}
