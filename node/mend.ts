/**
 * Composes a node whose log is damaged: one actor, which mends the log from the node's peers. The node takes part in nothing
 * until it is composed again on a whole log; clients are sent elsewhere.
 */
import { DamagedLog } from "../storage/wal/damaged-log.ts";
import type { ActorRef } from "./actor/actor.ts";
import type { ActorSystem } from "./actor/system.ts";
import type { NodeId } from "./base/ids.ts";
import type { Host } from "./base/ports/host.ts";
import type { NetworkHandler } from "./base/ports/network.ts";
import type { ComposedNode, NodeOptions } from "./compose.ts";
import type { MendingMessage } from "./messages/repair.ts";
import { peersOf } from "./peers.ts";
import { type Damaged, LOG_DIRECTORY } from "./recover.ts";
import { loadHardState } from "./replica/hard-state-store.ts";
import { MendingActor } from "./replica/mending-actor.ts";
import { clusterIdOf, genesisHash } from "./wire/genesis.ts";
import { LANES } from "./wire/peer-frames.ts";

/** Throws the damage itself where there is nobody to ask, and `CodedError` where the log cannot be mended. */
export function composeMending(
  host: Host,
  options: NodeOptions,
  system: ActorSystem,
  { damage, state, reached }: Damaged,
): ComposedNode {
  const known = peersOf(options.peers, state.members);
  const peers = known.map(({ id }) => id).filter((id) => id !== options.id);
  if (peers.length === 0) throw damage;
  const { segmentBytes, retainBlocks, genesis, onRestart } = options;
  const log = DamagedLog.open(host.disk, LOG_DIRECTORY, { segmentBytes, cipher: host.cipher, reached });
  host.log.warn("mend.begun", { code: damage.code, reason: damage.message });
  const sha256 = host.crypto.sha256.bind(host.crypto);
  const restart = (): void => {
    system.stop();
    onRestart();
  };
  let writing = false;
  const actor = system.spawn<MendingMessage>({
    name: "mending",
    supervision: "stop_node",
    create: (context) =>
      new MendingActor(context, {
        ...{ log, store: host.store, hostLog: host.log, sha256, peers, segmentBytes, restart },
        clusterId: clusterIdOf(sha256, genesis),
        genesisHash: genesisHash(sha256, genesis),
        term: Math.max(loadHardState(host.store).term, log.term),
        dispensable: retainBlocks === undefined ? 0 : state.height,
        random: host.random.fork("mending"),
        sendPeer: (to: NodeId, payload: Uint8Array) =>
          host.network.sendPeer(to, new Uint8Array([LANES.repair]), payload),
        isWriting: (is) => {
          writing = is;
        },
        fail: (error) => system.fail("mending", error),
      }),
  });
  host.network.start(networkHandler(host, actor));
  host.network.setPeers(known);
  return {
    status: () => ({}),
    handOver: () => undefined,
    stop: () => system.stop(),
    isIdle: () => !writing,
    close: () => log.close(),
    recoveredHeight: log.lastIndex,
    inspect: undefined,
  };
}

function networkHandler({ network }: Host, actor: ActorRef<MendingMessage>): NetworkHandler {
  return {
    peerFrame: (from, frame) => {
      if (frame[0] === LANES.repair) actor.tell({ type: "peerFrame", from, payload: frame.subarray(1) });
    },
    clientOpened: (connection) => network.closeClient(connection, "mending"),
    clientFrame: () => undefined,
    clientClosed: () => undefined,
  };
}
