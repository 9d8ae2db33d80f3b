/** How a node stands to a peer's checkpoint: what it answers when it is asked what it knows of one at a height. */
import { isQuorum } from "../../consensus/raft/quorum.ts";
import { type Configuration, isMember } from "../base/configuration.ts";
import type { LogIndex, NodeId } from "../base/ids.ts";
import { bytes, oneOf, type Schema } from "../wire/schema.ts";

const WORDS = [
  /** Its state has not come so far, or has just come there: it will know its pages when it is asked again. */
  "behind",
  /** Its state is further, and it does not know any more what its pages were there. */
  "passed",
  /** It has a vote, has not come so far, and does not come further: it waits for a checkpoint itself, or for a leader. */
  "lacking",
  /** It cannot say: it takes part in nothing, or has no vote and does not come further, or nobody does any more. */
  "waiting",
] as const;

/** The root over its own pages at that height, or why it has none. */
export type Standing = Uint8Array | (typeof WORDS)[number];

const root = bytes(32);
const word = oneOf(...WORDS);

export const standingSchema: Schema<Standing> = (value, path) =>
  value instanceof Uint8Array ? root(value, path) : word(value, path);

/** What a node takes part in, as its log says. Who is on its way out goes on to follow, and its vote is soon none. */
export type Part = "voter" | "follower" | "none";

export function partIn(configuration: Configuration, node: NodeId): Part {
  if (!isMember(configuration, node)) return "none";
  return configuration.voters.includes(node) ? "voter" : "follower";
}

/**
 * Whether the others decide nothing without this node, given who of its peers can take part in a decision. Only the log that
 * it has says who votes, and that is of when it left, or of when the cluster began: where voters are no peers any more, or
 * nodes take part that are no members there, the voters are others by now, and they may need nobody.
 */
export function isNeeded(configuration: Configuration, node: NodeId, canDecide: ReadonlyMap<NodeId, boolean>): boolean {
  const voters = [...configuration.voters, ...configuration.outgoing];
  if (!voters.includes(node) || !voters.every((voter) => voter === node || canDecide.has(voter))) return false;
  if ([...canDecide].some(([peer, can]) => can && !isMember(configuration, peer))) return false;
  return !isQuorum(configuration, (voter) => canDecide.get(voter) === true);
}

export interface Place {
  readonly part: Part;
  /** How far its state has come. */
  readonly height: LogIndex;
  /** A leader sends it the log. */
  readonly follows: boolean;
  /** What is in its log is not committed for long: too few voters are there, perhaps for want of the one that asks. */
  readonly rests: boolean;
}

/** Of a node that does not know its pages at the height asked about. */
export function standingWithoutRoot({ part, height, follows, rests }: Place, asked: LogIndex): Standing {
  if (part === "none") return "waiting";
  if (height > asked) return rests ? "waiting" : "passed";
  if (follows) return rests ? "waiting" : "behind";
  return part === "voter" ? "lacking" : "waiting";
}
