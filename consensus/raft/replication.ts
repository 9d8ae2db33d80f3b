/**
 * A leader's side of replication (§5.3): what each follower is known to have, and what it is sent next. Made when a term
 * of leadership begins and dropped when it ends, so nothing that was learned in one term is believed in another.
 */
import { assert, must } from "../../node/base/assert.ts";
import type { LogIndex, NodeId } from "../../node/base/ids.ts";
import { isQuorum, quorumValue } from "../../node/base/quorum.ts";
import { type Configuration, membersOf } from "./configuration.ts";
import { InFlight } from "./in-flight.ts";
import type { RaftLog } from "./log.ts";
import { bytesOf, type MessageBody, type MessageOf } from "./messages.ts";
import type { RaftOptions } from "./options.ts";
import { Pace } from "./pace.ts";
import { Progress, type ProgressState } from "./progress.ts";

export interface ReplicationDeps {
  readonly self: NodeId;
  readonly log: RaftLog;
  readonly limits: Pick<
    RaftOptions,
    "appendBytesMax" | "appendsInFlightMax" | "bytesInFlightMax" | "catchUpBytesPerTick" | "electionTimeoutTicks"
  >;
  readonly send: (to: NodeId, body: MessageBody) => void;
  /** Whose majorities count. */
  readonly electorate: () => Configuration;
}

/** How far one follower is, for people to look at. */
export interface PeerProgress {
  readonly peer: NodeId;
  readonly match: LogIndex;
  readonly next: LogIndex;
  readonly state: ProgressState;
  readonly paused: boolean;
  /** Appends on their way to it, and the bytes of their entries. */
  readonly inFlight: number;
  readonly inFlightBytes: number;
  /** Whether it has answered within an election timeout. */
  readonly active: boolean;
}

export class Replication {
  readonly #self: NodeId;
  readonly #log: RaftLog;
  readonly #limits: ReplicationDeps["limits"];
  readonly #send: (to: NodeId, body: MessageBody) => void;
  readonly #electorate: () => Configuration;
  readonly #progress = new Map<NodeId, Progress>();

  constructor({ self, log, limits, send, electorate }: ReplicationDeps) {
    this.#self = self;
    this.#electorate = electorate;
    this.#log = log;
    this.#limits = limits;
    this.#send = send;
    this.admitMembers();
  }

  /** Begins with one empty append to each member that is new, to find out where its log is. */
  admitMembers(): void {
    const { appendsInFlightMax, bytesInFlightMax, catchUpBytesPerTick } = this.#limits;
    for (const peer of membersOf(this.#log.configuration)) {
      if (peer === this.#self || this.#progress.has(peer)) continue;
      const inFlight = new InFlight(appendsInFlightMax, bytesInFlightMax);
      const pace = new Pace(catchUpBytesPerTick);
      this.#progress.set(peer, new Progress(this.#log.lastIndex + 1, inFlight, pace));
      this.#sendAppend(peer, true);
    }
  }

  /** Sends no more to those who are no members any more. */
  dismissOthers(): void {
    const members = membersOf(this.#log.configuration);
    for (const peer of this.#progress.keys()) if (!members.includes(peer)) this.#progress.delete(peer);
  }

  /** Whether the log is sent to this node. */
  serves(peer: NodeId): boolean {
    return this.#progress.has(peer);
  }

  /** The last position that a quorum has durably; the leader, if it has a say, only as far as its own disk is. */
  quorumIndex(): LogIndex {
    return quorumValue(this.#electorate(), (voter) =>
      voter === this.#self ? this.#log.stableIndex : this.matchOf(voter),
    );
  }

  /** Whether those who have answered within an election timeout are a quorum, with the leader if it has a say. */
  quorumIsActive(): boolean {
    return isQuorum(this.#electorate(), (voter) => voter === this.#self || this.#isActive(voter));
  }

  /** How far a follower's log is known to agree. */
  matchOf(peer: NodeId): LogIndex {
    return this.#of(peer).match;
  }

  /** The voter other than the leader that has most of the log, of those that answer where there are any. */
  furthestVoter(): NodeId {
    const voters = this.#log.configuration.voters.filter((voter) => voter !== this.#self);
    const active = voters.filter((voter) => this.#isActive(voter));
    return (active.length > 0 ? active : voters).reduce((best, voter) =>
      this.matchOf(voter) > this.matchOf(best) ? voter : best,
    );
  }

  status(): readonly PeerProgress[] {
    const peers = [...this.#progress].map(
      ([peer, { match, next, state, paused, inFlightCount: inFlight, inFlightBytes }]) => ({
        ...{ peer, match, next, state, paused, inFlight, inFlightBytes, active: this.#isActive(peer) },
      }),
    );
    return peers.sort((a, b) => a.peer - b.peer);
  }

  sendHeartbeats(sequence: number): void {
    for (const [peer, progress] of this.#progress) {
      // A follower is told no more than what it is known to have.
      this.#send(peer, { type: "heartbeat", commit: Math.min(progress.match, this.#log.commit), sequence });
      if (progress.state === "snapshot") this.#sendCompacted(peer); // the first word may have been lost
    }
  }

  /**
   * Time passes, in which the log has grown by so many bytes: who had to wait for what is committed is sent more of it.
   * `isStuck`: nothing is committed any more, and a follower that lacks much may be the one that is waited for.
   */
  tick(grownBytes: number, isStuck: boolean): void {
    for (const [peer, progress] of this.#progress) {
      progress.silentTicks += 1;
      if (isStuck ? progress.pace.lift() : progress.pace.tick(grownBytes)) this.sendTo(peer);
    }
  }

  /** Sends all followers what they lack, as far as their pipelines allow. */
  sendToAll(): void {
    for (const peer of this.#progress.keys()) this.sendTo(peer);
  }

  /** Sends a follower what it lacks, as far as its pipeline allows; tells a new commit index in any case. */
  sendTo(peer: NodeId): void {
    const progress = this.#of(peer);
    while (progress.next <= this.#log.lastIndex && this.#sendAppend(peer, false));
    if (progress.commitSent < Math.min(this.#log.commit, progress.next - 1)) this.#sendAppend(peer, true);
  }

  /** A follower's log agrees up to `index`. False when that was known. */
  acknowledged(peer: NodeId, index: LogIndex): boolean {
    const progress = this.#of(peer);
    progress.silentTicks = 0;
    return progress.acknowledge(index);
  }

  /** A follower does not have what stands before an append; its hint spares a step back for each entry (§5.3). */
  rejected(peer: NodeId, { index, hintIndex, hintTerm }: MessageOf<"appendResponse">): void {
    const progress = this.#of(peer);
    progress.silentTicks = 0;
    const hint = Math.min(hintIndex, this.#log.lastIndex);
    const limit = hintTerm > 0 ? this.#log.lastIndexUpToTerm(hint, hintTerm) : hint;
    if (progress.reject(index, limit)) this.#sendAppend(peer, true);
  }

  /** A follower has answered a heartbeat: whatever was lost on the way to it can be found out now. */
  heard(peer: NodeId): void {
    const progress = this.#of(peer);
    progress.silentTicks = 0;
    progress.resume();
    if (progress.match < this.#log.lastIndex) this.#sendAppend(peer, true);
  }

  /** Sends one append; false when the follower's pipeline is full or there is nothing to say. */
  #sendAppend(peer: NodeId, evenEmpty: boolean): boolean {
    const progress = this.#of(peer);
    if (progress.paused) return false;
    const previousIndex = progress.next - 1;
    if (progress.next < this.#log.firstIndex) {
      progress.awaitCheckpoint();
      this.#sendCompacted(peer);
      return false;
    }
    const previousTerm = this.#log.term(previousIndex);
    assert(previousTerm !== undefined, `position ${previousIndex} is still in the log`);
    const { commit } = this.#log;
    const isUrgent = progress.next > commit;
    const entries =
      progress.mayCarryEntries && (isUrgent || progress.pace.isOpen)
        ? this.#log.entries(progress.next, this.#log.lastIndex + 1, this.#limits.appendBytesMax)
        : [];
    if (entries.length === 0 && !evenEmpty) return false;
    if (!isUrgent) progress.pace.spend(bytesOf(entries));
    this.#send(peer, { type: "append", previousIndex, previousTerm, entries, commit });
    progress.sent(entries, commit);
    return true;
  }

  /** Tells a follower where the log begins: it is to fetch a checkpoint, or to say that it has what is gone. */
  #sendCompacted(peer: NodeId): void {
    const previousIndex = this.#log.firstIndex - 1;
    const previousTerm = must(this.#log.term(previousIndex), "the term before the first entry is known");
    this.#send(peer, { type: "compacted", previousIndex, previousTerm });
  }

  #isActive(peer: NodeId): boolean {
    return this.#of(peer).silentTicks < this.#limits.electionTimeoutTicks;
  }

  #of(peer: NodeId): Progress {
    return must(this.#progress.get(peer), `node ${peer} is a member`);
  }
}
