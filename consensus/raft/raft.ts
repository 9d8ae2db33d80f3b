/**
 * Raft as a pure state machine: messages, ticks and disk completions in, `Ready` out. It never touches a clock, a disk or a
 * socket, and knows nothing of what entries mean. This file has terms, votes and roles, and takes each message to where it
 * belongs; what a leader does is in `leadership.ts`, the log in `log.ts`.
 *
 * Sections up to 5 are the paper's (Ongaro and Ousterhout, 2014), later ones the dissertation's (Ongaro, 2014): pre-vote
 * (§9.6), check-quorum (§6.2), conflict hints (§5.3), reads that do not go through the log (§6.4). consensus/README.md has
 * the argument why it is safe.
 *
 * The core appends nothing of its own when it wins an election: its driver proposes an entry at once, and until that one
 * is committed nothing older is counted as committed by this leader (§5.4.2) and no read is answered.
 *
 * Duties of the driver: handle each Ready in order; persist hard state, then truncation, then entries; report
 * `persisted(sequence)` for each Ready that had any of them, in order; send `messages` at once, and
 * `messagesAfterPersist` only when everything handed out so far, in this Ready and before, is durable.
 */
import { assert } from "../../node/base/assert.ts";
import type { LogIndex, NodeId, Term } from "../../node/base/ids.ts";
import { isQuorum } from "../../node/base/quorum.ts";
import { type Configuration, votersOf } from "./configuration.ts";
import { ElectionTimer } from "./election-timer.ts";
import { ForwardedReads } from "./forwarded-reads.ts";
import { Leadership } from "./leadership.ts";
import { RaftLog } from "./log.ts";
import { bytesOf, type Entry, type Message, type MessageBody, type MessageOf } from "./messages.ts";
import { type RaftOptions, validateOptions } from "./options.ts";
import { PendingReady } from "./pending-ready.ts";
import { isCredible, isFarAhead, TERM_LEAD_MAX } from "./protocol-check.ts";
import { voteOutcome } from "./quorum.ts";
import type { ReadRequest } from "./read-only.ts";
import type { Ready, Role } from "./ready.ts";
import type { PeerProgress } from "./replication.ts";

/** Between two nodes that have lost their leader at the same time: enough for the first to be elected. */
const TICKS_BETWEEN_CAMPAIGNS = 2;

export class Raft {
  readonly id: NodeId;
  readonly #options: RaftOptions;
  readonly #log: RaftLog;
  #term: Term;
  #vote: NodeId;
  #role: Role = "follower";
  #leader: NodeId = 0;
  readonly #timer: ElectionTimer;
  #votes = new Map<NodeId, boolean>();
  /** There while this node leads. */
  #leadership: Leadership | undefined;
  readonly #forwarded: ForwardedReads;
  readonly #pending: PendingReady;
  #nowMs = 0;

  constructor(options: RaftOptions) {
    validateOptions(options);
    this.id = options.id;
    this.#options = options;
    this.#log = new RaftLog(options.log, options);
    this.#term = options.hardState.term;
    this.#vote = options.hardState.vote;
    this.#pending = new PendingReady(options.hardState);
    this.#forwarded = new ForwardedReads(options.readsWaitingMax, options.random);
    const livedBefore = options.hardState.term > 0;
    this.#timer = new ElectionTimer(options.electionTimeoutTicks, options.random, livedBefore);
  }

  get term(): Term {
    return this.#term;
  }

  get vote(): NodeId {
    return this.#vote;
  }

  get role(): Role {
    return this.#role;
  }

  /** 0 while none is known. */
  get leader(): NodeId {
    return this.#leader;
  }

  get commit(): LogIndex {
    return this.#log.commit;
  }

  /** The first position that can still be read. */
  get firstIndex(): LogIndex {
    return this.#log.firstIndex;
  }

  get lastIndex(): LogIndex {
    return this.#log.lastIndex;
  }

  get lastTerm(): Term {
    return this.#log.lastTerm;
  }

  get stableIndex(): LogIndex {
    return this.#log.stableIndex;
  }

  /** The configuration in force: that of the last entry, committed or not. */
  get configuration(): Configuration {
    return this.#log.configuration;
  }

  /** Whether the configuration in force is known to be committed. */
  get configurationIsCommitted(): boolean {
    return this.#log.configurationIsCommitted;
  }

  /**
   * Whether this node leads and may propose an entry with another configuration: the last change is committed, and so is
   * an entry of this leader's own term, without which it cannot know of a change that another leader has begun.
   */
  get mayReconfigure(): boolean {
    const inOwnTerm = this.#log.term(this.#log.commit) === this.#term;
    return this.#leadership !== undefined && this.transferTarget === 0 && this.configurationIsCommitted && inOwnTerm;
  }

  /** The entry at a position within the log. */
  entry(index: LogIndex): Entry {
    return this.#log.entry(index);
  }

  /** The entries from `from` up to and not including `to`, within `bytesMax` bytes of data but at least one. */
  entries(from: LogIndex, to: LogIndex, bytesMax: number): readonly Entry[] {
    return this.#log.entries(from, to, bytesMax);
  }

  /** The term of the entry at a position, or undefined where there is none. */
  termAt(index: LogIndex): Term | undefined {
    return this.#log.term(index);
  }

  /** What the node's clock says, milliseconds that never go back. A read by lease needs to know before it is asked. */
  tellTime(nowMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
  }

  /** Whether a read by lease would be answered at once. */
  get hasLease(): boolean {
    return this.#leadership?.hasLease ?? false;
  }

  /** Whether reads wait here, as a leader for a quorum or as a follower for the leader. */
  get readsAreWaiting(): boolean {
    return this.#forwarded.count > 0 || (this.#leadership?.readsWaiting ?? 0) > 0;
  }

  /** Time passes. */
  tick(): void {
    if (this.#leadership === undefined) {
      if (this.#timer.tick()) this.#missLeader();
    } else if (!this.#leadership.tick()) this.#becomeFollower(this.#term, 0);
    this.#log.assertInvariants();
  }

  /**
   * Starts an election at once, if this node has a say; not where a leader may have a lease, for this node has promised
   * its own vote, too.
   */
  campaign(): void {
    if (this.#role === "leader" || !this.#log.mayCampaign(this.id)) return;
    if (this.#options.leaseDriftPermille !== undefined && this.#hearsLeader()) return;
    this.#becomeCandidate(this.#options.preVote ? "preCandidate" : "candidate");
  }

  /**
   * The leader's process is gone, as far as somebody outside can tell: this node knows of no leader, listens to candidates, and
   * campaigns soon, one after the other in the order of ids, so that no two do it together. A leader that lives all the same is
   * followed again at its next word. Where a leader may have a lease nothing happens, for this node has promised its vote.
   */
  forgetLeader(): void {
    if (this.#role !== "follower" || this.#leader === 0 || !this.mayForgetLeader()) return;
    const turn = votersOf(this.configuration).filter((id) => id < this.id && id !== this.#leader).length;
    this.#becomeFollower(this.#term, 0);
    this.#timer.leaderLost(1 + turn * TICKS_BETWEEN_CAMPAIGNS);
  }

  /**
   * Begins to hand leadership over to another voter (§3.10); until that leads, or an election timeout is over, nothing can be
   * proposed. False when this node does not lead or the other is no voter.
   */
  transferLeadership(to: NodeId): boolean {
    if (this.#leadership === undefined || to === this.id || !this.configuration.voters.includes(to)) return false;
    this.#leadership.transferTo(to);
    return true;
  }

  /** Whom this leader hands over to; 0 when it does not. */
  get transferTarget(): NodeId {
    return this.#leadership?.transferTarget ?? 0;
  }

  /**
   * Appends entries with this data; the index of the first, or undefined when this node takes none: it does not lead, or hands
   * over, or the data carries another configuration than the one in force, and not by one legal step, or while none is taken
   * (`mayReconfigure`).
   */
  propose(data: readonly Uint8Array[]): LogIndex | undefined {
    if (this.#leadership === undefined || this.transferTarget !== 0 || data.length === 0) return undefined;
    if (!this.#log.mayAppend(data, this.mayReconfigure)) return undefined;
    const first = this.#log.lastIndex + 1;
    const entries = data.map((bytes, offset) => ({ index: first + offset, term: this.#term, data: bytes }));
    this.#log.append(entries);
    this.#leadership.replicate(bytesOf(entries));
    return first;
  }

  /**
   * Asks for an index that covers everything committed before now; answered through `Ready.reads`, or never (messages
   * may be lost). With `lease` the leader's lease will do, where it has one. False when there is nobody to ask.
   */
  requestRead(requestId: number, lease = false): boolean {
    if (this.#leadership !== undefined) {
      const request = { from: this.id, requestId, lease };
      if (!this.#leadership.takeRead(request)) this.#refuseRead(request);
      return true;
    }
    if (this.#leader === 0) return false;
    if (this.#forwarded.isFull) this.#refuseRead({ from: this.id, requestId: this.#forwarded.takeOldest() });
    this.#send(this.#leader, { type: "readIndex", requestId: this.#forwarded.add(requestId), lease });
    return true;
  }

  /** Takes a message from a peer. False when no correct peer can have sent it, whatever the network did; it is ignored. */
  step(message: Message): boolean {
    if (message.to !== this.id || message.from === this.id) return false;
    if (isFarAhead(message.term, this.#term)) this.#approach(message);
    if (!isCredible(message, this.#term)) return false;
    if (message.term > this.#term && !this.#acceptHigherTerm(message)) return true;
    const credible = message.term < this.#term ? this.#answerLowerTerm(message) : this.#dispatch(message);
    this.#log.assertInvariants();
    return credible;
  }

  hasReady(): boolean {
    return (this.#leadership?.heartbeatsWanted ?? false) || this.#pending.hasWork(this, this.#log);
  }

  /** What is to be done now. */
  ready(): Ready {
    if (this.#leadership?.heartbeatsWanted) this.#leadership.sendHeartbeats();
    return this.#pending.take(this, this.#log);
  }

  /** The durable work of a Ready is done; Readies complete in order. A leader counts its own log only from here on. */
  persisted(sequence: number): void {
    if (this.#pending.persisted(sequence)) this.#log.completeWrite();
    if (this.#role === "candidate") this.#settleElection();
    this.#leadership?.advanceCommit();
  }

  /** How far each member is, and who was one until just now, as this leader knows; empty where this node does not lead. */
  peerProgress(): readonly PeerProgress[] {
    return this.#leadership?.status() ?? [];
  }

  /** §5.4.2: a leader counts replicas only for entries of its own term; older ones are committed with them. */
  protected quorumIndexIsCommittable(index: LogIndex): boolean {
    return this.#log.term(index) === this.#term;
  }

  /**
   * §5.3: an entry that conflicts with the leader's is removed with all behind it. Entries that are there already stay,
   * and so does what follows them: the append may be an old one that arrives late.
   */
  protected appendToLog(entries: readonly Entry[]): void {
    const firstNew = entries.findIndex((entry) => !this.#log.matches(entry.index, entry.term));
    if (firstNew < 0) return;
    this.replaceTail(entries.slice(firstNew));
  }

  /** Removes what stands where these entries belong, with all behind it, and appends them. */
  protected replaceTail(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    if (first.index <= this.#log.lastIndex) this.#log.truncate(first.index);
    this.#log.append(entries);
  }

  /** §6.4: a leader that asks nobody may have been deposed without knowing it. */
  protected readsNeedQuorum(): boolean {
    return !isQuorum(this.electorate(), (voter) => voter === this.id);
  }

  /** §6.4.1: a leader that cannot be seen may be answering reads, because this node has promised to vote for nobody else. */
  protected mayForgetLeader(): boolean {
    return this.#options.leaseDriftPermille === undefined;
  }

  /** §6: whose majorities everything needs: the voters of the configuration in force, the outgoing ones among them. */
  protected electorate(): Configuration {
    return this.configuration;
  }

  /** What a higher term does; false when the message is to be passed over. */
  #acceptHigherTerm(message: Message): boolean {
    if (this.#isKept(message)) return false;
    if (message.type === "preVote") return true;
    if (message.type === "preVoteResponse" && message.granted) return true; // answers in the term that was asked about
    const fromLeader = ["append", "heartbeat", "compacted"].includes(message.type);
    this.#becomeFollower(message.term, fromLeader ? message.from : 0);
    return true;
  }

  /**
   * A peer's term is too far ahead to be believed. But it may be there, when such as lied have used up terms at some nodes and
   * not at others: a step towards it breaks no promise, and without it neither would ever hear the other.
   */
  #approach(message: Message): void {
    if (!this.#isKept(message)) this.#becomeFollower(this.#term + TERM_LEAD_MAX, 0);
  }

  /** Whether a leader that is heard is kept in spite of a message: nobody is deposed without need (§4.2.3). */
  #isKept(message: Message): boolean {
    const deposes = message.type === "preVote" || (message.type === "vote" && message.transfer !== true);
    return deposes && this.#hearsLeader();
  }

  #hearsLeader(): boolean {
    return this.#options.checkQuorum && (this.#role === "leader" || this.#timer.hasHeardLeader);
  }

  /** A sender that lives in the past learns of the present, and steps down or gives up. */
  #answerLowerTerm(message: Message): true {
    if (message.type === "append") {
      const rejection = { type: "appendResponse", accepted: false, index: message.previousIndex } as const;
      this.#sendAfterPersist(message.from, { ...rejection, hintIndex: 0, hintTerm: 0 });
    } else if (message.type === "heartbeat" || message.type === "compacted") {
      this.#sendAfterPersist(message.from, { type: "heartbeatResponse", sequence: 0, promiseMs: 0 });
    } else if (message.type === "preVote") {
      this.#sendAfterPersist(message.from, { type: "preVoteResponse", granted: false });
    } else if (message.type === "vote") {
      this.#sendAfterPersist(message.from, { type: "voteResponse", granted: false });
    }
    return true;
  }

  /** Takes a message of this term, or one that speaks of a later one; false when no correct peer can have sent it. */
  #dispatch(message: Message): boolean {
    switch (message.type) {
      case "preVote":
        return this.#onPreVote(message);
      case "vote":
        return this.#onVote(message);
      case "preVoteResponse":
        return this.#onPreVoteResponse(message);
      case "voteResponse":
        return this.#onVoteResponse(message);
      case "append":
        return this.#follows(message.from) && this.#onAppend(message);
      case "heartbeat":
        return this.#follows(message.from) && this.#onHeartbeat(message);
      case "compacted":
        return this.#follows(message.from) && this.#onCompacted(message);
      case "appendResponse":
        return this.#leadership?.onAppendResponse(message) ?? true;
      case "heartbeatResponse":
        return this.#leadership?.onHeartbeatResponse(message) ?? true;
      case "timeoutNow":
        return this.#follows(message.from) && this.#onTimeoutNow(message);
      case "readIndex":
        return this.#onReadIndex(message);
      case "readIndexResponse":
        return this.#onReadIndexResponse(message);
    }
  }

  // Elections

  /** No word for too long: who has a say campaigns, and anybody else knows of no leader, for it may have left the cluster. */
  #missLeader(): void {
    if (this.#log.mayCampaign(this.id)) this.campaign();
    else this.#becomeFollower(this.#term, 0);
  }

  /** A pre-candidate only asks whether it would win; it changes neither its term nor its vote (§9.6). */
  #becomeCandidate(role: "preCandidate" | "candidate", transfer = false): void {
    if (role === "candidate") {
      this.#term += 1;
      this.#vote = this.id;
    }
    this.#role = role;
    this.#leader = 0;
    this.#timer.reset();
    this.#refuseReads();
    this.#askForVotes(transfer);
  }

  /** `transfer`: the leader has asked for this election. */
  #askForVotes(transfer: boolean): void {
    const preVote = this.#role === "preCandidate";
    this.#votes = new Map([[this.id, true]]);
    const log = { lastIndex: this.#log.lastIndex, lastTerm: this.#log.lastTerm };
    for (const peer of votersOf(this.configuration)) {
      if (peer === this.id) continue;
      const envelope = { from: this.id, to: peer, term: preVote ? this.#term + 1 : this.#term };
      // A candidate's own vote must be durable before anyone may answer its request.
      if (preVote) this.#pending.sendAfterPersist({ type: "preVote", ...envelope, ...log });
      else this.#pending.sendAfterPersist({ type: "vote", ...envelope, ...log, ...(transfer ? { transfer } : {}) });
    }
    this.#settleElection();
  }

  #countVote(from: NodeId, granted: boolean): void {
    if (!this.#votes.has(from)) this.#votes.set(from, granted);
    this.#settleElection();
  }

  /** A candidate's own vote counts once it is durable, like any other (§5.2): an only voter waits for nobody else's. */
  #settleElection(): void {
    const outcome = voteOutcome(this.electorate(), this.#votes);
    if (outcome === "lost") this.#becomeFollower(this.#term, 0);
    else if (outcome === "won" && this.#role === "preCandidate") this.#becomeCandidate("candidate");
    else if (outcome === "won" && this.#pending.durableTerm === this.#term) this.#becomeLeader();
  }

  #onPreVote({ from, term, lastIndex, lastTerm }: MessageOf<"preVote">): true {
    const granted = term > this.#term && this.#log.isUpToDate(lastIndex, lastTerm);
    const answer = { type: "preVoteResponse", from: this.id, to: from, granted } as const;
    this.#pending.sendAfterPersist({ ...answer, term: granted ? term : this.#term });
    return true;
  }

  /** A grant answers in the term that was asked about; one for another term is no answer to this question. */
  #onPreVoteResponse({ from, term, granted }: MessageOf<"preVoteResponse">): true {
    const answersThis = this.#role === "preCandidate" && (!granted || term === this.#term + 1);
    if (answersThis) this.#countVote(from, granted);
    return true;
  }

  /** Whatever has brought this node into the term: a leader of an earlier one that it heard just now has its promise. */
  #onVote({ from, lastIndex, lastTerm, transfer }: MessageOf<"vote">): true {
    const free = this.#vote === 0 && this.#leader === 0 && (transfer === true || !this.#hearsLeader());
    const granted = (this.#vote === from || free) && this.#log.isUpToDate(lastIndex, lastTerm);
    if (granted) {
      this.#vote = from;
      this.#timer.restart();
    }
    this.#sendAfterPersist(from, { type: "voteResponse", granted });
    return true;
  }

  #onVoteResponse({ from, granted }: MessageOf<"voteResponse">): true {
    if (this.#role === "candidate") this.#countVote(from, granted);
    return true;
  }

  /**
   * A higher term alone does not begin a new wait (figure 2: only a vote given and a leader heard do); else a candidate
   * that cannot win would keep those from campaigning who can.
   */
  #becomeFollower(term: Term, leader: NodeId): void {
    assert(term >= this.#term, "terms never go back");
    if (term > this.#term) this.#vote = 0;
    this.#term = term;
    this.#role = "follower";
    this.#leader = leader;
    if (this.#leadership !== undefined) this.#timer.reset();
    this.#refuseReads();
    this.#leadership = undefined;
  }

  #becomeLeader(): void {
    this.#role = "leader";
    this.#leader = this.id;
    this.#timer.leads();
    this.#leadership = new Leadership({
      term: this.#term,
      self: this.id,
      log: this.#log,
      options: this.#options,
      send: (to, body) => this.#send(to, body),
      nowMs: () => this.#nowMs,
      releaseRead: (request, index) => this.#releaseRead(request, index),
      isCommittable: (index) => this.quorumIndexIsCommittable(index),
      readsNeedQuorum: () => this.readsNeedQuorum(),
      electorate: () => this.electorate(),
    });
  }

  // Following

  /** Follows the leader of this term; false when another leads it, as a term has one leader. */
  #follows(from: NodeId): boolean {
    if (this.#role === "leader" || (this.#leader !== 0 && this.#leader !== from)) return false;
    if (this.#role !== "follower" || this.#leader !== from) this.#becomeFollower(this.#term, from);
    this.#timer.leaderHeard();
    return true;
  }

  #onAppend({ from, previousIndex, previousTerm, entries, commit }: MessageOf<"append">): boolean {
    if (this.#log.contradictsCommitted(previousIndex, previousTerm, entries)) return false;
    if (previousIndex < this.#log.commit) {
      this.#accept(from, this.#log.commit);
    } else if (this.#log.matches(previousIndex, previousTerm)) {
      if (!this.#log.canHaveBeenAppended(previousIndex, entries)) return false;
      this.appendToLog(entries);
      const last = previousIndex + entries.length;
      this.#log.commitTo(Math.min(commit, last));
      this.#accept(from, last);
    } else {
      const hint = this.#log.conflictHint(previousIndex, previousTerm);
      this.#sendAfterPersist(from, { type: "appendResponse", accepted: false, index: previousIndex, ...hint });
    }
    return true;
  }

  /** What is compacted away at the leader is committed there; where the log has it, it is an append of nothing. */
  #onCompacted({ from, previousIndex, previousTerm }: MessageOf<"compacted">): boolean {
    if (this.#log.contradictsCommitted(previousIndex, previousTerm, [])) return false;
    if (previousIndex < this.#log.commit) this.#accept(from, this.#log.commit);
    else if (this.#log.matches(previousIndex, previousTerm)) this.#accept(from, previousIndex);
    else this.#pending.wantCheckpoint({ from, atLeast: previousIndex });
    return true;
  }

  #accept(from: NodeId, index: LogIndex): void {
    this.#sendAfterPersist(from, { type: "appendResponse", accepted: true, index, hintIndex: 0, hintTerm: 0 });
  }

  #onHeartbeat({ from, commit, sequence }: MessageOf<"heartbeat">): boolean {
    if (commit > this.#log.lastIndex) return false;
    this.#log.commitTo(commit);
    const answer = { type: "heartbeatResponse", sequence, promiseMs: this.#promiseMs } as const;
    // It says in which term this node is, which a crash must not take back, and nothing of the log: a disk that writes
    // nothing for a while deposes no leader.
    if (this.#pending.durableTerm === this.#term) this.#send(from, answer);
    else this.#sendAfterPersist(from, answer);
    return true;
  }

  /**
   * For how long after a leader's word this node gives no vote: the first tick may come at once. Without leases it promises
   * nothing, for it forgets a leader whose link has ended.
   */
  get #promiseMs(): number {
    const { leaseDriftPermille, electionTimeoutTicks, tickMs } = this.#options;
    return leaseDriftPermille === undefined ? 0 : (electionTimeoutTicks - 1) * tickMs;
  }

  /** Campaigns at once, without asking whether it would win; not for a word that comes late, when the log has grown. */
  #onTimeoutNow({ lastIndex }: MessageOf<"timeoutNow">): true {
    if (this.#log.lastIndex === lastIndex && this.#log.mayCampaign(this.id)) this.#becomeCandidate("candidate", true);
    return true;
  }

  // Reads

  #onReadIndex({ from, requestId, lease }: MessageOf<"readIndex">): true {
    const taken = this.#leadership?.takeRead({ from, requestId, lease }) ?? false;
    if (!taken) this.#refuseRead({ from, requestId });
    return true;
  }

  /** Only the leader that was asked can answer; whoever leads now has not been asked yet. */
  #onReadIndexResponse({ from, requestId: name, index, refused }: MessageOf<"readIndexResponse">): true {
    const requestId = from === this.#leader ? this.#forwarded.take(name) : undefined;
    if (requestId === undefined) return true;
    this.#pending.answerRead(refused ? { requestId, refused } : { requestId, index });
    return true;
  }

  /** Nobody here can answer these any more: the role or the leader has changed. */
  #refuseReads(): void {
    for (const requestId of this.#forwarded.drain()) this.#refuseRead({ from: this.id, requestId });
    for (const request of this.#leadership?.drainReads() ?? []) this.#refuseRead(request);
  }

  #releaseRead({ from, requestId }: Omit<ReadRequest, "lease">, index: LogIndex): void {
    if (from === this.id) this.#pending.answerRead({ requestId, index });
    else this.#send(from, { type: "readIndexResponse", requestId, index, refused: false });
  }

  #refuseRead({ from, requestId }: Omit<ReadRequest, "lease">): void {
    if (from === this.id) this.#pending.answerRead({ requestId, refused: true });
    else this.#send(from, { type: "readIndexResponse", requestId, index: 0, refused: true });
  }

  #send(to: NodeId, body: MessageBody): void {
    this.#pending.send({ from: this.id, to, term: this.#term, ...body });
  }

  #sendAfterPersist(to: NodeId, body: MessageBody): void {
    this.#pending.sendAfterPersist({ from: this.id, to, term: this.#term, ...body });
  }
}
