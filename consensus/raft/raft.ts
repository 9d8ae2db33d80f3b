/**
 * Raft (Ongaro, "Consensus: Bridging Theory and Practice", 2014) as a pure state machine: messages, ticks and disk
 * completions in, `Ready` out. Pre-vote (§9.6), check-quorum and leader stickiness (§6.2), conflict hints (§5.3),
 * linearizable reads (§6.4). It never touches a clock, a disk or a socket, and knows nothing of what entries mean.
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
import { ForwardedReads } from "./forwarded-reads.ts";
import type { HardState } from "./hard-state.ts";
import { InFlight } from "./in-flight.ts";
import { RaftLog } from "./log.ts";
import type { Entry, Message, MessageBody, MessageOf } from "./messages.ts";
import { type RaftOptions, validateOptions } from "./options.ts";
import { Progress } from "./progress.ts";
import { quorumSize, quorumValue, voteOutcome } from "./quorum.ts";
import { ReadOnly, type ReadRequest } from "./read-only.ts";
import type { ReadState, Ready, Role, RoleState } from "./ready.ts";

export class Raft {
  readonly id: NodeId;
  readonly #options: RaftOptions;
  readonly #peers: readonly NodeId[];
  readonly #log: RaftLog;
  #term: Term;
  #vote: NodeId;
  #role: Role = "follower";
  #leader: NodeId = 0;
  #electionElapsed = 0;
  #heartbeatElapsed = 0;
  /** Drawn anew whenever the timer is reset, so that two nodes seldom campaign together. */
  #electionTimeout = 0;
  #votes = new Map<NodeId, boolean>();
  /** Only a leader's: what it knows of each peer. */
  #progress = new Map<NodeId, Progress>();
  #readOnly: ReadOnly;
  /** Reads that came before this leader's first commit. */
  #heldReads: ReadRequest[] = [];
  #heartbeatsWanted = false;
  readonly #forwarded: ForwardedReads;
  // What the next Ready will carry.
  #messages: Message[] = [];
  #messagesAfterPersist: Message[] = [];
  #reads: ReadState[] = [];
  #handedHardState: HardState;
  #handedRole: RoleState = { role: "follower", leader: 0, term: 0 };
  #sequence = 0;
  /** Readies with durable work that the driver has not reported yet, and whether each wrote to the log. */
  readonly #persisting: { readonly sequence: number; readonly wroteLog: boolean }[] = [];

  constructor(options: RaftOptions) {
    validateOptions(options);
    this.id = options.id;
    this.#options = options;
    this.#peers = options.voters.filter((voter) => voter !== options.id);
    this.#log = new RaftLog(options.log, options.commit);
    this.#term = options.hardState.term;
    this.#vote = options.hardState.vote;
    this.#handedHardState = options.hardState;
    this.#handedRole = { role: "follower", leader: 0, term: options.hardState.term };
    this.#readOnly = new ReadOnly(this.#peers);
    this.#forwarded = new ForwardedReads(options.readsWaitingMax, options.random);
    this.#resetElectionTimer();
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

  get lastIndex(): LogIndex {
    return this.#log.lastIndex;
  }

  get lastTerm(): Term {
    return this.#log.lastTerm;
  }

  get stableIndex(): LogIndex {
    return this.#log.stableIndex;
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

  /** Time passes. */
  tick(): void {
    this.#electionElapsed += 1;
    if (this.#role === "leader") this.#tickLeader();
    else if (this.#electionElapsed >= this.#electionTimeout) this.campaign();
    this.#log.assertInvariants();
  }

  /** Starts an election at once. */
  campaign(): void {
    if (this.#role === "leader") return;
    if (this.#options.preVote) this.#becomePreCandidate();
    else this.#becomeCandidate();
  }

  /** Appends entries with this data; the index of the first, or undefined when this node does not lead. */
  propose(data: readonly Uint8Array[]): LogIndex | undefined {
    if (this.#role !== "leader" || data.length === 0) return undefined;
    const first = this.#log.lastIndex + 1;
    this.#log.append(data.map((bytes, offset) => ({ index: first + offset, term: this.#term, data: bytes })));
    this.#broadcastAppend();
    return first;
  }

  /**
   * Asks for an index that covers everything committed before now; answered through `Ready.reads`, or never (messages
   * may be lost). False when there is nobody to ask.
   */
  requestRead(requestId: number): boolean {
    if (this.#role === "leader") {
      if (!this.#takeRead({ from: this.id, requestId })) this.#reads.push({ requestId, refused: true });
      return true;
    }
    if (this.#leader === 0) return false;
    if (this.#forwarded.isFull) this.#reads.push({ requestId: this.#forwarded.takeOldest(), refused: true });
    this.#send(this.#leader, { type: "readIndex", requestId: this.#forwarded.add(requestId) });
    return true;
  }

  /** Takes a message from a peer. One that makes no sense is ignored. */
  step(message: Message): void {
    if (message.to !== this.id || !this.#peers.includes(message.from)) return;
    if (message.term > this.#term && !this.#acceptHigherTerm(message)) return;
    if (message.term < this.#term) this.#answerLowerTerm(message);
    else this.#dispatch(message);
    this.#log.assertInvariants();
  }

  hasReady(): boolean {
    return (
      this.#messages.length > 0 ||
      this.#messagesAfterPersist.length > 0 ||
      this.#reads.length > 0 ||
      this.#heartbeatsWanted ||
      this.#log.hasUnwritten ||
      this.#log.hasCommitted ||
      this.#hardStateChanged() ||
      this.#roleChanged()
    );
  }

  /** What is to be done now. */
  ready(): Ready {
    if (this.#heartbeatsWanted) this.#broadcastHeartbeat();
    this.#sequence += 1;
    const sequence = this.#sequence;
    const hardState = this.#hardStateChanged() ? { term: this.#term, vote: this.#vote } : undefined;
    const write = this.#log.hasUnwritten ? this.#log.takeWrite() : undefined;
    if (hardState !== undefined || write !== undefined) {
      this.#persisting.push({ sequence, wroteLog: write !== undefined });
    }
    if (hardState !== undefined) this.#handedHardState = hardState;
    const role = this.#roleChanged() ? { role: this.#role, leader: this.#leader, term: this.#term } : undefined;
    if (role !== undefined) this.#handedRole = role;
    const committed = this.#log.takeCommitted();
    const ready: Ready = {
      sequence,
      entries: write?.entries ?? [],
      messages: this.#messages,
      messagesAfterPersist: this.#messagesAfterPersist,
      reads: this.#reads,
      ...(hardState === undefined ? {} : { hardState }),
      ...(write?.truncateFrom === undefined ? {} : { truncateFrom: write.truncateFrom }),
      ...(committed === undefined ? {} : { committed }),
      ...(role === undefined ? {} : { role }),
    };
    this.#messages = [];
    this.#messagesAfterPersist = [];
    this.#reads = [];
    return ready;
  }

  /** The durable work of a Ready is done; Readies complete in order. A leader counts its own log only from here on. */
  persisted(sequence: number): void {
    const oldest = this.#persisting.shift();
    assert(oldest?.sequence === sequence, `Ready ${sequence} completed out of order`);
    if (oldest.wroteLog) this.#log.completeWrite();
    if (this.#role === "leader") this.#advanceCommit();
  }

  /** For status pages: how far each peer is, as this leader knows. */
  peerProgress(): readonly { readonly peer: NodeId; readonly match: LogIndex; readonly state: string }[] {
    return [...this.#progress].map(([peer, progress]) => ({ peer, match: progress.match, state: progress.state }));
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

  /** §6.4: fixes the read's index now and releases it when a quorum has answered a later heartbeat. */
  protected beginRead(request: ReadRequest): void {
    if (this.#peers.length === 0) this.releaseRead(request, this.#log.commit);
    else if (this.#readOnly.add(request, this.#log.commit)) this.#heartbeatsWanted = true;
  }

  /** Answers a read: to the driver, or to the follower that asked. */
  protected releaseRead(request: ReadRequest, index: LogIndex): void {
    const { from, requestId } = request;
    if (from === this.id) this.#reads.push({ requestId, index });
    else this.#send(from, { type: "readIndexResponse", requestId, index, refused: false });
  }

  #hardStateChanged(): boolean {
    return this.#term !== this.#handedHardState.term || this.#vote !== this.#handedHardState.vote;
  }

  #roleChanged(): boolean {
    const { role, leader, term } = this.#handedRole;
    return this.#role !== role || this.#leader !== leader || this.#term !== term;
  }

  /** What a higher term does; false when the message is to be ignored. */
  #acceptHigherTerm(message: Message): boolean {
    const asksForVote = message.type === "vote" || message.type === "preVote";
    if (asksForVote && this.#hearsLeader()) return false; // stickiness: nobody is deposed without need
    if (message.type === "preVote") return true;
    if (message.type === "preVoteResponse" && message.granted) return true; // answers in the term that was asked about
    const fromLeader = message.type === "append" || message.type === "heartbeat";
    this.#becomeFollower(message.term, fromLeader ? message.from : 0);
    return true;
  }

  #hearsLeader(): boolean {
    if (!this.#options.checkQuorum || this.#leader === 0) return false;
    return this.#role === "leader" || this.#electionElapsed < this.#options.electionTimeoutTicks;
  }

  /** A sender that lives in the past learns of the present, and steps down or gives up. */
  #answerLowerTerm(message: Message): void {
    if (message.type === "append") {
      const rejection = { type: "appendResponse", accepted: false, index: message.previousIndex } as const;
      this.#sendAfterPersist(message.from, { ...rejection, hintIndex: 0, hintTerm: 0 });
    } else if (message.type === "heartbeat") {
      this.#sendAfterPersist(message.from, { type: "heartbeatResponse", sequence: 0 });
    } else if (message.type === "preVote") {
      this.#sendAfterPersist(message.from, { type: "preVoteResponse", granted: false });
    }
  }

  #dispatch(message: Message): void {
    switch (message.type) {
      case "preVote":
        this.#onPreVote(message);
        break;
      case "vote":
        this.#onVote(message);
        break;
      case "preVoteResponse":
        if (this.#role === "preCandidate") this.#countVote(message.from, message.granted);
        break;
      case "voteResponse":
        if (this.#role === "candidate") this.#countVote(message.from, message.granted);
        break;
      case "append":
        if (this.#follows(message.from)) this.#onAppend(message);
        break;
      case "heartbeat":
        if (this.#follows(message.from)) this.#onHeartbeat(message);
        break;
      case "appendResponse":
        this.#onAppendResponse(message);
        break;
      case "heartbeatResponse":
        this.#onHeartbeatResponse(message);
        break;
      case "readIndex":
        this.#onReadIndex(message);
        break;
      case "readIndexResponse":
        this.#onReadIndexResponse(message);
        break;
    }
  }

  // Elections

  #becomePreCandidate(): void {
    this.#role = "preCandidate";
    this.#leader = 0;
    this.#resetElectionTimer();
    this.#refuseReads();
    this.#askForVotes();
  }

  #becomeCandidate(): void {
    this.#role = "candidate";
    this.#leader = 0;
    this.#term += 1;
    this.#vote = this.id;
    this.#resetElectionTimer();
    this.#refuseReads();
    this.#askForVotes();
  }

  #askForVotes(): void {
    const preVote = this.#role === "preCandidate";
    this.#votes = new Map([[this.id, true]]);
    const log = { lastIndex: this.#log.lastIndex, lastTerm: this.#log.lastTerm };
    for (const peer of this.#peers) {
      const envelope = { from: this.id, to: peer, term: preVote ? this.#term + 1 : this.#term };
      // A candidate's own vote must be durable before anyone may answer its request.
      this.#messagesAfterPersist.push({ type: preVote ? "preVote" : "vote", ...envelope, ...log });
    }
    this.#settleElection();
  }

  #countVote(from: NodeId, granted: boolean): void {
    if (!this.#votes.has(from)) this.#votes.set(from, granted);
    this.#settleElection();
  }

  #settleElection(): void {
    const outcome = voteOutcome(this.#votes, this.#options.voters.length);
    if (outcome === "lost") this.#becomeFollower(this.#term, 0);
    else if (outcome === "won" && this.#role === "preCandidate") this.#becomeCandidate();
    else if (outcome === "won") this.#becomeLeader();
  }

  #onPreVote(message: MessageOf<"preVote">): void {
    const granted = message.term > this.#term && this.#log.isUpToDate(message.lastIndex, message.lastTerm);
    const term = granted ? message.term : this.#term;
    this.#messagesAfterPersist.push({ type: "preVoteResponse", from: this.id, to: message.from, term, granted });
  }

  #onVote(message: MessageOf<"vote">): void {
    const free = this.#vote === message.from || (this.#vote === 0 && this.#leader === 0);
    const granted = free && this.#log.isUpToDate(message.lastIndex, message.lastTerm);
    if (granted) {
      this.#vote = message.from;
      this.#electionElapsed = 0;
    }
    this.#sendAfterPersist(message.from, { type: "voteResponse", granted });
  }

  #becomeFollower(term: Term, leader: NodeId): void {
    assert(term >= this.#term, "terms never go back");
    if (term > this.#term) this.#vote = 0;
    this.#term = term;
    this.#role = "follower";
    this.#leader = leader;
    this.#progress = new Map();
    this.#resetElectionTimer();
    this.#refuseReads();
  }

  #becomeLeader(): void {
    this.#role = "leader";
    this.#leader = this.id;
    this.#electionElapsed = 0;
    this.#heartbeatElapsed = 0;
    this.#readOnly = new ReadOnly(this.#peers);
    const { appendsInFlightMax, bytesInFlightMax } = this.#options;
    this.#progress = new Map(
      this.#peers.map((peer) => [
        peer,
        new Progress(this.#log.lastIndex + 1, new InFlight(appendsInFlightMax, bytesInFlightMax)),
      ]),
    );
    for (const peer of this.#peers) this.#sendAppend(peer, true);
  }

  #resetElectionTimer(): void {
    this.#electionElapsed = 0;
    const { electionTimeoutTicks, random } = this.#options;
    this.#electionTimeout = electionTimeoutTicks + random(electionTimeoutTicks);
  }

  // Following

  /** Whether the sender leads this term; a candidate or undecided node then follows it. */
  #follows(from: NodeId): boolean {
    if (this.#role === "leader" || (this.#leader !== 0 && this.#leader !== from)) return false;
    if (this.#role !== "follower" || this.#leader !== from) this.#becomeFollower(this.#term, from);
    this.#electionElapsed = 0;
    return true;
  }

  #onAppend(message: MessageOf<"append">): void {
    const { from, previousIndex, previousTerm, entries } = message;
    const accept = (index: LogIndex): void => {
      this.#sendAfterPersist(from, { type: "appendResponse", accepted: true, index, hintIndex: 0, hintTerm: 0 });
    };
    if (!isRun(message)) return;
    if (previousIndex < this.#log.commit) {
      accept(this.#log.commit);
    } else if (this.#log.matches(previousIndex, previousTerm)) {
      this.appendToLog(entries);
      const last = previousIndex + entries.length;
      this.#log.commitTo(Math.min(message.commit, last));
      accept(last);
    } else {
      const limit = Math.min(previousIndex, this.#log.lastIndex);
      const hintIndex = this.#log.lastIndexUpToTerm(limit, previousTerm);
      const hintTerm = this.#log.term(hintIndex) ?? 0;
      const rejection = { type: "appendResponse", accepted: false, index: previousIndex, hintIndex, hintTerm } as const;
      this.#sendAfterPersist(from, rejection);
    }
  }

  #onHeartbeat(message: MessageOf<"heartbeat">): void {
    if (message.commit <= this.#log.lastIndex) this.#log.commitTo(message.commit);
    this.#sendAfterPersist(message.from, { type: "heartbeatResponse", sequence: message.sequence });
  }

  // Leading

  #tickLeader(): void {
    this.#heartbeatElapsed += 1;
    if (this.#electionElapsed >= this.#options.electionTimeoutTicks) {
      this.#electionElapsed = 0;
      if (this.#options.checkQuorum && !this.#hasQuorumContact()) {
        this.#becomeFollower(this.#term, 0);
        return;
      }
    }
    if (this.#heartbeatElapsed >= this.#options.heartbeatTicks) this.#broadcastHeartbeat();
  }

  /** Whether a quorum has answered since the last look. */
  #hasQuorumContact(): boolean {
    let active = 1;
    for (const progress of this.#progress.values()) {
      if (progress.active) active += 1;
      progress.active = false;
    }
    return active >= quorumSize(this.#options.voters.length);
  }

  #broadcastHeartbeat(): void {
    this.#heartbeatsWanted = false;
    this.#heartbeatElapsed = 0;
    const { sequence } = this.#readOnly;
    this.#readOnly.close();
    for (const [peer, progress] of this.#progress) {
      // A follower is told no more than what it is known to have.
      this.#send(peer, { type: "heartbeat", commit: Math.min(progress.match, this.#log.commit), sequence });
    }
  }

  #broadcastAppend(): void {
    for (const peer of this.#peers) this.#sendAppends(peer);
  }

  /** Sends what the follower lacks, as far as its pipeline allows; tells a new commit index in any case. */
  #sendAppends(peer: NodeId): void {
    const progress = this.#progress.get(peer);
    if (progress === undefined) return;
    while (!progress.paused && progress.next <= this.#log.lastIndex) this.#sendAppend(peer, false);
    if (!progress.paused && progress.commitSent < this.#log.commit) this.#sendAppend(peer, true);
  }

  #sendAppend(peer: NodeId, evenEmpty: boolean): void {
    const progress = this.#progress.get(peer);
    if (progress === undefined || progress.paused) return;
    const previousIndex = progress.next - 1;
    const previousTerm = this.#log.term(previousIndex);
    assert(previousTerm !== undefined, `position ${previousIndex} is still in the log`);
    const entries = progress.mayCarryEntries
      ? this.#log.entries(progress.next, this.#log.lastIndex + 1, this.#options.appendBytesMax)
      : [];
    if (entries.length === 0 && !evenEmpty) return;
    const { commit } = this.#log;
    this.#send(peer, { type: "append", previousIndex, previousTerm, entries, commit });
    progress.sent(entries, commit);
  }

  #onAppendResponse(message: MessageOf<"appendResponse">): void {
    const progress = this.#progress.get(message.from);
    if (progress === undefined) return;
    progress.active = true;
    if (!message.accepted) {
      const hint = Math.min(message.hintIndex, this.#log.lastIndex);
      const limit = message.hintTerm > 0 ? this.#log.lastIndexUpToTerm(hint, message.hintTerm) : hint;
      if (progress.reject(message.index, limit)) this.#sendAppend(message.from, true);
      return;
    }
    if (message.index > this.#log.lastIndex || !progress.acknowledge(message.index)) return;
    this.#advanceCommit();
    this.#sendAppends(message.from);
  }

  #onHeartbeatResponse(message: MessageOf<"heartbeatResponse">): void {
    const progress = this.#progress.get(message.from);
    if (progress === undefined || message.sequence > this.#readOnly.sequence) return;
    progress.active = true;
    progress.resume();
    if (progress.match < this.#log.lastIndex) this.#sendAppend(message.from, true);
    for (const read of this.#readOnly.answered(message.from, message.sequence)) this.releaseRead(read, read.index);
  }

  #advanceCommit(): void {
    const matches = [...this.#progress.values()].map((progress) => progress.match);
    const index = quorumValue([...matches, this.#log.stableIndex]);
    if (index <= this.#log.commit || !this.quorumIndexIsCommittable(index)) return;
    this.#log.commitTo(index);
    for (const request of this.#heldReads.splice(0)) this.beginRead(request);
    this.#broadcastAppend();
  }

  // Reads

  /** False when too many wait. */
  #takeRead(request: ReadRequest): boolean {
    if (this.#heldReads.length + this.#readOnly.count >= this.#options.readsWaitingMax) return false;
    if (this.#log.term(this.#log.commit) === this.#term) this.beginRead(request);
    else this.#heldReads.push(request);
    return true;
  }

  #onReadIndex(message: MessageOf<"readIndex">): void {
    const { from, requestId } = message;
    if (this.#role === "leader" && this.#takeRead({ from, requestId })) return;
    this.#send(from, { type: "readIndexResponse", requestId, index: 0, refused: true });
  }

  #onReadIndexResponse(message: MessageOf<"readIndexResponse">): void {
    const requestId = this.#forwarded.take(message.requestId);
    if (requestId === undefined) return;
    this.#reads.push(message.refused ? { requestId, refused: true } : { requestId, index: message.index });
  }

  /** Nobody here can answer these any more: the role or the leader has changed. */
  #refuseReads(): void {
    this.#heartbeatsWanted = false;
    for (const requestId of this.#forwarded.drain()) this.#reads.push({ requestId, refused: true });
    for (const { from, requestId } of [...this.#readOnly.drain(), ...this.#heldReads.splice(0)]) {
      if (from === this.id) this.#reads.push({ requestId, refused: true });
      else this.#send(from, { type: "readIndexResponse", requestId, index: 0, refused: true });
    }
  }

  #send(to: NodeId, body: MessageBody): void {
    this.#messages.push({ ...body, from: this.id, to, term: this.#term });
  }

  #sendAfterPersist(to: NodeId, body: MessageBody): void {
    this.#messagesAfterPersist.push({ ...body, from: this.id, to, term: this.#term });
  }
}

/** Whether an append carries a consecutive run of entries whose terms never decrease nor pass the leader's. */
function isRun(message: MessageOf<"append">): boolean {
  let index = message.previousIndex;
  let term = message.previousTerm;
  for (const entry of message.entries) {
    index += 1;
    if (entry.index !== index || entry.term < term || entry.term > message.term) return false;
    term = entry.term;
  }
  return true;
}
