/**
 * Coverage of the protocol: the states that the cluster as a whole has been in, as far as Raft tells them apart. All that
 * could be counted without end is left out: of terms, logs and commit indexes only how they stand to each other, of nodes
 * only what they are, not which one is what. Two runs that came to the same such state have tried the same situation.
 *
 * Like the rules it is told of each node after each of its events; it costs something only where something has changed.
 */
import type { Raft } from "../../consensus/raft/raft.ts";
import type { NodeId } from "../../node/base/ids.ts";

/** What counts of a node. */
export type ProtocolView = Pick<
  Raft,
  | "role"
  | "term"
  | "lastIndex"
  | "lastTerm"
  | "commit"
  | "configuration"
  | "configurationIsCommitted"
  | "readsAreWaiting"
>;

/** Why a node takes no part: it does not run, or it runs and asks its peers for what its log has lost. */
export type Absence = "down" | "mending";

/** How one node stands when it is looked at. */
interface Stand {
  readonly term: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
  readonly commit: number;
  readonly leads: boolean;
  /** What of it does not depend on the others. */
  readonly own: number;
}

const ROLES = { follower: 0, preCandidate: 1, candidate: 2, leader: 3 } as const;
/** What the configuration in force makes of the node that has it. */
const PARTS = { none: 0, learner: 1, outgoing: 2, voter: 3 } as const;
/** A log beside that which all others are to become equal to, by the last entries. */
const LOGS = { equal: 0, shorter: 1, longer: 2, older: 3, olderAndNotShorter: 4, newer: 5 } as const;
const ABSENCES: Readonly<Record<Absence, number>> = { down: 0x1000, mending: 0x1001 };

export class ProtocolStates {
  readonly #nodes = new Map<NodeId, Stand | Absence>();
  readonly #met = new Set<number>();
  #isStale = false;

  /** A node has handled an event. */
  look(node: NodeId, raft: ProtocolView): void {
    const before = this.#nodes.get(node);
    if (!this.#isStale && typeof before === "object" && standsSo(before, node, raft)) return;
    this.#nodes.set(node, standOf(node, raft));
    this.#isStale = false;
    this.#met.add(abstractState([...this.#nodes.values()]));
  }

  /** A node takes no part from now on; several that go at once are one change. */
  absent(node: NodeId, how: Absence): void {
    this.#nodes.set(node, how);
    this.#isStale = true;
  }

  /** The states so far, each once, in the order in which they came. Each is a whole number below 2 ** 48. */
  read(): readonly number[] {
    return [...this.#met];
  }
}

function standOf(node: NodeId, raft: ProtocolView): Stand {
  const { role, term, lastIndex, lastTerm, commit } = raft;
  return { term, lastIndex, lastTerm, commit, leads: role === "leader", own: ownOf(node, raft) };
}

/** Whether a node stands as it did. */
function standsSo(before: Stand, node: NodeId, raft: ProtocolView): boolean {
  return (
    before.commit === raft.commit &&
    before.lastIndex === raft.lastIndex &&
    before.lastTerm === raft.lastTerm &&
    before.term === raft.term &&
    before.own === ownOf(node, raft)
  );
}

function ownOf(node: NodeId, { role, configuration, configurationIsCommitted, readsAreWaiting }: ProtocolView): number {
  const { voters, outgoing, learners } = configuration;
  let part: number = PARTS.none;
  if (voters.includes(node)) part = PARTS.voter;
  else if (outgoing.includes(node)) part = PARTS.outgoing;
  else if (learners.includes(node)) part = PARTS.learner;
  return (
    ROLES[role] |
    (part << 2) |
    (bit(outgoing.length > 0) << 4) |
    (bit(configurationIsCommitted) << 5) |
    (bit(readsAreWaiting) << 6)
  );
}

/** The state of a cluster of these nodes, in any order. */
function abstractState(nodes: readonly (Stand | Absence)[]): number {
  const stands = nodes.filter((node) => typeof node === "object");
  const model = modelLog(stands);
  let [newest, furthest] = [0, 0];
  for (const { term, commit } of stands) {
    newest = Math.max(newest, term);
    furthest = Math.max(furthest, commit);
  }
  const codes = nodes.map((node) => {
    if (typeof node !== "object") return ABSENCES[node];
    return (
      node.own | (bit(node.term < newest) << 7) | (bit(node.commit < furthest) << 8) | (logBeside(node, model) << 9)
    );
  });
  return hashOf(codes.sort((a, b) => a - b));
}

/** The log of the newest leader; where nobody leads, the one that would win any vote. */
function modelLog(stands: readonly Stand[]): Stand | undefined {
  let model: Stand | undefined;
  for (const stand of stands) if (model === undefined || precedes(stand, model)) model = stand;
  return model;
}

function precedes(a: Stand, b: Stand): boolean {
  if (a.leads !== b.leads) return a.leads;
  if (a.leads) return a.term > b.term;
  return a.lastTerm > b.lastTerm || (a.lastTerm === b.lastTerm && a.lastIndex > b.lastIndex);
}

function logBeside({ lastTerm, lastIndex }: Stand, model: Stand | undefined): number {
  if (model === undefined || lastTerm > model.lastTerm) return LOGS.newer;
  if (lastTerm < model.lastTerm) return lastIndex < model.lastIndex ? LOGS.older : LOGS.olderAndNotShorter;
  if (lastIndex === model.lastIndex) return LOGS.equal;
  return lastIndex < model.lastIndex ? LOGS.shorter : LOGS.longer;
}

function bit(is: boolean): number {
  return is ? 1 : 0;
}

/** 48 bits, so that among a million states two are hardly ever taken for one. */
function hashOf(codes: readonly number[]): number {
  let a = 0x811c9dc5;
  let b = 0x9e3779b9;
  for (const code of codes) {
    a = Math.imul(a ^ code, 0x01000193);
    a ^= a >>> 15;
    b = Math.imul(b + code, 0x85ebca6b);
    b ^= b >>> 13;
  }
  return (a >>> 0) * 0x1_0000 + (Math.imul(b, 0xc2b2ae35) >>> 16);
}
