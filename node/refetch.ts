/**
 * Composes a node whose checkpoint is damaged and whose log has given up its beginning: two actors, which fetch a peer's
 * checkpoint. Its log and its votes stay as they are, so it has promised nothing that it does not know; but until it is
 * composed again, on a state, it takes part in nothing, and clients are sent elsewhere.
 */
import { RESERVE_BYTES } from "../storage/wal/log-writer.ts";
import type { ActorRef } from "./actor/actor.ts";
import type { ActorSystem } from "./actor/system.ts";
import type { Configuration } from "./base/configuration.ts";
import type { LogIndex, NodeId } from "./base/ids.ts";
import type { Host } from "./base/ports/host.ts";
import { composeBystander } from "./bystander.ts";
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
  const restart = (): void => {
    system.stop();
    options.onRestart();
  };
  const atLeast = (): LogIndex => log.firstIndex() - 1;
  const { configuration } = state;
  const catchUp = spawnRefetch(host, options, system, { peers, configuration, restart, height: 0, atLeast });
  return composeBystander(host, system, {
    peers: known,
    peerFrame: (from, frame) => {
      if (frame[0] === LANES.catchUp) catchUp.tell({ type: "peerFrame", from, payload: frame.subarray(1) });
    },
    isIdle: () => log.isIdle(),
    close: () => log.close(),
    recoveredHeight: log.lastIndex(),
  });
}

interface Refetch {
  readonly peers: readonly NodeId[];
  /** As far as the node knows. */
  readonly configuration: Configuration;
  readonly restart: () => void;
  /** How far the node's own state has come. */
  readonly height: LogIndex;
  /** Of what height a checkpoint is needed; undefined: of none. */
  readonly atLeast: () => LogIndex | undefined;
}

/** The actors that fetch a peer's checkpoint and install it; who takes frames of the catch-up lane. */
export function spawnRefetch(
  host: Host,
  options: NodeOptions,
  system: ActorSystem,
  { peers, configuration, restart, height, atLeast }: Refetch,
): ActorRef<CatchUpMessage> {
  const { store, disk, network } = host;
  const sha256 = host.crypto.sha256.bind(host.crypto);
  const fail = (error: Error): void => system.fail("refetch", error);
  const refetch = system.spawn<LedgerMessage>({
    name: "refetch",
    supervision: "stop_node",
    create: (context) =>
      new RefetchActor(context, { ...{ store, catchUp: () => catchUp, peers, restart, fail }, atLeast }),
  });
  const catchUp: ActorRef<CatchUpMessage> = system.spawn<CatchUpMessage>({
    name: "catchUp",
    supervision: "stop_node",
    create: (context) =>
      new CatchUpActor(context, {
        ...{ store, ledger: refetch, hostLog: host.log, fail, status: new StatusBoard() },
        sendPeer: (to: NodeId, payload: Uint8Array) => network.sendPeer(to, new Uint8Array([LANES.catchUp]), payload),
        height: () => height,
        ...{ peers: () => peers, part: () => "none", hasLeader: () => false, roots: () => [] },
        logged: () => ({ commit: height, lastIndex: height }),
        ...{ taking: () => undefined, sha256 },
        asker: (canDecide) => ({ configuration, node: options.id, canDecide }),
        createState: () => new StateMachine({ genesis: options.genesis, sha256, releaseMax: options.releaseMax }),
        hasRoom: () => disk.freeBytes() >= 2 * RESERVE_BYTES,
      }),
  });
  return catchUp;
}
