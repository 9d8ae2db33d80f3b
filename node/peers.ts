/** Whom a node has links with. */
import type { NodeId } from "./base/ids.ts";
import type { Peer } from "./base/ports/network.ts";
import type { StateMachine } from "./state/state-machine.ts";

type Ids = readonly { readonly id: NodeId }[];

/**
 * The nodes of its state, at the addresses there, or at those that it was started with; and
 * nodes that it was started with and that its state does not know yet.
 */
export function peersOf(known: readonly Peer[], { all, present }: StateMachine["members"]): readonly Peer[] {
  const addresses = new Map(known.map((peer) => [peer.id, peer]));
  const stated = present.flatMap(({ id, publicKey, host, port }): readonly Peer[] => {
    const address = host === "" ? addresses.get(id) : { host, port };
    return address === undefined ? [] : [{ id, publicKey, host: address.host, port: address.port }];
  });
  const ids = new Set(all.map(({ id }) => id));
  return [...stated, ...known.filter(({ id }) => !ids.has(id))];
}

/** Whether nodes have come or gone between the state and what the node was started with: then the state says not who votes. */
export function isOlder(
  { all, present }: { readonly all: Ids; readonly present: Ids },
  { id, peers }: { readonly id: NodeId; readonly peers: Ids },
): boolean {
  const isIn = (nodes: Ids, sought: NodeId): boolean => nodes.some((node) => node.id === sought);
  return peers.some((peer) => !isIn(all, peer.id)) || present.some((node) => node.id !== id && !isIn(peers, node.id));
}
