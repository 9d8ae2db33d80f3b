/**
 * A node that takes part in nothing until it is composed again, on a whole log and a state: it hears its peers about what it
 * lacks, and sends clients elsewhere.
 */
import type { ActorSystem } from "./actor/system.ts";
import type { Host } from "./base/ports/host.ts";
import type { NetworkHandler, Peer } from "./base/ports/network.ts";
import type { ComposedNode } from "./compose.ts";

export interface Bystander extends Pick<ComposedNode, "isIdle" | "close" | "recoveredHeight"> {
  readonly peers: readonly Peer[];
  readonly peerFrame: NetworkHandler["peerFrame"];
}

/** Puts it on the network. */
export function composeBystander(
  { network }: Host,
  system: ActorSystem,
  { peers, peerFrame, ...log }: Bystander,
): ComposedNode {
  network.start({
    peerFrame,
    peerLost: () => undefined,
    clientOpened: (connection) => network.closeClient(connection, "mending"),
    clientFrame: () => undefined,
    clientClosed: () => undefined,
  });
  network.setPeers(peers);
  return {
    status: () => ({}),
    handOver: () => undefined,
    stop: () => system.stop(),
    inspect: undefined,
    ...log,
  };
}
