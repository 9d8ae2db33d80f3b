/**
 * Composes a node whose checkpoint is damaged and whose log has given up its beginning: two actors, which fetch a peer's
 * checkpoint. Its log and its votes stay as they are, so it has promised nothing that it does not know; but until it is
 * composed again, on a state, it takes part in nothing, and clients are sent elsewhere.
 */
import { RESERVE_BYTES } from "../storage/wal/log-writer.ts";
import type { ActorRef } from "./actor/actor.ts";
import type { ActorSystem } from "./actor/system.ts";
import type { NodeId } from "./base/ids.ts";
import type { Host } from "./base/ports/host.ts";
import type { ComposedNode, NodeOptions } from "./compose.ts";
import type { CatchUpMessage } from "./messages/catch-up.ts";
import type { LedgerMessage } from "./messages/ledger.ts";
import { StatusBoard } from "./messages/status.ts";
import { peersOf } from "./peers.ts";
import type { Stateless } from "./recover.ts";
import { CatchUpActor } from "./replica/catch-up-actor.ts";
import { RefetchActor } from "./replica/refetch-actor.ts";
import { StateMachine } from "./state/state-machine.ts";
import { LANES } from "./wire/peer-frames.ts";

/** Throws the damage itself where there is nobody to ask. */
export function composeRefetch(
  host: Host,
  options: NodeOptions,
  system: ActorSystem,
  { unusable, state, log }: Stateless,
): ComposedNode {
  const known = peersOf(options.peers, state.members);
  const peers = known.map(({ id }) => id).filter((id) => id !== options.id);
  if (peers.length === 0) {
    log.close();
    throw unusable;
  }
  host.log.warn("checkpoint.unusable", { code: unusable.code, reason: unusable.message });
  const sha256 = host.crypto.sha256.bind(host.crypto);
  const fail = (error: Error): void => system.fail("refetch", error);
  const restart = (): void => {
    system.stop();
    options.onRestart();
  };
  const refetch = system.spawn<LedgerMessage>({
    name: "refetch",
    supervision: "stop_node",
    create: (context) =>
      new RefetchActor(context, {
        ...{ store: host.store, catchUp: () => catchUpActor, peers, restart, fail },
        atLeast: log.firstIndex() - 1,
      }),
  });
  const catchUpActor: ActorRef<CatchUpMessage> = system.spawn<CatchUpMessage>({
    name: "catchUp",
    supervision: "stop_node",
    create: (context) =>
      new CatchUpActor(context, {
        ...{ store: host.store, ledger: refetch, hostLog: host.log, fail, status: new StatusBoard() },
        sendPeer: (to: NodeId, payload: Uint8Array) =>
          host.network.sendPeer(to, new Uint8Array([LANES.catchUp]), payload),
        height: () => 0,
        createState: () => new StateMachine({ genesis: options.genesis, sha256 }),
        hasRoom: () => host.disk.freeBytes() >= 2 * RESERVE_BYTES,
      }),
  });
  host.network.start({
    peerFrame: (from, frame) => {
      if (frame[0] === LANES.catchUp) catchUpActor.tell({ type: "peerFrame", from, payload: frame.subarray(1) });
    },
    clientOpened: (connection) => host.network.closeClient(connection, "mending"),
    clientFrame: () => undefined,
    clientClosed: () => undefined,
  });
  host.network.setPeers(known);
  return {
    status: () => ({}),
    handOver: () => undefined,
    stop: () => system.stop(),
    isIdle: () => log.isIdle(),
    close: () => log.close(),
    recoveredHeight: log.lastIndex(),
    inspect: undefined,
  };
}
