/** How a node stands to a peer's checkpoint: what it answers when it is asked what it knows of one at a height. */
import { type Configuration, isMember } from "../base/configuration.ts";
import type { LogIndex, NodeId } from "../base/ids.ts";
import { isQuorum } from "../base/quorum.ts";
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

/** A node, the configuration that its log ends with, and who of its peers can take part in a decision. */
export interface Asker {
  readonly configuration: Configuration;
  readonly node: NodeId;
  readonly canDecide: ReadonlyMap<NodeId, boolean>;
}

/** Whether it votes, or is on its way out and still has to agree. */
export function hasSay({ configuration: { voters, outgoing }, node }: Asker): boolean {
  return voters.includes(node) || outgoing.includes(node);
}

/**
 * Whether the others decide nothing without this node. Where the voters are others by now than its log says, they may need
 * nobody.
 */
export function isNeeded(asker: Asker): boolean {
  if (!hasSay(asker) || !mayBeInForce(asker)) return false;
  return !isQuorum(asker.configuration, (voter) => asker.canDecide.get(voter) === true);
}

/**
 * Whether peers of whom this is true can be a quorum without the node that asks; where the voters are others by now than its
 * log says, it cannot tell, and any may be.
 */
export function mayBeQuorum(asker: Asker, holds: (peer: NodeId) => boolean): boolean {
  return !mayBeInForce(asker) || isQuorum(asker.configuration, (voter) => voter !== asker.node && holds(voter));
}

/**
 * Only the log that a node has says who votes, and that is of when it left, or of when the cluster began: where voters are no
 * peers any more, or nodes take part that are no members there, the voters are others by now.
 */
function mayBeInForce({ configuration, node, canDecide }: Asker): boolean {
  const voters = [...configuration.voters, ...configuration.outgoing];
  if (!voters.every((voter) => voter === node || canDecide.has(voter))) return false;
  return ![...canDecide].some(([peer, can]) => can && !isMember(configuration, peer));
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
