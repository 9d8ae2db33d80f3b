/** The release that a cluster is at, and who keeps it from a later one, as far as its nodes say. */
import type { NodeStatus } from "./node-status.ts";

/** A node that does not let the release be raised. */
interface HoldingBack {
  readonly node: number;
  /** The newest release that it reads; null where it gives no answer. */
  readonly releaseMax: number | null;
}

export interface ClusterRelease {
  readonly release: number;
  /** The newest release that any node reads. */
  readonly newest: number;
  /** Who does not read the newest, or does not say so. */
  readonly heldBackBy: readonly HoldingBack[];
}

/** Undefined where no node tells this key. */
export function clusterRelease(nodes: readonly NodeStatus[]): ClusterRelease | undefined {
  const told = nodes.map(({ id, sections }) => {
    const [releaseMax, release] = [sections["consensus"]?.["releaseMax"], sections["ledger"]?.["release"]];
    return { node: id, releaseMax: numberOr(null, releaseMax), release: numberOr(0, release) };
  });
  const release = Math.max(...told.map((each) => each.release));
  const newest = Math.max(...told.map(({ releaseMax }) => releaseMax ?? 0));
  if (release === 0) return undefined;
  const behind = told.filter(({ releaseMax }) => (releaseMax ?? 0) < newest);
  return { release, newest, heldBackBy: behind.map(({ node, releaseMax }) => ({ node, releaseMax })) };
}

/** The same for people; a hint where the release could be a later one. */
export function releaseText(view: ClusterRelease | undefined): string {
  if (view === undefined) return "";
  const { release, newest, heldBackBy } = view;
  if (release >= newest) return `release ${release}`;
  const who = heldBackBy.map(({ node, releaseMax }) =>
    releaseMax === null ? `node ${node}, which gives no answer` : `node ${node}, which reads up to ${releaseMax}`,
  );
  if (who.length === 0) return `release ${release}; ${newest} is about to begin`;
  return `release ${release}; ${newest} waits for ${who.join(", and ")}`;
}

function numberOr<T>(otherwise: T, value: unknown): number | T {
  return typeof value === "number" ? value : otherwise;
}
