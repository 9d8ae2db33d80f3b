/**
 * Configurations follow one another by the steps of Raft's §6 only: learners change at once; voters change through a joint
 * configuration, whose outgoing voters are those before it; and a joint one gives way to what it leads to. So any two that
 * are in force at the same time have no two quorums without a common member.
 */
import type { Configuration } from "../../node/base/configuration.ts";
import type { NodeId } from "../../node/base/ids.ts";
import type { Reached } from "../reached.ts";
import type { Verdict } from "./verdict.ts";

export class Configurations {
  readonly #verdict: Verdict;
  readonly #reached: Reached;
  /** That of the newest block that anybody has applied. */
  #newest: Configuration;

  constructor(verdict: Verdict, reached: Reached, founders: readonly NodeId[]) {
    this.#verdict = verdict;
    this.#reached = reached;
    this.#newest = { voters: founders, outgoing: [], learners: [] };
  }

  /** Called for each height once, in order. */
  block(height: number, next: Configuration): void {
    const before = this.#newest;
    if (textOf(before) === textOf(next)) return;
    this.#newest = next;
    this.#verdict.expect(
      isStep(before, next),
      "membership",
      () => `block ${height} stands under ${textOf(next)}, the one before under ${textOf(before)}`,
    );
    this.#count(before, next);
  }

  #count(before: Configuration, next: Configuration): void {
    const [was, is] = [everybody(before), everybody(next)];
    if (next.outgoing.length > 0) this.#reached.add("jointConfigurationApplied");
    this.#reached.add("memberAdded", is.filter((id) => !was.includes(id)).length);
    this.#reached.add("memberRemoved", was.filter((id) => !is.includes(id)).length);
    this.#reached.add("memberPromoted", next.voters.filter((id) => before.learners.includes(id)).length);
  }
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
