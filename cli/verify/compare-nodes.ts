/**
 * Comparing the verified logs of a whole cluster. A block that a quorum has is committed, with all before it; a node may
 * have other blocks behind the last committed one (proposals that never got a quorum), but never before a checkpoint of
 * its own. Who makes a quorum each block says itself: a cluster file may be of another day than the logs.
 */
import { toHex } from "../../node/base/bytes.ts";
import type { NodeId } from "../../node/base/ids.ts";
import { isQuorum } from "../../node/base/quorum.ts";
import type { VerifiedNode } from "./verify-node.ts";

export interface ComparedNode extends VerifiedNode {
  readonly id: NodeId;
}

export interface Comparison {
  /** Height up to which a quorum of the voters has the same blocks. */
  readonly agreedHeight: number;
  readonly problems: readonly string[];
}

/** Ends with the first height where something is wrong. */
export function compareNodes(nodes: readonly ComparedNode[]): Comparison {
  const beginnings = nodes.map(({ report }) => report.firstHeight);
  const end = Math.max(...nodes.map(({ report }) => report.height));
  const agreed = agreedLog(nodes, end);
  for (let height = Math.min(...beginnings) - 1; height <= end; height++) {
    const split = rivals(nodes, agreed, height);
    // Where there are two quorums, neither can say that the other has broken a promise.
    const broken = split.length > 0 ? split : brokenPromises(nodes, agreed, height);
    const problems = [...broken, ...unlikeDigests(nodes, height)];
    if (problems.length > 0) return { agreedHeight: Math.min(height, agreed.height), problems };
  }
  return { agreedHeight: agreed.height, problems: [] };
}

/** The last block that a quorum has, and those that have it. */
interface AgreedLog {
  readonly height: number;
  readonly holders: readonly ComparedNode[];
}

/**
 * Earlier blocks may be of voters of whom none is left: what follows them is enough. That a node has given up its log up to a
 * block is its word alone: that block counts as one that it has.
 */
function agreedLog(nodes: readonly ComparedNode[], end: number): AgreedLog {
  for (let height = end; height > 0; height--) {
    for (const holders of byBlock(nodes, height).values()) if (decides(holders, height)) return { height, holders };
  }
  return { height: 0, holders: [] };
}

/** Whether those that have the same block at a height are a quorum of whom that block names. */
function decides(holders: readonly ComparedNode[], height: number): boolean {
  const configuration = holders
    .map(({ configurations }) => configurations.get(height))
    .find((known) => known !== undefined);
  return configuration !== undefined && isQuorum(configuration, (voter) => holders.some(({ id }) => id === voter));
}

/** A quorum that has another block than the agreed log: no two of one cluster can be without a node in common. */
function rivals(nodes: readonly ComparedNode[], agreed: AgreedLog, height: number): string[] {
  const hash = agreedHash(agreed, height);
  if (hash === undefined) return [];
  const directories = (of: readonly ComparedNode[]): string => of.map(({ report }) => report.directory).join(", ");
  return [...byBlock(nodes, height)].flatMap(([other, holders]) => {
    if (other === hash || !decides(holders, height)) return [];
    const both = `a quorum (${directories(holders)}) has another block ${height} than the one that goes on to ${agreed.height} (${directories(agreed.holders)})`;
    return [
      `${both}: the cluster has split, as when it is recovered beside nodes that go on; keep all of them, and let only one side run`,
    ];
  });
}

/** The block of the agreed log at a height that it has come to, as far as one of its holders still has it. */
function agreedHash({ height: reached, holders }: AgreedLog, height: number): string | undefined {
  if (height > reached) return undefined;
  return holders.map((holder) => hashAt(holder, height)).find((known) => known !== undefined);
}

/** Who has which block at a height. */
function byBlock(nodes: readonly ComparedNode[], height: number): Map<string, ComparedNode[]> {
  const found = new Map<string, ComparedNode[]>();
  for (const node of nodes) {
    const hash = hashAt(node, height);
    if (hash !== undefined) found.set(hash, [...(found.get(hash) ?? []), node]);
  }
  return found;
}

function hashAt({ blockHashes }: ComparedNode, height: number): string | undefined {
  const hash = blockHashes.get(height);
  return hash === undefined ? undefined : toHex(hash);
}

function brokenPromises(nodes: readonly ComparedNode[], agreed: AgreedLog, height: number): string[] {
  const hash = agreedHash(agreed, height);
  if (hash === undefined) return [];
  return nodes.flatMap((node) => {
    const { directory, checkpointHeight } = node.report;
    const own = hashAt(node, height);
    if (own === undefined || own === hash || checkpointHeight < height) return [];
    return [`${directory} has a checkpoint behind block ${height}, where a quorum has another block`];
  });
}

/** Nodes that have the same block, be it committed or not, come to the same state. */
function unlikeDigests(nodes: readonly ComparedNode[], height: number): string[] {
  const differ = [...byBlock(nodes, height).values()].some((holders) => {
    const digests = holders.flatMap(({ digests }) => digests.get(height) ?? []);
    return new Set(digests.map(toHex)).size > 1;
  });
  return differ ? [`the state digests after block ${height} differ`] : [];
}
