/** Nodes as operators speak of them: by the name that stays, or by the id of what is on the disk. */
import { CodedError } from "../node/base/errors.ts";
import { NODE_ID_MAX } from "../node/base/limits.ts";
import type { ClusterFile } from "../node/client/index.ts";
import { defaultName, isNodeName, NAME_RULE } from "../node/transport/cluster-file.ts";

const ID = /^[1-9]\d{0,2}$/;

/** Checks a name that is chosen, for yargs' `coerce`; throws `CodedError` `usage`. */
export function chosenName(option: string): (name: string) => string {
  return (name) => {
    if (isNodeName(name)) return name;
    throw new CodedError("usage", `--${option}: "${name}" is no name for a node: it has ${NAME_RULE}`);
  };
}

/** Checks what stands for a node, for yargs' `coerce`; throws `CodedError` `usage`. */
export function nodeReference(option: string): (node: string) => string {
  return (node) => {
    if (isNodeName(node) || (ID.test(node) && Number(node) <= NODE_ID_MAX)) return node;
    const rule = `a node's name, or its id, a whole number from 1 to ${NODE_ID_MAX}`;
    throw new CodedError("usage", `--${option} must be ${rule}`);
  };
}

/** The id of the node that is meant, which need not stand in the file; throws `CodedError` `usage` for a name that does not. */
export function nodeIdOf({ nodes }: ClusterFile, node: string): number {
  if (ID.test(node)) return Number(node);
  const named = nodes.find(({ name }) => name === node);
  if (named !== undefined) return named.id;
  const known = nodes.map(nodeText).join(", ");
  throw new CodedError("usage", `the cluster file names no node ${node}; it names ${known}`);
}

/** A node for people: its id, and its name where that does not go without saying. */
export function nodeText({ id, name }: { readonly id: number; readonly name: string }): string {
  return name === defaultName(id) ? `node ${id}` : `node ${id} (${name})`;
}
