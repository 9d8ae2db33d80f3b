/**
 * The consensus actor: drives one Raft core. Messages, ticks and disk completions go in; what comes out of the core
 * (a Ready) becomes disk work, frames to peers, committed blocks for the ledger and answers to reads.
 *
 * The core appends nothing of its own on election: this actor proposes an empty block at once, and until that one is
 * committed nothing of the new term is. Messages that promise durability wait for the log actor.
 */

import { awaitedVoters, type Members, nextConfiguration } from "../../consensus/raft/configuration.ts";
import type { Entry, Message } from "../../consensus/raft/messages.ts";
import type { Raft } from "../../consensus/raft/raft.ts";
import type { ReadState, Ready, RoleState } from "../../consensus/raft/ready.ts";
import type { Actor, ActorContext, ActorRef } from "../actor/actor.ts";
import { assert, must } from "../base/assert.ts";
import { equalBytes } from "../base/bytes.ts";
import type { LogIndex, NodeId } from "../base/ids.ts";
import { APPEND_BYTES_MAX, BLOCKS_UNCOMMITTED_MAX, LOG_TIME_LEAD_MAX_NS } from "../base/limits.ts";
import type { Clock } from "../base/ports/clock.ts";
import type { Sha256 } from "../base/ports/crypto.ts";
import type { Log } from "../base/ports/log.ts";
import { type Perturb, unperturbed } from "../base/ports/perturb.ts";
import type { CatchUpMessage } from "../messages/catch-up.ts";
import type { ConsensusMessage, HandOverRequest } from "../messages/consensus.ts";
import type { GatewayMessage, RefusalCode } from "../messages/gateway.ts";
import type { LedgerMessage } from "../messages/ledger.ts";
import type { LogMessage } from "../messages/log.ts";
import { RefusedFrames } from "../messages/refused-frames.ts";
import type { StatusBoard, StatusFields } from "../messages/status.ts";
import type { Block, StateAt } from "../wire/block.ts";
import type { TransactionHashes } from "../wire/transaction-hashes.ts";
import { BlockBuilder, type BlockPlace } from "./block-builder.ts";
import { type ChainHead, chainFault, headOf } from "./chain.ts";
import { DecodedBlocks } from "./decoded-blocks.ts";
import type { Freshness } from "./freshness.ts";
import { handOverFault } from "./hand-over.ts";
import { LeaseClock } from "./lease-clock.ts";
import { chainedEntry } from "./log-adapter.ts";
import type { ReleaseChoice } from "./next-release.ts";
import { PreferredLeaders } from "./preferred-leaders.ts";
import { decodeRaftMessage, encodeRaftMessage, RaftCodecError } from "./raft-codec.ts";
import { READ_PATIENCE, ReadBatches } from "./read-batches.ts";
import { isReady } from "./readiness.ts";
import { Successors } from "./successors.ts";
import { addWaiting } from "./waiting-messages.ts";

const NS_PER_MS = 1_000_000n;
/** Chunks of committed blocks that may be on their way to the ledger. */
const CHUNKS_AT_LEDGER_MAX = 2;
/** Blocks in such a chunk: each makes a message for every actor that follows the state, and their mailboxes are bounded. */
const CHUNK_BLOCKS_MAX = 1_024;

/** A disk that has written nothing for so many election timeouts hangs. */
const HUNG_TIMEOUTS = 4;

export interface ConsensusActorDeps {
  readonly raft: Raft;
  /** Of the state that the ledger has; fresh with the actor. */
  readonly freshness: Freshness;
  readonly clock: Clock;
  readonly sha256: Sha256;
  readonly hashes: TransactionHashes;
  readonly hostLog: Log;
  readonly clusterId: Uint8Array;
  /** What the first block is chained to. */
  readonly genesis: ChainHead;
  /** The chain up to where the ledger starts from: the block there need not be in the log. */
  readonly base: ChainHead;
  readonly log: ActorRef<LogMessage>;
  readonly ledger: ActorRef<LedgerMessage>;
  readonly gateway: () => ActorRef<GatewayMessage>;
  readonly catchUp: () => ActorRef<CatchUpMessage>;
  readonly sendPeer: (to: NodeId, ...payload: readonly Uint8Array[]) => boolean;
  readonly nextRelease: (choice: ReleaseChoice) => number;
  /** Whether blocks wait for space on this node's disk. */
  readonly diskIsFull: () => boolean;
  readonly status: StatusBoard;
  readonly perturb?: Perturb | undefined;
}

export interface ConsensusActorOptions {
  readonly tickMs: number;
  readonly electionTimeoutTicks: number;
  /** Who shall rather lead, the most wanted first. */
  readonly preferredLeaders: readonly NodeId[];
  /** The newest release that this node reads. */
  readonly releaseMax: number;
  /** Where the ledger starts from, and who is to take part by then. */
  readonly applied: StateAt;
  readonly members: Members;
}

/** What a block may change; else it stands under the configuration in force, and has the release of the block before. */
type BlockChoices = Partial<Pick<BlockPlace, "configuration" | "release">>;

/** Messages that wait for durable work, in order. */
interface WaitingPromise {
  readonly sequence: number;
  readonly messages: Message[];
  readonly sinceTick: number;
}

export class ConsensusActor implements Actor<ConsensusMessage> {
  readonly #context: ActorContext<ConsensusMessage>;
  readonly #deps: ConsensusActorDeps;
  readonly #options: ConsensusActorOptions;
  readonly #raft: Raft;
  readonly #blocks: BlockBuilder;
  readonly #decoded: DecodedBlocks;
  readonly #reads = new ReadBatches();
  readonly #freshness: Freshness;
  readonly #leaseClock: LeaseClock;
  readonly #preferred: PreferredLeaders;
  readonly #successors: Successors;
  readonly #promised: WaitingPromise[] = [];
  /** The request at which the disk was last said to hang. */
  #hangSaid = 0;
  #ticks = 0;
  #pulseWanted = false;
  /** Committed and durable here. */
  #committed: LogIndex;
  /** Handed to the ledger. Invariant: applied <= handed <= committed. */
  #handed: LogIndex;
  #applied: StateAt;
  /** Who is to take part, as of what is applied. */
  #members: Members;
  /** The newest releases that other members read. */
  #announced: ReadonlyMap<NodeId, number> = new Map();
  /** The first block of the term that this node leads, or led last. */
  #ownFirst: LogIndex = 0;
  #chunksAtLedger = 0;
  /** Frames that no correct peer sends. */
  readonly #refused: RefusedFrames;

  constructor(context: ActorContext<ConsensusMessage>, deps: ConsensusActorDeps, options: ConsensusActorOptions) {
    this.#context = context;
    this.#deps = deps;
    this.#options = options;
    this.#raft = deps.raft;
    this.#freshness = deps.freshness;
    this.#blocks = new BlockBuilder({ ...deps, node: deps.raft.id });
    this.#decoded = new DecodedBlocks(deps.sha256);
    this.#leaseClock = new LeaseClock(deps.clock);
    this.#refused = new RefusedFrames(deps.hostLog, "raft.frame_refused");
    this.#preferred = new PreferredLeaders(options.preferredLeaders, options.electionTimeoutTicks);
    this.#successors = new Successors(options.electionTimeoutTicks);
    this.#committed = options.applied.height;
    this.#handed = options.applied.height;
    this.#applied = options.applied;
    this.#members = options.members;
    deps.status.post("consensus", () => this.#statusFields());
    context.after(options.tickMs, { type: "tick" });
  }

  receive(message: ConsensusMessage): void {
    switch (message.type) {
      case "tick":
        this.#tick();
        break;
      case "peerFrame":
        this.#step(message.from, message.payload);
        break;
      case "peerLost":
        this.#peerLost(message.from);
        break;
      case "propose":
        this.#propose(message.transactions);
        break;
      case "pulse":
        this.#pulseWanted = true;
        break;
      case "read":
        this.#read(message);
        break;
      case "forget":
        this.#reads.forget(new Set(message.tokens));
        this.#deps.ledger.deliver(message);
        break;
      case "handOver":
        this.#handOver(message.request);
        break;
      case "announced":
        this.#announced = message.releases;
        break;
      case "persisted":
        this.#persisted(message.sequence);
        break;
      case "applied":
        this.#applied = message.state;
        this.#members = message.members;
        this.#chunksAtLedger -= 1;
        this.#handCommitted();
        break;
    }
  }

  drained(): void {
    this.#askReads();
    this.#handleReadies();
    if (this.#raft.role !== "leader") return;
    this.#changeMembers();
    this.#raiseRelease();
    this.#proposeBlocks();
    this.#handleReadies();
  }

  #tick(): void {
    this.#context.after(this.#options.tickMs, { type: "tick" });
    this.#ticks += 1;
    this.#tellTime();
    this.#raft.tick();
    this.#successors.tick(this.#raft);
    const wanted = this.#preferred.tick(this.#raft);
    if (wanted !== 0) this.#handOverTo(wanted);
    if (this.#deps.diskIsFull()) this.#leaveFullDisk();
    else this.#leaveHungDisk();
    for (const question of this.#reads.takeOverdue(this.#ticks)) this.#refuseQuestion(question.token, "no_leader");
  }

  /**
   * The others commit what there is no room for here, where it can neither be executed nor answered. Where they commit nothing
   * either, another leader would not even answer reads: that takes a block of its own term.
   */
  #leaveFullDisk(): void {
    const to = this.#raft.commit > this.#raft.stableIndex ? this.#successors.next(this.#raft) : 0;
    if (to !== 0) this.#handOverTo(to);
  }

  /** The others could go on without this disk, but not without a leader that executes and answers what they commit. */
  #leaveHungDisk(): void {
    const [oldest] = this.#promised;
    if (oldest === undefined) return;
    const ticks = this.#ticks - oldest.sinceTick;
    if (ticks < HUNG_TIMEOUTS * this.#options.electionTimeoutTicks) return;
    const to = this.#successors.next(this.#raft);
    if (to === 0) return;
    if (oldest.sequence !== this.#hangSaid)
      this.#deps.hostLog.warn("raft.disk_hangs", { forMs: ticks * this.#options.tickMs });
    this.#hangSaid = oldest.sequence;
    this.#handOverTo(to);
  }

  #tellTime(): void {
    this.#raft.tellTime(this.#leaseClock.nowMs());
  }

  /** What a peer says is taken when it is a message, from that peer, with blocks that belong where it says. */
  #step(from: NodeId, payload: Uint8Array): void {
    try {
      const message = decodeRaftMessage(payload);
      const fault = message.from === from ? this.#blocksFault(message) : `it speaks for node ${message.from}`;
      if (fault !== undefined) this.#refused.refuse(from, fault);
      else {
        if (message.type === "readIndex" && message.lease) this.#tellTime();
        if (!this.#raft.step(message)) this.#refused.refuse(from, `no correct node sends this ${message.type}`);
      }
    } catch (error) {
      if (!(error instanceof RaftCodecError)) throw error;
      this.#refused.refuse(from, error.message);
    }
  }

  /** A process that ends closes its links: nobody has to wait for an election timeout. */
  #peerLost(from: NodeId): void {
    if (from !== this.#raft.leader) return;
    this.#deps.hostLog.info("raft.leader_lost", { leader: from, term: this.#raft.term });
    this.#raft.forgetLeader();
  }

  #blocksFault(message: Message): string | undefined {
    if (message.type !== "append" || message.entries.length === 0) return undefined;
    const { previousIndex, previousTerm, entries } = message;
    const { clusterId } = this.#deps;
    const { releaseMax } = this.#options;
    const fits = this.#raft.termAt(previousIndex) === previousTerm;
    const before = fits ? this.#headAt(previousIndex) : undefined;
    const decode = (bytes: Uint8Array): Block => this.#decoded.decode(bytes);
    const gate = { decode, clusterId, releaseMax, latest: this.#latestLogTime() };
    return chainFault(gate, before, entries) ?? this.#overlapFault(entries);
  }

  #latestLogTime(): bigint {
    const { clock, genesis } = this.#deps;
    const wall = BigInt(clock.wallMs()) * NS_PER_MS;
    return (wall > genesis.timestamp ? wall : genesis.timestamp) + LOG_TIME_LEAD_MAX_NS;
  }

  /**
   * Entries that the log has already, by their terms, Raft takes for the same: a leader makes one block for a place. One that
   * made two would have others follow a block that is not here.
   */
  #overlapFault(entries: readonly Entry[]): string | undefined {
    const firstNew = entries.findIndex(({ index, term }) => this.#raft.termAt(index) !== term);
    const known = entries[(firstNew < 0 ? entries.length : firstNew) - 1];
    if (known === undefined) return undefined;
    const mine = this.#headAt(known.index);
    if (mine === undefined || equalBytes(mine.hash, this.#decoded.decode(known.data).hash)) return undefined;
    return `block ${known.index} of term ${known.term} is another one here`;
  }

  /** Undefined where neither the block is in the log nor the state has begun there. */
  #headAt(index: LogIndex): ChainHead | undefined {
    if (index === 0) return this.#deps.genesis;
    if (index === this.#options.applied.height) return this.#deps.base;
    if (index < this.#raft.firstIndex) return undefined;
    return headOf(this.#deps.sha256, this.#raft.entry(index).data);
  }

  #propose(transactions: readonly Uint8Array[]): void {
    if (this.#raft.role !== "leader") {
      this.#refuse(transactions, "not_leader");
      return;
    }
    this.#refuse(
      transactions.filter((transaction) => !this.#blocks.offer(transaction)),
      "busy",
    );
  }

  /** What waits here is refused when another leads, and asked of that one. */
  #handOver(request: HandOverRequest | undefined): void {
    const to = request?.to ?? this.#successors.last(this.#raft);
    const fault = handOverFault(this.#raft, to);
    if (fault === undefined) this.#handOverTo(to);
    if (request === undefined) return;
    const { token, answer } = request;
    const refusal = { type: "answerRefused", token, code: "hand_over_refused" } as const;
    this.#deps
      .gateway()
      .deliver(fault === undefined ? { type: "answer", token, answer } : { ...refusal, message: fault });
  }

  /** A leader that hands over can propose nothing: one that is just elected proposes the first block of its term before that. */
  #handOverTo(to: NodeId): void {
    this.#handleReadies();
    this.#successors.trying(to, this.#raft.term);
    this.#deps.hostLog.info("raft.hand_over", { to, term: this.#raft.term });
    this.#raft.transferLeadership(to);
  }

  #proposeBlocks(): void {
    if (this.#raft.transferTarget !== 0) return;
    while (this.#blocks.waiting > 0 || this.#pulseWanted) {
      if (this.#raft.lastIndex - this.#raft.commit >= BLOCKS_UNCOMMITTED_MAX) return;
      this.#pulseWanted = false;
      this.#proposeBlock();
    }
  }

  /**
   * Goes a step towards the members that the state wants: not before this node has applied all that was committed before
   * it led, or it would bring back what is over.
   */
  #changeMembers(): void {
    if (!this.#raft.mayReconfigure || this.#applied.height < this.#ownFirst) return;
    const next = nextConfiguration(this.#raft.configuration, this.#members, (id) => this.#isReady(id));
    if (next === undefined) return;
    const { voters, outgoing, learners } = next;
    const lists = { voters: voters.join(" "), outgoing: outgoing.join(" "), learners: learners.join(" ") };
    this.#deps.hostLog.info("raft.members", lists);
    this.#proposeBlock({ configuration: next });
  }

  /** Raises the release once all members read a later one: not before this node knows that it leads. */
  #raiseRelease(): void {
    const { id: leader, configuration, commit, transferTarget } = this.#raft;
    if (transferTarget !== 0 || commit < this.#ownFirst) return;
    const { release: before } = this.#blocks;
    const choice = { before, own: this.#options.releaseMax, leader, configuration, announced: this.#announced };
    const release = this.#deps.nextRelease(choice);
    if (release === before) return;
    this.#deps.hostLog.info("raft.release", { release });
    this.#proposeBlock({ release });
  }

  /** Whether a node could take part in a decision now. */
  #isReady(id: NodeId): boolean {
    if (id === this.#raft.id) return true;
    const progress = this.#raft.peerProgress().find(({ peer }) => peer === id);
    return progress !== undefined && isReady(progress, this.#raft);
  }

  #proposeBlock({ configuration = this.#raft.configuration, release }: BlockChoices = {}): LogIndex {
    const height = this.#raft.lastIndex + 1;
    const place = { release, height, term: this.#raft.term, state: this.#applied, configuration };
    const block = this.#blocks.build(place);
    this.#decoded.add(block.bytes, block);
    const index = this.#raft.propose([block.bytes]);
    assert(index === height, `a block built for height ${height} was appended at ${String(index)}`);
    return height;
  }

  /** Where this node's state is fresh enough it answers; else it asks, and knows afterwards how fresh it is. */
  #read({ question, consistency }: Extract<ConsensusMessage, { readonly type: "read" }>): void {
    const { clock, ledger } = this.#deps;
    const { height } = this.#applied;
    const lease = consistency === "lease";
    const bound = typeof consistency === "object" ? consistency.maxStalenessMs : undefined;
    if (bound !== undefined && this.#freshness.isWithin(bound, height, clock.monotonicMs())) {
      ledger.deliver({ type: "question", question, height });
    } else this.#reads.add(question, lease);
  }

  #askReads(): void {
    const deadline = this.#ticks + READ_PATIENCE * this.#options.electionTimeoutTicks;
    for (const { request, lease } of this.#reads.seal(deadline, this.#deps.clock.monotonicMs())) {
      if (lease) this.#tellTime();
      if (!this.#raft.requestRead(request, lease)) this.#answerRead({ requestId: request, refused: true });
    }
  }

  #answerRead(read: ReadState): void {
    const batch = this.#reads.take(read.requestId);
    if (batch === undefined) return;
    // What a lease answers is as fresh as clocks are true; a bound of age trusts no clock but this node's.
    if (!("refused" in read) && !batch.lease) this.#freshness.confirmed(read.index, batch.askedAtMs);
    for (const question of batch.questions) {
      if ("refused" in read) this.#refuseQuestion(question.token, "no_leader");
      else this.#deps.ledger.deliver({ type: "question", question, height: read.index });
    }
  }

  #handleReadies(): void {
    while (this.#raft.hasReady()) this.#handle(this.#raft.ready());
  }

  #handle(ready: Ready): void {
    if (ready.role !== undefined) this.#roleChanged(ready.role);
    this.#send(ready.messages);
    this.#persist(ready);
    if (ready.committed !== undefined) {
      this.#committed = ready.committed.to;
      this.#handCommitted();
    }
    for (const read of ready.reads) this.#answerRead(read);
    if (ready.checkpointWanted !== undefined) {
      this.#deps.catchUp().deliver({ type: "wanted", ...ready.checkpointWanted });
    }
  }

  #persist(ready: Ready): void {
    const { sequence, hardState, truncateFrom, messagesAfterPersist } = ready;
    const durableWork = hardState !== undefined || truncateFrom !== undefined || ready.entries.length > 0;
    if (durableWork) {
      const entries = ready.entries.map((entry) => chainedEntry(entry, this.#decoded.decode(entry.data)));
      this.#promised.push({ sequence, messages: [...messagesAfterPersist], sinceTick: this.#ticks });
      this.#deps.log.deliver({
        type: "persist",
        sequence,
        entries,
        ...(hardState === undefined ? {} : { hardState }),
        ...(truncateFrom === undefined ? {} : { truncateFrom }),
      });
      return;
    }
    const last = this.#promised.at(-1);
    if (last === undefined) this.#send(messagesAfterPersist);
    else addWaiting(last.messages, messagesAfterPersist);
  }

  #persisted(sequence: number): void {
    const promise = this.#promised.shift();
    assert(promise?.sequence === sequence, `request ${sequence} became durable out of order`);
    this.#raft.persisted(sequence);
    this.#send(promise.messages);
  }

  #roleChanged(state: RoleState): void {
    const { role, leader, term } = state;
    this.#deps.hostLog.info("raft.role", { role, leader, term });
    let readyAt = 0;
    this.#pulseWanted = false; // a leader's first block is pulse enough, and nobody else orders one
    if (role === "leader") {
      this.#blocks.lead(must(this.#headAt(this.#raft.lastIndex), "the end of the log is known"));
      readyAt = this.#proposeBlock();
      this.#ownFirst = readyAt;
    } else {
      this.#refuse(this.#blocks.follow(), "not_leader");
    }
    this.#deps.gateway().deliver({ type: "leader", leader });
    this.#deps.ledger.deliver({ type: "leader", leader, readyAt });
  }

  /** Hands committed blocks to the ledger in bounded chunks, so that a long catch-up never fills the memory. */
  #handCommitted(): void {
    while (this.#handed < this.#committed && this.#chunksAtLedger < CHUNKS_AT_LEDGER_MAX) {
      const { perturb = unperturbed } = this.#deps;
      const to = Math.min(this.#committed, this.#handed + (perturb("blocksOneByOne") ? 1 : CHUNK_BLOCKS_MAX));
      const entries = this.#raft.entries(this.#handed + 1, to + 1, APPEND_BYTES_MAX);
      assert(entries[0]?.index === this.#handed + 1, `committed entry ${this.#handed + 1} cannot be read`);
      this.#handed += entries.length;
      this.#chunksAtLedger += 1;
      const blocks = entries.map((entry) => this.#decoded.take(entry.data));
      this.#deps.ledger.deliver({ type: "committed", blocks });
    }
  }

  #send(messages: readonly Message[]): void {
    for (const message of messages) this.#deps.sendPeer(message.to, ...encodeRaftMessage(message));
  }

  #refuse(transactions: readonly Uint8Array[], code: RefusalCode): void {
    if (transactions.length > 0) this.#deps.gateway().deliver({ type: "refused", transactions, code });
  }

  #refuseQuestion(token: number, code: RefusalCode): void {
    this.#deps.gateway().deliver({ type: "questionRefused", token, code });
  }

  /** Whom this node waits for, where it leads and members are to change. */
  #awaited(): readonly NodeId[] {
    if (this.#raft.role !== "leader") return [];
    return awaitedVoters(this.#raft.configuration, this.#members, (id) => this.#isReady(id));
  }

  #statusFields(): StatusFields {
    const raft = this.#raft;
    return {
      role: raft.role,
      leader: raft.leader,
      term: raft.term,
      voters: raft.configuration.voters,
      outgoing: raft.configuration.outgoing,
      learners: raft.configuration.learners,
      awaited: this.#awaited(),
      lastIndex: raft.lastIndex,
      commit: raft.commit,
      handed: this.#handed,
      applied: this.#applied.height,
      transactionsWaiting: this.#blocks.waiting,
      transactionBytesWaiting: this.#blocks.waitingBytes,
      readsWaiting: this.#reads.waiting,
      lease: raft.hasLease,
      releaseMax: this.#options.releaseMax,
      framesRefused: this.#refused.count,
      peers: raft.peerProgress().map((progress) => ({ ...progress })),
    };
  }
}
