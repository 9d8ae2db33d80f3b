/** Cluster files in which nodes are marked as learners, whatever they are. */
import { readFileSync, writeFileSync } from "node:fs";
import { formatClusterFile, parseClusterFile } from "../node/transport/cluster-file.ts";

export function markLearners(path: string, ids: readonly number[]): void {
  const { genesis, nodes } = parseClusterFile(readFileSync(path, "utf8"));
  const marked = nodes.map((node) => (ids.includes(node.id) ? { ...node, learner: true as const } : node));
  writeFileSync(path, formatClusterFile(genesis, marked));
}
