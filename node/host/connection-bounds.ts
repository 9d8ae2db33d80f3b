/**
 * How many connections a node takes, by how many descriptors its process may have. Half of them at most are for connections:
 * a log that cannot open its next file cannot go on, while a client that finds no room goes to another node.
 */
import { readFileSync } from "node:fs";
import type { Log } from "../base/ports/log.ts";
import { CONNECTION_BOUNDS, type ConnectionBounds } from "../transport/websocket-network.ts";

const WANTED = 2 * (CONNECTION_BOUNDS.clients + CONNECTION_BOUNDS.strangers);

/** The bounds of this process. Says it where they are lower than usual. */
export function connectionBounds(log: Log): ConnectionBounds {
  const descriptors = descriptorLimit(limitsOfProcess());
  if (descriptors === undefined || descriptors >= WANTED) return CONNECTION_BOUNDS;
  const bounds = boundsFor(descriptors);
  const advice = `raise the limit on open files to ${WANTED} (ulimit -n, LimitNOFILE of systemd), and start the node again`;
  log.warn("node.few_descriptors", { descriptors, wanted: WANTED, clientsMost: bounds.clients, advice });
  return bounds;
}

/** As many as half the descriptors allow, in the usual proportion. */
export function boundsFor(descriptors: number): ConnectionBounds {
  const { clients, strangers, bufferBytes } = CONNECTION_BOUNDS;
  const part = (usual: number): number => Math.max(1, Math.min(usual, Math.floor((usual * descriptors) / WANTED)));
  return { clients: part(clients), strangers: part(strangers), bufferBytes };
}

/** The soft limit on open files in Linux's table of a process's limits; undefined where there is none. */
export function descriptorLimit(limits: string): number | undefined {
  const [, soft] = /^Max open files\s+(\d+)\s/m.exec(limits) ?? [];
  return soft === undefined ? undefined : Number(soft);
}

/** Empty where the system has no such table. */
function limitsOfProcess(): string {
  try {
    return readFileSync("/proc/self/limits", "utf8");
  } catch {
    return "";
  }
}
