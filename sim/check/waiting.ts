/**
 * What a node still has waiting when everything is at rest: nothing. Clients ask again elsewhere, so that somebody was
 * forgotten, or that something was kept for nobody, shows nowhere else.
 */
import type { NodeId } from "../../node/base/ids.ts";
import type { NodeStatus } from "../cluster.ts";

/** By section of a node's status, what must be none. */
const NONE: Readonly<Record<string, readonly string[]>> = {
  gateway: ["questionsOpen", "transactionsWaiting"],
  consensus: ["transactionsWaiting", "readsWaiting"],
  ledger: ["questionsWaiting"],
};

/** Sections of a node's status that are looked at. */
export const WAITING_SECTIONS: readonly string[] = Object.keys(NONE);

/** What is known of a node's clients. */
export interface Clients {
  readonly connectionsOpen: number;
  /** Some ask, and stay for ever where no answer comes: the node may have handed on what was lost on its way. */
  readonly mayStay: boolean;
}

/** In words; undefined where nothing waits, and the node's connections are just those that are open. */
export function stillWaiting(node: NodeId, status: NodeStatus, clients: Clients): string | undefined {
  const { connectionsOpen, mayStay } = clients;
  for (const [section, fields] of Object.entries(NONE)) {
    for (const field of fields) {
      const value: unknown = status[section]?.[field];
      const isExcused = mayStay && section === "gateway" && field === "transactionsWaiting";
      if (value !== 0 && !isExcused) return `node ${node}: ${section} has ${field} ${String(value)}`;
    }
  }
  const connections: unknown = status["gateway"]?.["connections"];
  if (connections === connectionsOpen) return undefined;
  return `node ${node} has ${String(connections)} connections, and ${connectionsOpen} are open`;
}
