/**
 * Who may open a `/peer` connection: a node of this cluster, known by the key it has proven in the TLS handshake. What it
 * says of itself in the headers must agree with that, so that a node with a wrong configuration is told so.
 */
import type { IncomingHttpHeaders } from "node:http";
import { equalBytes, fromHex } from "../base/bytes.ts";
import type { NodeId } from "../base/ids.ts";
import type { ClusterNode } from "./cluster-file.ts";

export const CLUSTER_HEADER = "x-quorate-cluster";
export const NODE_HEADER = "x-quorate-node";
/** In the answer to whoever is refused: the code. */
export const REFUSAL_HEADER = "x-quorate-refusal";

/** docs/errors.md says what each means. */
export type PeerRefusal = "peer_foreign_cluster" | "peer_unknown" | "peer_wrong_id";

/** What a node knows of its cluster when a peer comes. */
export interface PeerRegistry {
  readonly self: NodeId;
  readonly clusterId: Uint8Array;
  readonly nodes: readonly ClusterNode[];
}

/** The peer's id, or why it is refused. `key` is what it has proven; undefined for nothing. */
export function admitPeer(
  { self, clusterId, nodes }: PeerRegistry,
  headers: IncomingHttpHeaders,
  key: Uint8Array | undefined,
): NodeId | PeerRefusal {
  const header = headers[CLUSTER_HEADER];
  const cluster = typeof header === "string" ? fromHex(header) : undefined;
  if (cluster === undefined || !equalBytes(cluster, clusterId)) return "peer_foreign_cluster";
  const node = key === undefined ? undefined : nodes.find(({ publicKey }) => equalBytes(publicKey, key));
  if (node === undefined || node.id === self) return "peer_unknown";
  return headers[NODE_HEADER] === String(node.id) ? node.id : "peer_wrong_id";
}
