/**
 * What a node does while it leads one term: it replicates, counts what a quorum has, keeps elections away with
 * heartbeats, steps down when it hears from no quorum, confirms reads, and hands over when it is asked to.
 *
 * Made when an election is won and dropped when the term ends, so nothing learned in one term is believed in another.
 */
import type { LogIndex, NodeId, Term } from "../../node/base/ids.ts";
import { type Configuration, isVoter } from "./configuration.ts";
import { Lease } from "./lease.ts";
import type { RaftLog } from "./log.ts";
import type { MessageBody, MessageOf } from "./messages.ts";
import type { RaftOptions } from "./options.ts";
import { ReadOnly, type ReadRequest } from "./read-only.ts";
import { type PeerProgress, Replication } from "./replication.ts";
import { Transfer } from "./transfer.ts";

export interface LeadershipDeps {
  readonly term: Term;
  readonly self: NodeId;
  readonly log: RaftLog;
  readonly options: RaftOptions;
  readonly send: (to: NodeId, body: MessageBody) => void;
  /** As late as is known here, milliseconds of this node's clock. */
  readonly nowMs: () => number;
  /** Hands a read its index. */
  readonly releaseRead: (request: ReadRequest, index: LogIndex) => void;
  /** Whether a position that a quorum has is committed with it. */
  readonly isCommittable: (index: LogIndex) => boolean;
  /** Whether a quorum must be asked before a read is answered. */
  readonly readsNeedQuorum: () => boolean;
  /** Whose majorities count. */
  readonly electorate: () => Configuration;
}

export class Leadership {
  readonly #deps: LeadershipDeps;
  readonly #replication: Replication;
  readonly #reads: ReadOnly;
  readonly #lease: Lease;
  #heartbeatElapsed = 0;
  /** Of entries that were appended since the last tick. */
  #grownBytes = 0;
  /** The commit index at the last tick, and how many ticks it has stood there though there was more to commit. */
  #commitSeen: LogIndex = 0;
  #stuckTicks = 0;
  #quorumElapsed = 0;
  #heartbeatsWanted = false;
  #transfer: Transfer | undefined;

  constructor(deps: LeadershipDeps) {
    this.#deps = deps;
    const { self, log, options: limits, send, electorate } = deps;
    this.#reads = new ReadOnly(self);
    this.#lease = new Lease(limits.leaseDriftPermille);
    this.#replication = new Replication({ self, log, limits, send, electorate });
  }

  /** A round of reads has begun whose heartbeats have not left. */
  get heartbeatsWanted(): boolean {
    return this.#heartbeatsWanted;
  }

  /** Reads that wait for a quorum, or for the first commit of the term. */
  get readsWaiting(): number {
    return this.#reads.count;
  }

  /** Who is to lead next; 0 while leadership is not being handed over. */
  get transferTarget(): NodeId {
    return this.#transfer?.to ?? 0;
  }

  /** Begins to hand leadership over to a follower, in place of another where that was under way. */
  transferTo(to: NodeId): void {
    if (this.#transfer?.to === to) return;
    this.#transfer = new Transfer(to);
    this.#urgeTarget();
  }

  status(): readonly PeerProgress[] {
    return this.#replication.status();
  }

  /**
   * Time passes; false when it is time to step down: no quorum was heard from for an election timeout (§6.2), or this
   * leader has no say any more and could hand over to nobody.
   */
  tick(): boolean {
    const { electionTimeoutTicks, heartbeatTicks, checkQuorum } = this.#deps.options;
    this.#heartbeatElapsed += 1;
    this.#quorumElapsed += 1;
    if (this.#transfer?.tick(electionTimeoutTicks) === false) {
      this.#transfer = undefined;
      if (this.#isRemoved()) return false;
    }
    if (this.#quorumElapsed >= electionTimeoutTicks) {
      this.#quorumElapsed = 0;
      if (!this.#replication.quorumIsActive() && checkQuorum) return false;
    }
    if (this.#heartbeatElapsed >= heartbeatTicks) this.sendHeartbeats();
    this.#watchCommit();
    this.#replication.tick(this.#grownBytes, this.#stuckTicks >= electionTimeoutTicks);
    this.#grownBytes = 0;
    return true;
  }

  #watchCommit(): void {
    const { commit, lastIndex } = this.#deps.log;
    this.#stuckTicks = commit === this.#commitSeen && commit < lastIndex ? this.#stuckTicks + 1 : 0;
    this.#commitSeen = commit;
  }

  sendHeartbeats(): void {
    this.#heartbeatsWanted = false;
    this.#heartbeatElapsed = 0;
    const round = this.#reads.leave();
    this.#lease.sent(round, this.#deps.nowMs());
    this.#replication.sendHeartbeats(round);
    this.#urgeTarget(); // the first word may have been lost
  }

  /** The log has grown by so many bytes, and may have another configuration. */
  replicate(grownBytes: number): void {
    this.#grownBytes += grownBytes;
    this.#replication.admitMembers();
    this.#replication.sendToAll();
  }

  /** Commits what a quorum has by now, and says so. */
  advanceCommit(): void {
    const { log, isCommittable } = this.#deps;
    const index = this.#replication.quorumIndex();
    if (index <= log.commit || !isCommittable(index)) return;
    log.commitTo(index);
    for (const request of this.#reads.takeHeld()) this.#beginRead(request);
    this.#replication.sendToAll();
    if (log.configurationIsCommitted) this.#settleMembership();
  }

  /** False when no correct follower can have answered so. */
  onAppendResponse(message: MessageOf<"appendResponse">): boolean {
    const { from, accepted, index } = message;
    if (!this.#replication.serves(from)) return true; // it is no member any more
    if (!accepted) {
      this.#replication.rejected(from, message);
      return true;
    }
    if (index > this.#deps.log.lastIndex) return false;
    if (!this.#replication.acknowledged(from, index)) return true;
    this.advanceCommit();
    if (!this.#replication.serves(from)) return true; // what it acknowledged was the end of its membership
    this.#replication.sendTo(from);
    if (from === this.transferTarget) this.#urgeTarget();
    return true;
  }

  /** False when no correct follower can have answered so. */
  onHeartbeatResponse({ from, sequence, promiseMs }: MessageOf<"heartbeatResponse">): boolean {
    if (sequence > this.#reads.sequence) return false;
    if (!this.#replication.serves(from)) return true; // it is no member any more
    this.#replication.heard(from);
    this.#lease.promised(promiseMs);
    this.#reads.answered(from, sequence);
    this.#releaseConfirmed();
    this.#lease.confirmed(this.#reads.confirmed);
    return true;
  }

  /**
   * Takes a read, or answers false when too many wait. Before the first commit of its term a leader does not know what
   * is committed, so the read is held until then (§6.4).
   */
  takeRead(request: ReadRequest): boolean {
    const { term, log, options } = this.#deps;
    if (this.#reads.count >= options.readsWaitingMax) return false;
    if (log.term(log.commit) === term) this.#beginRead(request);
    else this.#reads.hold(request);
    return true;
  }

  /** All reads that wait; none does afterwards. */
  drainReads(): readonly ReadRequest[] {
    return this.#reads.drain();
  }

  #releaseConfirmed(): void {
    const { electorate, releaseRead } = this.#deps;
    for (const read of this.#reads.takeConfirmed(electorate())) releaseRead(read, read.index);
  }

  /** The configuration in force is committed: it is all there is to serve, and a leader that is not in it hands over (§4.2.2). */
  #settleMembership(): void {
    this.#replication.dismissOthers();
    this.#releaseConfirmed(); // it may need fewer voters
    if (this.#isRemoved() && this.#transfer === undefined) this.transferTo(this.#replication.furthestVoter());
  }

  /** Whether this leader has led until the end of its own membership. */
  #isRemoved(): boolean {
    const { self, log } = this.#deps;
    return log.configurationIsCommitted && !isVoter(log.configuration, self);
  }

  #urgeTarget(): void {
    const { log, send } = this.#deps;
    const to = this.transferTarget;
    if (to !== 0 && this.#replication.matchOf(to) === log.lastIndex) {
      this.#lease.giveUp();
      send(to, { type: "timeoutNow", lastIndex: log.lastIndex });
    }
  }

  /** Whether this leader has a lease (§6.4.1). */
  get hasLease(): boolean {
    return this.#lease.holds(this.#deps.nowMs());
  }

  /** §6.4: fixes the read's index now; it is released when a quorum has answered a later heartbeat, or by a lease. */
  #beginRead(request: ReadRequest): void {
    const { commit } = this.#deps.log;
    const released = !this.#deps.readsNeedQuorum() || (request.lease && this.hasLease);
    if (released) this.#deps.releaseRead(request, commit);
    else if (this.#reads.add(request, commit)) this.#heartbeatsWanted = true;
  }
}
