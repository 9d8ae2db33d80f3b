/**
 * Composes a node whose log is damaged: an actor that mends the log from the node's peers, and two that fetch a checkpoint
 * where peers have given up what is lost. The node takes part in nothing until it is composed again on a whole log; clients
 * are sent elsewhere.
 */

import { DamagedLog } from "../storage/wal/damaged-log.ts";
import type { LogStart } from "../storage/wal/log-store.ts";
import type { ActorRef } from "./actor/actor.ts";
import type { ActorSystem, FatalReport } from "./actor/system.ts";
import { CodedError } from "./base/errors.ts";
import type { LogIndex, NodeId, Term } from "./base/ids.ts";
import type { Host } from "./base/ports/host.ts";
import { isQuorum } from "./base/quorum.ts";
import { NEWEST_RELEASE, releaseError } from "./base/release.ts";
import { composeBystander } from "./bystander.ts";
import type { ComposedNode, NodeOptions } from "./compose.ts";
import type { MendingMessage } from "./messages/repair.ts";
import { isOlder, peersOf } from "./peers.ts";
import { type Damaged, LOG_DIRECTORY } from "./recover.ts";
import { spawnRefetch } from "./refetch.ts";
import { loadHardState } from "./replica/hard-state-store.ts";
import { MendingActor } from "./replica/mending-actor.ts";
import { encodeRaftMessage } from "./replica/raft-codec.ts";
import { readableBlock } from "./replica/readable-block.ts";
import { isSameReason, restartChange } from "./replica/restart-note.ts";
import type { StateMachine } from "./state/state-machine.ts";
import { releaseOf } from "./wire/block.ts";
import { clusterIdOf, genesisHash } from "./wire/genesis.ts";
import { LANES } from "./wire/peer-frames.ts";

/** For how long the disk is waited for without a word. */
const QUIET_MS = 2_000;

/**
 * Throws the damage itself where there is nobody to ask, or where nothing was found that could be mended, and `CodedError`
 * where the log cannot be mended.
 */
export function composeMending(host: Host, options: NodeOptions, system: ActorSystem, damaged: Damaged): ComposedNode {
  const { damage, state, reached, isForeign } = damaged;
  const known = peersOf(options.peers, state.members);
  const peers = known.map(({ id }) => id).filter((id) => id !== options.id);
  if (peers.length === 0) throw damage;
  const { segmentBytes, retainBlocks } = options;
  const log = DamagedLog.open(host.disk, LOG_DIRECTORY, { segmentBytes, cipher: host.cipher, reached });
  checkRelease(log, options.releaseMax ?? NEWEST_RELEASE);
  if (log.isWhole && isSameReason(host.store, damage.message)) {
    log.close();
    throw damage;
  }
  host.log.warn("mend.begun", { code: damage.code, reason: damage.message });
  const restart = (): void => {
    system.stop();
    options.onRestart();
  };
  /** Of what height at least a checkpoint is needed; undefined: none. */
  let needed: LogIndex | undefined;
  const { height, configuration } = state;
  const refetch = spawnRefetch(host, options, system, {
    ...{ peers, configuration, restart, height },
    atLeast: () => needed,
  });
  const mayForget = retainBlocks !== undefined;
  const mending = spawnMending(host, options, system, {
    ...{ log, peers, restart, reason: damage.message },
    checkpoint: startBehind(state),
    mayForget: mayForget || isForeign,
    term: Math.max(loadHardState(host.store).term, log.term, state.term),
    // Of an old state's voters none may be needed any more: nothing is said then of what they lack.
    isQuorum: (holds) => isOlder(state.members, options) || isQuorum(configuration, holds),
    wantCheckpoint: mayForget ? (atLeast) => (needed = atLeast) : undefined,
  });
  return composeBystander(host, system, {
    peers: known,
    peerFrame: (from, frame) => {
      const message = { type: "peerFrame", from, payload: frame.subarray(1) } as const;
      if (frame[0] === LANES.repair) mending.actor.tell(message);
      else if (frame[0] === LANES.catchUp) refetch.tell(message);
    },
    isIdle: () => !mending.isWriting(),
    close: () => log.close(),
    recoveredHeight: log.lastIndex,
  });
}

/** Throws `CodedError` `release_too_new` where what is left of the log has gone on to a release that is not read here. */
function checkRelease(log: DamagedLog, releaseMax: number): void {
  const block = readableBlock((height) => log.read(height));
  for (let height = log.lastIndex; height >= log.firstIndex; height--) {
    const bytes = block(height);
    if (bytes === undefined) continue;
    const release = releaseOf(bytes);
    if (release <= releaseMax) return;
    log.close();
    throw releaseError("the log's last block", release, releaseMax);
  }
}

/**
 * A part of the log that was needed while the node ran, or mended it, is damaged: the node starts again, and mends it
 * before it takes part. Where it has done that already and the log looked whole when it was opened, it would do it for
 * ever, and stops.
 */
export function mendFirst(
  { log, store, clock }: Pick<Host, "log" | "store" | "clock">,
  { onRestart, onFatal }: Pick<NodeOptions, "onRestart" | "onFatal">,
  report: FatalReport,
): void {
  const { actor, reason } = report;
  if (mayBeSameReason(store, reason)) {
    onFatal(report);
    return;
  }
  log.warn("log.damaged", { actor, reason });
  // Till then the node neither runs nor starts again.
  const quiet = clock.setTimer(QUIET_MS, () => log.warn("node.waits_for_disk"));
  store.write([restartChange(reason)], (error) => {
    quiet.cancel();
    if (error === undefined) onRestart();
    else onFatal(report);
  });
}

/** Where the store cannot tell, it may have started again for this already. */
function mayBeSameReason(store: Host["store"], reason: string): boolean {
  try {
    return isSameReason(store, reason);
  } catch (error) {
    if (error instanceof CodedError) return true;
    throw error;
  }
}

/** Where a log begins that goes on from a state. */
function startBehind({ height, term, blockHash }: StateMachine): LogStart | undefined {
  return height === 0 ? undefined : { index: height, term, hash: blockHash };
}

interface Mending {
  readonly log: DamagedLog;
  readonly reason: string;
  readonly peers: readonly NodeId[];
  readonly restart: () => void;
  readonly checkpoint: LogStart | undefined;
  readonly mayForget: boolean;
  readonly term: Term;
  readonly isQuorum: (holds: (node: NodeId) => boolean) => boolean;
  readonly wantCheckpoint: ((atLeast: LogIndex) => void) | undefined;
}

function spawnMending(
  host: Host,
  { id, genesis, segmentBytes }: NodeOptions,
  system: ActorSystem,
  mending: Mending,
): { readonly actor: ActorRef<MendingMessage>; readonly isWriting: () => boolean } {
  const sha256 = host.crypto.sha256.bind(host.crypto);
  let writing = false;
  const actor = system.spawn<MendingMessage>({
    name: "mending",
    supervision: "stop_node",
    create: (context) =>
      new MendingActor(context, {
        ...{ ...mending, store: host.store, hostLog: host.log, sha256, segmentBytes },
        clusterId: clusterIdOf(sha256, genesis),
        genesisHash: genesisHash(sha256, genesis),
        random: host.random.fork("mending"),
        sendPeer: (to: NodeId, payload: Uint8Array) =>
          host.network.sendPeer(to, new Uint8Array([LANES.repair]), payload),
        tellTerm: (to: NodeId) => {
          const answer = { type: "heartbeatResponse", sequence: 0, promiseMs: 0 } as const;
          const message = encodeRaftMessage({ ...answer, from: id, to, term: mending.term });
          host.network.sendPeer(to, new Uint8Array([LANES.raft]), ...message);
        },
        isWriting: (is) => {
          writing = is;
        },
        fail: (error) => system.fail("mending", error),
      }),
  });
  return { actor, isWriting: () => writing };
}
