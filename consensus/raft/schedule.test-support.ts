/**
 * Random schedules: a list of numbers decides what happens next to a cluster. Messages are lost, repeated and reordered,
 * disks are slow, nodes crash and lose what was not synced; members come and go, logs are compacted and checkpoints
 * installed. Every number means something in every state, so a failing list can be shortened at will.
 */
import { sameConfiguration } from "../../node/base/configuration.ts";
import type { NodeId } from "../../node/base/ids.ts";
import { Prng } from "../../node/base/prng.ts";
import { type ClusterOptions, type NodeEvent, TestCluster } from "./cluster.test-support.ts";
import { type Members, membersOf, nextConfiguration } from "./configuration.ts";
import type { Entry } from "./messages.ts";
import { Safety, SafetyError } from "./safety.test-support.ts";

/** What to do, to whom, and one number more. Actions below `ACTIONS_MAX` leave members and logs as they are. */
export type Step = readonly [action: number, target: number, detail: number];

export const ACTIONS_MAX = 99;
/** With changes of membership, compaction and checkpoints. */
export const ACTIONS_WITH_CHANGES_MAX = 139;

export type ScheduleOptions = Pick<ClusterOptions, "count" | "configuration" | "tuning" | "disks" | "createRaft">;

/** What happened, so that a test can see that something did. */
export interface ScheduleResult {
  readonly elections: number;
  readonly committed: number;
  readonly reads: number;
  readonly changes: number;
  readonly installs: number;
}

const QUIET_ROUNDS_MAX = 400;

/**
 * Runs the steps, checks after each, and then lets the cluster come to rest; throws `SafetyError`. Where members were
 * exchanged, it need not without pre-vote and check-quorum: those who have left may disturb the others for ever (§4.2.3).
 */
export function runSchedule(options: ScheduleOptions, steps: readonly Step[]): ScheduleResult {
  const schedule = new Schedule(options);
  for (const step of steps) schedule.step(step);
  const { preVote, checkQuorum } = options.tuning;
  const result = schedule.result();
  if (result.changes > 0 && !preVote && !checkQuorum) return result;
  schedule.comeToRest();
  return schedule.result();
}

/** Timeouts that differ from one election to the next, or two nodes may split their votes for ever (section 5.2). */
function chanceOf(id: NodeId, life: number): (bound: number) => number {
  const random = new Prng(id * 1_000 + life);
  return (bound) => random.below(bound);
}

function hasBit(bits: number, place: number): boolean {
  return Math.floor(bits / 2 ** (place - 1)) % 2 === 1;
}

class Schedule {
  readonly #safety = new Safety();
  readonly #cluster: TestCluster;
  /** For each read that waits: how much was committed when it was asked. */
  readonly #reads = new Map<number, number>();
  #readsAsked = 0;
  #readsAnswered = 0;
  #proposals = 0;
  #changes = 0;
  #installs = 0;
  /** Who is to take part in the end. */
  #desired: Members;

  constructor(options: ScheduleOptions) {
    this.#cluster = new TestCluster({ ...options, listen: (event) => this.#listen(event), random: chanceOf });
    this.#desired = this.#cluster.first;
  }

  result(): ScheduleResult {
    const { elections, committed } = this.#safety;
    const done = { reads: this.#readsAnswered, changes: this.#changes, installs: this.#installs };
    return { elections, committed: committed.length, ...done };
  }

  step([action, target, detail]: Step): void {
    const { nodes } = this.#cluster;
    const id = (target % nodes.length) + 1;
    this.#act(action, id, detail);
    this.#safety.check(this.#cluster);
  }

  /** Everything is repaired; then somebody leads, the members are those that are desired, and all commit a new entry. */
  comeToRest(): void {
    this.#cluster.heal();
    for (const node of this.#cluster.nodes) {
      node.slowDisk = false;
      if (node.raft === undefined) this.#cluster.restart(node.id);
      while (node.writes.length > 0) this.#cluster.fsync(node.id);
    }
    const before = this.#safety.committed.length;
    for (let round = 0; round < QUIET_ROUNDS_MAX; round++) {
      this.#round();
      this.#safety.check(this.#cluster);
      const [leader] = this.#leaders();
      if (leader !== undefined) {
        const { commit, lastIndex } = this.#cluster.raft(leader);
        if (this.#safety.committed.length === before && commit === lastIndex) this.#propose(leader);
        this.#configure(leader, true);
        for (const node of this.#cluster.nodes) if (node.wanted !== undefined) this.#install(node.id, leader);
      }
      this.#safety.check(this.#cluster);
      if (leader !== undefined && this.#safety.committed.length > before && this.#isAtRest(leader)) return;
    }
    throw new SafetyError("liveness: the cluster did not come to rest");
  }

  /** Whether a leader and all its members have applied everything, under the desired configuration. */
  #isAtRest(leader: NodeId): boolean {
    const { length } = this.#safety.committed;
    const raft = this.#cluster.raft(leader);
    const isDone = sameConfiguration(raft.configuration, { ...this.#desired, outgoing: [] });
    const members = membersOf(raft.configuration).map((id) => this.#cluster.node(id));
    return isDone && raft.configurationIsCommitted && members.every((node) => node.applied === length);
  }

  #act(kind: number, id: NodeId, detail: number): void {
    const up = this.#cluster.isUp(id);
    if (kind === 0) return;
    if (kind < 36) this.#round();
    else if (kind < 50) this.#onLink(id, detail, (from, to, place) => this.#cluster.deliver(from, to, place));
    else if (kind < 55) this.#onLink(id, detail, (from, to) => this.#cluster.drop(from, to));
    else if (kind < 60) this.#onLink(id, detail, (from, to, place) => this.#cluster.duplicate(from, to, place));
    else if (kind < 64) this.#cut(id, detail);
    else if (kind < 66) this.#cluster.heal();
    else if (!up) this.#restart(id, detail);
    else if (kind < 69) this.#cluster.crash(id, detail % (this.#cluster.node(id).writes.length + 1));
    else if (kind < 72) this.#cluster.node(id).slowDisk = detail % 3 === 0;
    else if (kind < 82) this.#fsync(id, detail);
    else if (kind < 90) this.#propose(detail % 4 === 0 ? id : (this.#leaders()[0] ?? id));
    else if (kind < 92) this.#transfer(detail);
    else if (kind < 97) this.#read(detail % 2 === 0 ? id : (this.#leaders().at(-1) ?? id), detail % 3 > 0);
    else if (kind < 100) this.#cluster.act(id, (raft) => raft.campaign());
    else this.#change(kind, id, detail);
  }

  #change(kind: number, id: NodeId, detail: number): void {
    if (kind < 104) this.#desired = this.#membersOf(detail);
    else if (kind < 120) this.#configure(this.#leaders()[detail % 2] ?? id, detail % 3 === 0);
    else if (kind < 124)
      this.#cluster.propose(id, ["any"], { ...this.#membersOf(detail), outgoing: this.#cluster.first.voters });
    else if (kind < 132) this.#compact(id, detail);
    else this.#install(id, (detail % this.#cluster.nodes.length) + 1);
  }

  /** At least one voter, and some learners. */
  #membersOf(detail: number): Members {
    const ids = this.#cluster.nodes.map((node) => node.id);
    const voters = ids.filter((id) => hasBit(detail, id));
    if (voters.length === 0) return { voters: [(detail % ids.length) + 1], learners: [] };
    const learners = ids.filter((id) => !hasBit(detail, id) && hasBit(detail, ids.length + 1 - id));
    return { voters, learners };
  }

  /** One step towards the desired members, as a driver takes it; safety does not depend on learners being caught up. */
  #configure(id: NodeId, patient: boolean): void {
    const raft = this.#cluster.raft(id);
    const progress = raft.peerProgress();
    const isReady = (peer: NodeId): boolean =>
      !patient || peer === id || progress.some((of) => of.peer === peer && of.match >= raft.commit);
    const next = nextConfiguration(raft.configuration, this.#desired, isReady);
    if (next !== undefined && this.#cluster.propose(id, ["change"], next) !== undefined) this.#changes += 1;
  }

  #compact(id: NodeId, detail: number): void {
    const { applied, disk } = this.#cluster.node(id);
    const most = applied - disk.firstIndex();
    if (most > 0) this.#cluster.compact(id, disk.firstIndex() + (detail % most));
  }

  #install(id: NodeId, from: NodeId): void {
    const { wanted } = this.#cluster.node(id);
    if (wanted === undefined || this.#cluster.node(from).applied < wanted.atLeast) return;
    if (this.#cluster.install(id, from)) this.#installs += 1;
  }

  #transfer(detail: number): void {
    const leaders = this.#leaders();
    const from = leaders[detail % Math.max(1, leaders.length)];
    const to = (detail % this.#cluster.nodes.length) + 1;
    if (from !== undefined) this.#cluster.act(from, (raft) => raft.transferLeadership(to));
  }

  /** A little time passes in which nothing special happens. */
  #round(): void {
    this.#deliverAll();
    this.#cluster.passTime();
    for (const { id } of this.#cluster.nodes) if (this.#cluster.isUp(id)) this.#cluster.act(id, (raft) => raft.tick());
  }

  /** Does something to a message that a node has sent, or to one that is on its way to it. */
  #onLink(id: NodeId, detail: number, action: (from: NodeId, to: NodeId, place: number) => void): void {
    const links = this.#cluster.links().filter(({ from, to }) => from === id || to === id);
    const link = links[detail % Math.max(1, links.length)];
    if (link === undefined) return;
    // Mostly in order, now and then not.
    const place = detail % 4 === 0 ? Math.floor(detail / 4) % link.messages.length : 0;
    action(link.from, link.to, place);
  }

  #deliverAll(): void {
    for (const { from, to, messages } of this.#cluster.links()) {
      for (let left = messages.length; left > 0; left--) this.#cluster.deliver(from, to);
    }
  }

  /** Cuts a node off, in one direction or both; mostly no other is then. */
  #cut(id: NodeId, detail: number): void {
    if (detail % 5 > 0) this.#cluster.heal();
    for (const other of this.#cluster.nodes) {
      if (detail % 3 !== 1) this.#cluster.cut(id, other.id);
      if (detail % 3 !== 2) this.#cluster.cut(other.id, id);
    }
  }

  /** The driver may know that much is applied, which never is more than what is committed and on the disk. */
  #restart(id: NodeId, detail: number): void {
    const { disk } = this.#cluster.node(id);
    const differs = ({ index, term }: Entry): boolean => index >= disk.firstIndex() && disk.term(index) !== term;
    const committed = this.#safety.committed.findIndex(differs);
    const most = committed < 0 ? this.#safety.committed.length : committed;
    this.#cluster.restart(id, detail % (most + 1));
  }

  #fsync(id: NodeId, detail: number): void {
    const { writes } = this.#cluster.node(id);
    for (let left = 1 + (detail % 3); left > 0 && writes.length > 0; left--) this.#cluster.fsync(id);
  }

  #propose(id: NodeId): void {
    this.#proposals += 1;
    this.#cluster.propose(id, [`p${this.#proposals}`]);
  }

  #read(id: NodeId, lease: boolean): void {
    this.#readsAsked += 1;
    const request = this.#readsAsked;
    this.#reads.set(request, this.#safety.committed.length);
    this.#cluster.act(id, (raft) => raft.requestRead(request, lease));
  }

  /** §6.4: a read sees everything that was committed before it was asked. */
  #listen(event: NodeEvent): void {
    this.#safety.listen(event);
    if (event.type !== "read" || "refused" in event.read) return;
    const { requestId, index } = event.read;
    const atLeast = this.#reads.get(requestId);
    this.#readsAnswered += 1;
    if (atLeast === undefined || index < atLeast) {
      throw new SafetyError(`linearizability: read ${requestId} of node ${event.node} sees ${index} of ${atLeast}`);
    }
  }

  /** Those who think they lead, the newest first. */
  #leaders(): NodeId[] {
    const leaders = this.#cluster.nodes.filter(({ raft }) => raft?.role === "leader").map(({ id }) => id);
    return leaders.sort((a, b) => this.#cluster.raft(b).term - this.#cluster.raft(a).term);
  }
}
