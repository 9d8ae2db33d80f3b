/**
 * Comparing the verified logs of a whole cluster. A block that a quorum has is committed; a node may have other blocks
 * behind the last committed one (proposals that never got a quorum), but never before a checkpoint of its own.
 */
import { toHex } from "../../node/base/bytes.ts";
import { quorumOf } from "../../node/base/quorum.ts";
import type { VerifiedNode } from "./verify-node.ts";

/** A learner is compared like others, and what it has is not committed for that. */
export interface ComparedNode extends VerifiedNode {
  readonly learner?: boolean | undefined;
}

export interface Comparison {
  /** Height up to which a quorum of the voters has the same blocks. */
  readonly agreedHeight: number;
  readonly problems: readonly string[];
}

export function compareNodes(nodes: readonly ComparedNode[]): Comparison {
  const voters = nodes.filter(({ learner }) => learner !== true);
  const quorum = quorumOf(voters.length);
  const problems: string[] = [];
  // What a node has given up it had committed.
  const first = Math.max(1, ...nodes.map(({ report }) => report.firstHeight));
  for (let height = first; ; height++) {
    const counts = new Map<string, number>();
    for (const { blockHashes } of voters) {
      const hash = blockHashes.get(height);
      if (hash !== undefined) counts.set(toHex(hash), (counts.get(toHex(hash)) ?? 0) + 1);
    }
    const agreed = [...counts].find(([, count]) => count >= quorum)?.[0];
    if (agreed === undefined) return { agreedHeight: height - 1, problems };
    const digests = new Set<string>();
    for (const { report, blockHashes, digests: own } of nodes) {
      const hash = blockHashes.get(height);
      const digest = own.get(height);
      if (hash !== undefined && toHex(hash) === agreed) {
        if (digest !== undefined) digests.add(toHex(digest));
      } else if (report.checkpointHeight >= height) {
        problems.push(`${report.directory} has a checkpoint behind block ${height}, where a quorum has another block`);
      }
    }
    if (digests.size > 1) problems.push(`the state digests after block ${height} differ`);
    if (problems.length > 0) return { agreedHeight: height, problems };
  }
}
