/**
 * The promises of Raft (figure 3 of the paper), and what the TLA+ models of it add, looked at after each step of a test
 * cluster. Deliberately naive: it knows every entry that any log ever held and every vote that was ever given.
 */

import { equalBytes } from "../../node/base/bytes.ts";
import { sameConfiguration } from "../../node/base/configuration.ts";
import type { LogIndex, NodeId, Term } from "../../node/base/ids.ts";
import type { NodeEvent, TestCluster, TestNode } from "./cluster.test-support.ts";
import type { Configuration } from "./configuration.ts";
import { configurationIn, configurationText } from "./configurations.test-support.ts";
import type { Entry } from "./messages.ts";
import type { Raft } from "./raft.ts";

interface CommittedEntry {
  readonly entry: Entry;
  /** The term of the node that was first seen to hold it committed. */
  readonly committedIn: Term;
}

/** A promise that was broken. */
export class SafetyError extends Error {
  override readonly name = "SafetyError";
}

export class Safety {
  readonly #leaders = new Map<Term, NodeId>();
  /** By node and term: the candidate that was promised the vote. */
  readonly #votes = new Map<string, NodeId>();
  /** By position, then by term: the entry, and the term of the one before it. */
  readonly #entries: Map<Term, { readonly data: Uint8Array; readonly previousTerm: Term }>[] = [];
  /** By position, from 1. */
  readonly #committed: CommittedEntry[] = [];
  /** In the present life of each node. */
  readonly #seen = new Map<NodeId, { readonly life: number; readonly term: Term; readonly commit: LogIndex }>();

  get elections(): number {
    return this.#leaders.size;
  }

  get committed(): readonly Entry[] {
    return this.#committed.map(({ entry }) => entry);
  }

  /** Takes what a node does; votes are promises from the moment they are sent. */
  listen(event: NodeEvent): void {
    if (event.type === "sent") {
      const { message } = event;
      if (message.type === "vote") this.#voted(message.from, message.term, message.from);
      if (message.type === "voteResponse" && message.granted) this.#voted(message.from, message.term, message.to);
    } else if (event.type === "applied") {
      for (const entry of event.entries) this.#expectCommitted(event.node, entry);
    } else if (event.type === "delivered") {
      expectThat(event.credible, `node ${event.node} does not believe ${JSON.stringify(event.message)}`);
    }
  }

  /** Looks at all nodes that are up. */
  check(cluster: TestCluster): void {
    for (const node of cluster.nodes) {
      if (node.raft !== undefined) this.#checkNode(cluster, node);
      this.#checkLog(node.id, node.disk.log, node.disk.term(node.disk.firstIndex() - 1) ?? 0);
    }
  }

  #checkNode(cluster: TestCluster, node: TestNode): void {
    const { id, life } = node;
    const raft = cluster.raft(id);
    const { term, commit, lastIndex } = raft;
    const seen = this.#seen.get(id);
    if (seen?.life === life) {
      expectThat(term >= seen.term, `the term of node ${id} went back from ${seen.term} to ${term}`);
      expectThat(commit >= seen.commit, `the commit index of node ${id} went back from ${seen.commit} to ${commit}`);
    }
    const newTerm = seen?.term !== term;
    this.#seen.set(id, { life, term, commit });
    const { firstIndex } = raft;
    const log = lastIndex < firstIndex ? [] : raft.entries(firstIndex, lastIndex + 1, Number.MAX_SAFE_INTEGER);
    this.#checkLog(id, log, raft.termAt(firstIndex - 1) ?? 0);
    if (raft.role === "leader") this.#checkLeader(raft, newTerm || !this.#leaders.has(term));
    for (const entry of log) if (entry.index <= commit) this.#commit(cluster, id, entry);
    const last = log.at(-1);
    if (last === undefined) return;
    const carried = configurationIn(last.data, cluster.first);
    const isInForce = sameConfiguration(raft.configuration, carried);
    expectThat(isInForce, `configuration: node ${id} stands under ${configurationText(raft.configuration)}`);
  }

  /** Log matching: a position and a term name one entry and, by induction over it, one history. */
  #checkLog(id: NodeId, log: readonly Entry[], termBefore: Term): void {
    let previousTerm = termBefore;
    for (const { index, term, data } of log) {
      this.#entries[index] ??= new Map();
      const known = this.#entries[index].get(term);
      if (known === undefined) this.#entries[index].set(term, { data, previousTerm });
      else if (!equalBytes(known.data, data) || known.previousTerm !== previousTerm) {
        throw new SafetyError(`log matching: node ${id} has another entry or history ${index}@${term}`);
      }
      previousTerm = term;
    }
  }

  /** Election safety, and leader completeness when a term begins. */
  #checkLeader(raft: Raft, isNew: boolean): void {
    const { id, term } = raft;
    const other = this.#leaders.get(term);
    expectThat(other === undefined || other === id, `election safety: nodes ${other} and ${id} lead term ${term}`);
    this.#leaders.set(term, id);
    if (!isNew) return;
    for (const { entry, committedIn } of this.#committed) {
      const isGone = entry.index < raft.firstIndex - 1;
      const has = committedIn >= term || isGone || raft.termAt(entry.index) === entry.term;
      expectThat(has, `leader completeness: node ${id} leads term ${term} without entry ${entry.index}`);
    }
  }

  /** State-machine safety, and that what is committed is durable on a quorum, as somebody knows it who may be the leader. */
  #commit(cluster: TestCluster, id: NodeId, entry: Entry): void {
    const known = this.#committed[entry.index - 1];
    if (known !== undefined) {
      this.#expectCommitted(id, entry);
      return;
    }
    const copies = cluster.nodes.filter(({ disk }) => disk.term(entry.index) === entry.term).map((node) => node.id);
    const isEnough = cluster.nodes.some(({ raft }) => raft !== undefined && isDecided(raft.configuration, copies));
    expectThat(isEnough, `durability: entry ${entry.index} is committed and durable at ${copies.join(", ")}`);
    this.#committed.push({ entry, committedIn: cluster.raft(id).term });
  }

  #expectCommitted(id: NodeId, entry: Entry): void {
    const known = this.#committed[entry.index - 1]?.entry;
    if (known === undefined || (known.term === entry.term && equalBytes(known.data, entry.data))) return;
    throw new SafetyError(`state-machine safety: node ${id} has another entry committed at ${entry.index}`);
  }

  #voted(voter: NodeId, term: Term, candidate: NodeId): void {
    const name = `${voter} in ${term}`;
    const other = this.#votes.get(name) ?? candidate;
    expectThat(other === candidate, `node ${voter} votes for ${other} and ${candidate} in term ${term}`);
    this.#votes.set(name, candidate);
  }
}

/** Whether these are a majority of the voters, and of those that are outgoing. */
function isDecided({ voters, outgoing }: Configuration, ids: readonly NodeId[]): boolean {
  const isMajorityOf = (group: readonly NodeId[]): boolean =>
    2 * group.filter((voter) => ids.includes(voter)).length > group.length;
  return isMajorityOf(voters) && (outgoing.length === 0 || isMajorityOf(outgoing));
}

function expectThat(holds: boolean, what: string): asserts holds {
  if (!holds) throw new SafetyError(what);
}
