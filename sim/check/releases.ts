/**
 * Releases: along the chain they never fall, and one is begun only when every member of the configuration that its first
 * block stands under runs a program that reads it. Nodes are upgraded and never go back, so whoever reads a release when
 * its first block is built reads it when the block comes.
 */
import { membersOf } from "../../consensus/raft/configuration.ts";
import type { Configuration } from "../../node/base/configuration.ts";
import type { NodeId, Term } from "../../node/base/ids.ts";
import { FIRST_RELEASE, NEWEST_RELEASE } from "../../node/base/release.ts";
import { type BlockHeader, configurationOf, releaseOf } from "../../node/wire/block.ts";
import type { Reached } from "../reached.ts";
import type { RaftView } from "./observed-node.ts";
import type { Verdict } from "./verdict.ts";

export class Releases {
  readonly #verdict: Verdict;
  readonly #reached: Reached;
  /** The newest release that the program reads which each node runs, or ran last. */
  readonly #reads = new Map<NodeId, number>();
  /** Of the last block that was executed. */
  #chain: number = FIRST_RELEASE;
  /** The newest block that was looked at when it was built. */
  #built: { readonly term: Term; readonly index: number } = { term: 0, index: 0 };

  constructor(verdict: Verdict, reached: Reached) {
    this.#verdict = verdict;
    this.#reached = reached;
  }

  /** Of the last block that was executed anywhere. */
  get chain(): number {
    return this.#chain;
  }

  /** A node begins to run a program. */
  started(node: NodeId, releaseMax: number): void {
    this.#reads.set(node, releaseMax);
  }

  /** A leader's log has become longer: the blocks of its own term are those that it has built. */
  built(raft: RaftView): void {
    const { term, lastIndex, firstIndex } = raft;
    const seen = this.#built.term === term ? this.#built.index : 0;
    if (term < this.#built.term) return;
    for (let index = lastIndex; index > Math.max(seen, firstIndex) && raft.termAt(index) === term; index--) {
      this.#look(raft, index);
    }
    this.#built = { term, index: lastIndex };
  }

  /** A block of the committed chain is executed for the first time. */
  block({ height, release }: Pick<BlockHeader, "height" | "release">): void {
    const before = this.#chain;
    const why = (): string => `block ${height} is of release ${release}, after release ${before}`;
    this.#verdict.expect(release >= before, "release", why);
    if (release > before) this.#reached.add("releaseRaised");
    if (release > before && release < NEWEST_RELEASE) this.#reached.add("releaseRaisedPartly");
    this.#chain = release;
  }

  /** Whether a member of a configuration reads no release above this one. */
  isHeldBack(release: number, configuration: Configuration): boolean {
    return membersOf(configuration).some((member) => this.#read(member) <= release);
  }

  /** All is at rest under a configuration. */
  atRest(release: number, configuration: Configuration): void {
    if (release < NEWEST_RELEASE && this.isHeldBack(release, configuration)) this.#reached.add("releaseHeldBack");
  }

  #look(raft: RaftView, index: number): void {
    const { data } = raft.entry(index);
    const [before, release] = [releaseOf(raft.entry(index - 1).data), releaseOf(data)];
    if (release <= before) return;
    const member = membersOf(configurationOf(data)).find((id) => this.#read(id) < release);
    const why = (): string => `block ${index} is of release ${release}, and its member ${member} does not read that`;
    this.#verdict.expect(member === undefined, "release", why);
  }

  #read(node: NodeId): number {
    return this.#reads.get(node) ?? 0;
  }
}
