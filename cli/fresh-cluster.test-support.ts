/** A real cluster of its own for a test: made in a new directory, started, and taken away with it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { clusterStatus, type NodeStatus, waitReady } from "./node-status.ts";
import { LocalCluster } from "./processes.ts";
import { until } from "./waiting.test-support.ts";

interface Fresh {
  /** Part of the directory's name. */
  readonly name: string;
  readonly nodes: number;
  readonly patienceMs: number;
  /** What is done to its files before it is started. */
  readonly prepare?: (local: LocalCluster) => void;
}

/** Resolves when it takes transactions. */
export async function freshCluster({ name, nodes, patienceMs, prepare }: Fresh): Promise<LocalCluster> {
  const directory = mkdtempSync(join(tmpdir(), `quorate-${name}-`));
  const local = await LocalCluster.init({ directory: join(directory, "cluster"), nodes, nowMs: Date.now() });
  prepare?.(local);
  local.startAll();
  await waitReady(local.cluster, local.admin, patienceMs);
  return local;
}

/** Resolves with what all nodes say of themselves when they stand at one height. */
export async function agreed({
  cluster,
  admin,
}: Pick<LocalCluster, "cluster" | "admin">): Promise<readonly NodeStatus[]> {
  return await until("all nodes to agree", async () => {
    const nodes = await clusterStatus(cluster, admin);
    const [first] = nodes;
    return nodes.every(({ reachable, height }) => reachable && height === first?.height) ? nodes : undefined;
  });
}

/** Stops its nodes, and leaves nothing of it. */
export async function endCluster(local: LocalCluster): Promise<void> {
  await local.stopAll();
  rmSync(dirname(local.directory), { recursive: true });
}
