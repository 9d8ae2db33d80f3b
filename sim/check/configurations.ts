/**
 * Configurations follow one another by the steps of Raft's §6 only: learners change at once; voters change through a joint
 * configuration, whose outgoing voters are those before it; and a joint one gives way to what it leads to. So any two that
 * are in force at the same time have no two quorums without a common member; and no leader begins a change before the last
 * one is committed, or there would be three in force.
 */
import type { Configuration } from "../../node/base/configuration.ts";
import type { LogIndex, NodeId } from "../../node/base/ids.ts";
import { configurationOf } from "../../node/wire/block.ts";
import type { Reached } from "../reached.ts";
import type { RaftView } from "./observed-node.ts";
import type { Verdict } from "./verdict.ts";

export class Configurations {
  readonly #verdict: Verdict;
  readonly #reached: Reached;
  /** That of the newest block that anybody has applied. */
  #newest: Configuration;
  /** Each that there has been, with the first block that anybody has applied under it, the newest last. */
  readonly #all: { readonly from: LogIndex; readonly configuration: Configuration }[] = [];

  constructor(verdict: Verdict, reached: Reached, founders: readonly NodeId[]) {
    this.#verdict = verdict;
    this.#reached = reached;
    this.#newest = { voters: founders, outgoing: [], learners: [] };
    this.#all.push({ from: 0, configuration: this.#newest });
  }

  /** That of the newest block that anybody has applied. */
  get newest(): Configuration {
    return this.#newest;
  }

  /** Called for each height once, in order. */
  block(height: number, next: Configuration): void {
    const before = this.#newest;
    if (textOf(before) === textOf(next)) return;
    this.#newest = next;
    this.#all.push({ from: height, configuration: next });
    this.#verdict.expect(
      isStep(before, next),
      "membership",
      () => `block ${height} stands under ${textOf(next)}, the one before under ${textOf(before)}`,
    );
    this.#count(before, next);
  }

  /** A node has started, or goes by another configuration: it is that of its log's end, committed or not. */
  inForce(node: NodeId, raft: Pick<RaftView, "configuration" | "firstIndex" | "lastIndex" | "entry">): void {
    const { firstIndex, lastIndex } = raft;
    const last = this.#all.findLast(({ from }) => from <= lastIndex)?.configuration ?? this.#newest;
    const expected = lastIndex < firstIndex ? last : configurationOf(raft.entry(lastIndex).data);
    this.#verdict.expect(
      textOf(raft.configuration) === textOf(expected),
      "membership",
      () =>
        `node ${node} goes by ${textOf(raft.configuration)}, and its log ends at ${lastIndex} with ${textOf(expected)}`,
    );
  }

  /**
   * A leader has begun a change: the one before must be committed, as it knows, and it knows nothing of that before it has
   * committed in its own term. What the log no longer holds is committed.
   */
  begun(node: NodeId, raft: Pick<RaftView, "term" | "commit" | "firstIndex" | "lastIndex" | "entry" | "termAt">): void {
    const [newest, before] = lastChanges(raft);
    this.#verdict.expect(
      before <= raft.commit && raft.termAt(raft.commit) === raft.term,
      "membership",
      () =>
        `node ${node} begins a change at ${newest} in term ${raft.term}, after one at ${before}, and has committed up to ${raft.commit}`,
    );
  }

  #count(before: Configuration, next: Configuration): void {
    const [was, is] = [everybody(before), everybody(next)];
    if (next.outgoing.length > 0) this.#reached.add("jointConfigurationApplied");
    this.#reached.add("memberAdded", is.filter((id) => !was.includes(id)).length);
    this.#reached.add("memberRemoved", was.filter((id) => !is.includes(id)).length);
    const demoted = next.outgoing.length > 0 ? [] : before.outgoing.filter((id) => next.learners.includes(id));
    this.#reached.add("memberDemoted", demoted.length);
    this.#reached.add("memberPromoted", next.voters.filter((id) => before.learners.includes(id)).length);
  }
}

/**
 * Where the configuration has changed last in a log, and where before that; 0 for what is committed: it may be in an old file,
 * whose damage this is not the place to meet.
 */
function lastChanges(
  raft: Pick<RaftView, "commit" | "firstIndex" | "lastIndex" | "entry">,
): readonly [LogIndex, LogIndex] {
  const changes: LogIndex[] = [];
  const end = Math.max(raft.firstIndex, raft.commit);
  for (let index = raft.lastIndex; index > end && changes.length < 2; index--) {
    const [before, next] = [index - 1, index].map((at) => textOf(configurationOf(raft.entry(at).data)));
    if (before !== next) changes.push(index);
  }
  const [newest = 0, before = 0] = changes;
  return [newest, before];
}

/** Whether those of whom this is true are a majority of the voters, and of the outgoing ones where there are any. */
export function areQuorum({ voters, outgoing }: Configuration, holds: (voter: NodeId) => boolean): boolean {
  const isMajority = (ids: readonly NodeId[]): boolean => 2 * ids.filter(holds).length > ids.length;
  return isMajority(voters) && (outgoing.length === 0 || isMajority(outgoing));
}

export function textOf({ voters, outgoing, learners }: Configuration): string {
  const parts = [voters.join(","), outgoing.length > 0 ? `&${outgoing.join(",")}` : "", learners.map((id) => `+${id}`)];
  return `{${parts.flat().join("")}}`;
}

function everybody({ voters, outgoing, learners }: Configuration): readonly NodeId[] {
  return [...new Set([...voters, ...outgoing, ...learners])];
}

function isStep(before: Configuration, next: Configuration): boolean {
  if (next.voters.length === 0 || next.voters.some((id) => next.learners.includes(id))) return false;
  if (before.outgoing.length > 0) return textOf(next) === textOf({ ...before, outgoing: [] });
  const kept = next.outgoing.length > 0 ? next.outgoing : next.voters;
  return kept.join() === before.voters.join();
}
