/**
 * Who may open a `/peer` connection: a node of this cluster, known by the key it has proven in the TLS handshake. What it
 * says of itself in the headers must agree with that, so that a node with a wrong configuration is told so.
 */
import type { IncomingHttpHeaders } from "node:http";
import { equalBytes, fromHex } from "../base/bytes.ts";
import type { Peer } from "../base/ports/network.ts";

export const CLUSTER_HEADER = "x-quorate-cluster";
export const NODE_HEADER = "x-quorate-node";
/** In the answer to whoever is refused: the code. */
export const REFUSAL_HEADER = "x-quorate-refusal";

/** Closes a connection whose other end must not go on as it does; the reason beside it says why (RFC 6455, section 7.4.1). */
export const POLICY_VIOLATION = 1008;
/** The reason for a node that is no longer in the cluster, or has another key there. */
export const PEER_REMOVED = "peer_removed";

/** docs/errors.md says what each means. */
export type PeerRefusal = "peer_foreign_cluster" | "peer_unknown" | "peer_wrong_id";

/** What a node knows of its cluster when a peer comes. */
export interface PeerRegistry {
  readonly clusterId: Uint8Array;
  /** The other nodes, as they are now. */
  readonly peers: readonly Peer[];
}

/** The peer, or why it is refused. `key` is what it has proven; undefined for nothing. */
export function admitPeer(
  { clusterId, peers }: PeerRegistry,
  headers: IncomingHttpHeaders,
  key: Uint8Array | undefined,
): Peer | PeerRefusal {
  const header = headers[CLUSTER_HEADER];
  const cluster = typeof header === "string" ? fromHex(header) : undefined;
  if (cluster === undefined || !equalBytes(cluster, clusterId)) return "peer_foreign_cluster";
  const peer = key === undefined ? undefined : peers.find(({ publicKey }) => equalBytes(publicKey, key));
  if (peer === undefined) return "peer_unknown";
  return headers[NODE_HEADER] === String(peer.id) ? peer : "peer_wrong_id";
}
