/** Nodes that were entered, and left as a command leaves them that was cut short before it wrote their configuration. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "../node/base/bytes.ts";
import type { ClusterNode } from "../node/client/index.ts";
import { type Predecessor, writeNote } from "./joining-note.ts";

export function cutShort(directory: string, node: ClusterNode, before?: Predecessor): void {
  const { host, port, name } = node;
  rmSync(join(directory, "config.json"));
  writeNote(directory, { publicKey: toHex(node.publicKey), host, port, name, voter: node.learner !== true, before });
}
