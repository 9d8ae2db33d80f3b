/**
 * What changed in a node's Raft core since it was last looked at. The rules below look only at changes, so that watching
 * after every event costs next to nothing when nothing happened.
 */
import type { Raft } from "../../consensus/raft/raft.ts";
import { type Configuration, sameConfiguration } from "../../node/base/configuration.ts";

/** What the rules look at. */
export type RaftView = Pick<
  Raft,
  | "term"
  | "vote"
  | "role"
  | "leader"
  | "commit"
  | "firstIndex"
  | "lastIndex"
  | "lastTerm"
  | "stableIndex"
  | "configuration"
  | "configurationIsCommitted"
  | "entry"
  | "termAt"
>;

export class ObservedNode {
  #term = 0;
  #vote = 0;
  #role: Raft["role"] = "follower";
  #lastIndex = 0;
  #lastTerm = 0;
  #commit = 0;
  #configuration: Configuration | undefined;

  /** Compares with the last look; undefined when nothing changed. */
  look(raft: RaftView): NodeChange | undefined {
    const voted = raft.vote !== 0 && (raft.vote !== this.#vote || raft.term !== this.#term);
    const stillLeads = raft.role === "leader" && this.#role === "leader" && raft.term === this.#term;
    const elected = raft.role === "leader" && (this.#role !== "leader" || raft.term !== this.#term);
    const logChanged = raft.lastIndex !== this.#lastIndex || raft.lastTerm !== this.#lastTerm;
    const committed = raft.commit !== this.#commit;
    const moved = raft.role !== this.#role || raft.term !== this.#term;
    if (!voted && !elected && !logChanged && !committed && !moved) return undefined;
    const commitBefore = this.#commit;
    const configurationBefore = this.#configuration ?? raft.configuration;
    const reconfigured = !sameConfiguration(raft.configuration, configurationBefore);
    this.#remember(raft);
    return { voted, elected, stillLeads, logChanged, commitBefore, committed, configurationBefore, reconfigured };
  }

  #remember(raft: RaftView): void {
    this.#term = raft.term;
    this.#vote = raft.vote;
    this.#role = raft.role;
    this.#lastIndex = raft.lastIndex;
    this.#lastTerm = raft.lastTerm;
    this.#commit = raft.commit;
    this.#configuration = raft.configuration;
  }
}

export interface NodeChange {
  readonly voted: boolean;
  readonly elected: boolean;
  /** It led this term before, too. */
  readonly stillLeads: boolean;
  readonly logChanged: boolean;
  readonly committed: boolean;
  readonly commitBefore: number;
  readonly configurationBefore: Configuration;
  /** Another configuration is in force. */
  readonly reconfigured: boolean;
}
