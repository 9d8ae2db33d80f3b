/**
 * Whether a peer's checkpoint is to be believed, by what the other nodes say of its height. Whoever gives it is one of those
 * who are asked: a quorum that says the same has computed it. That is one of the voters, by the log of the node that asks, and a
 * majority of all nodes besides: the log may be old, and a learner of it vote by now.
 *
 * Where too few are there to be a quorum, it is believed all the same as long as those who are there do not speak against
 * it: a node must come back with the help of a single other one. Where nothing is decided without the node that asks, they
 * may only have come to rest at other heights, and another root alone is held against it. What is committed has been with a
 * quorum, so a checkpoint that too many voters lack was never committed, whatever they were told that they wait for; but
 * a node takes itself for a voter until it hears of its removal, so that is held against it for a while only.
 */
import { equalBytes } from "../base/bytes.ts";
import type { NodeId } from "../base/ids.ts";
import { quorumOf } from "../base/quorum.ts";
import type { Standing } from "./standing.ts";

/** "unheard" may still answer; who is "silent" has had the time for it. */
export type Said = Standing | "unheard" | "silent";

export interface Hearing {
  /** Over the pages that were given. */
  readonly root: Uint8Array;
  /** By every peer. */
  readonly said: ReadonlyMap<NodeId, Said>;
  /** Whether peers of whom this is true can be a quorum of the voters without the node that asks. */
  readonly mayBeQuorum: (holds: (peer: NodeId) => boolean) => boolean;
  /** The node that asks votes, or did in the configuration that gives way. */
  readonly hasSay: boolean;
  /** Those who can decide anything are too few without it: none of them comes any further. */
  readonly isNeeded: boolean;
  /**
   * Over when there is no more time for those that are behind; spent when that was so often, that who still lacks it may
   * well have been removed without having heard of it.
   */
  readonly patience: "left" | "over" | "spent";
}

/** "vouched": by a quorum, or by all; "believed": on the word of those that could be heard. The last two: not to be installed. */
export type Judgement = "wait" | "vouched" | "believed" | "contradicted" | "unvouched";

export function judge({ root, said, mayBeQuorum, hasSay, isNeeded, patience }: Hearing): Judgement {
  const count = (is: (one: Said) => boolean): number => [...said.values()].filter(is).length;
  const nodes = said.size + 1;
  const areQuorum = (is: (one: Said | undefined) => boolean): boolean =>
    count(is) >= quorumOf(nodes) && mayBeQuorum((peer) => is(said.get(peer)));
  const isSame = (one: Said | undefined): boolean => one instanceof Uint8Array && equalBytes(one, root);
  const isOther = (one: Said | undefined): boolean => one instanceof Uint8Array && !equalBytes(one, root);
  const same = count(isSame);
  const other = count(isOther);
  if (same === said.size || areQuorum(isSame)) return "vouched";
  if (areQuorum(isOther)) return "contradicted";
  const undecided = count((one) => one === "unheard" || one === "behind");
  if (undecided > 0 && patience === "left") return "wait";
  if (other > 0) return "contradicted";
  const against = count((one) => one === "passed" || one === "behind");
  if (against > 0 && same <= against) {
    if (!isNeeded) return "unvouched";
    return patience === "left" ? "wait" : "believed";
  }
  const lacking = count((one) => one === "lacking");
  const mayHaveIt = nodes - lacking - (hasSay ? 1 : 0);
  const mayBeCommitted = mayHaveIt >= quorumOf(nodes) && mayBeQuorum((peer) => said.get(peer) !== "lacking");
  if (lacking === 0 || mayBeCommitted) return "believed";
  if (patience === "spent" && same > 0) return "believed";
  return patience === "left" ? "wait" : "unvouched";
}

/** Whether somebody can take part in a decision, as far as is known: who lacks a checkpoint, too, acknowledges nothing. */
export function canDecide(said: Said): boolean {
  return said !== "silent" && said !== "waiting" && said !== "lacking";
}

/** Who has said what, for people. */
export function saidText(said: ReadonlyMap<NodeId, Said>, root: Uint8Array): string {
  const word = (one: Said): string => {
    if (typeof one === "string") return one;
    return equalBytes(one, root) ? "the same" : "another root";
  };
  return [...said].map(([node, one]) => `${node} ${word(one)}`).join(", ");
}
