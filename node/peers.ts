/** Whom a node has links with. */
import type { Peer } from "./base/ports/network.ts";
import type { StateMachine } from "./state/state-machine.ts";

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
