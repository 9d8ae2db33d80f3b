/**
 * The ledger actor: owns the replicated state machine and feeds it the committed blocks, in order.
 *
 * Whoever waits for a transaction or follows the state hears of each block from here; questions are answered once the
 * state has reached the height they were fixed at, or refused when it does not in time. Every few blocks the changed
 * pages go into a checkpoint, and what the log need no longer hold before it may go. A checkpoint that came from a peer is
 * installed here, too, so that there is one who says which checkpoint counts.
 */
import type { LogStore } from "../../storage/wal/log-store.ts";
import type { Actor, ActorContext, ActorRef } from "../actor/actor.ts";
import { assert, must } from "../base/assert.ts";
import { toHex } from "../base/bytes.ts";
import type { CodedError } from "../base/errors.ts";
import type { LogIndex, NodeId } from "../base/ids.ts";
import type { Clock } from "../base/ports/clock.ts";
import type { Crypto } from "../base/ports/crypto.ts";
import type { Disk } from "../base/ports/disk.ts";
import type { Log } from "../base/ports/log.ts";
import type { ConnectionId } from "../base/ports/network.ts";
import { type Perturb, unperturbed } from "../base/ports/perturb.ts";
import type { Store } from "../base/ports/store.ts";
import type { CatchUpMessage } from "../messages/catch-up.ts";
import type { CheckpointBoard } from "../messages/checkpoints.ts";
import type { ConsensusMessage, Question } from "../messages/consensus.ts";
import type { GatewayMessage } from "../messages/gateway.ts";
import type { LedgerMessage, SignedTransaction } from "../messages/ledger.ts";
import type { LogMessage } from "../messages/log.ts";
import type { AppliedNotice, ReactorMessage } from "../messages/reactor.ts";
import type { StatusBoard, StatusFields } from "../messages/status.ts";
import type { Reader } from "../state/answers.ts";
import type { Node } from "../state/members.ts";
import {
  type ChainQuery,
  decodeQuery,
  encodeAnswer,
  type HandOverQuery,
  isChainQuery,
  type Query,
  type QueryAnswer,
  QueryRefusal,
  type ScrubQuery,
} from "../state/queries.ts";
import type { Applied, StateMachine } from "../state/state-machine.ts";
import type { Block } from "../wire/block.ts";
import { WireError } from "../wire/msgpack.ts";
import type { AdmissionRefusal } from "../wire/results.ts";
import type { StateRoot } from "../wire/state-root.ts";
import { decodeTransaction } from "../wire/transaction.ts";
import type { TransactionHashes } from "../wire/transaction-hashes.ts";
import { ChainAnswers } from "./chain-answers.ts";
import {
  type CheckpointMeta,
  checkpointChanges,
  contentsOf,
  FIRST_GENERATION,
  isPageOf,
  META_KEY,
  markTaken,
  tellChanged,
} from "./checkpoint.ts";
import { CheckpointStride, checkpointsDue, writeDelayMs } from "./checkpoint-pace.ts";
import { CheckpointRoom } from "./checkpoint-room.ts";
import { FairQueue } from "./fair-queue.ts";
import { installChanges, loadFetched } from "./fetched-pages.ts";
import { GivenStates } from "./given-states.ts";
import { KnownRoots } from "./known-roots.ts";
import type { PageHashes } from "./page-hashes.ts";
import { WaitingQuestions } from "./waiting-questions.ts";

const NS_PER_MS = 1_000_000n;
/** Between two steps: other work comes first. */
const SEEK_PAUSE_MS = 1;
/**
 * How much is answered before a pause: a few milliseconds' worth, and one question more. A unit is a row that was looked at, or a byte of a
 * question or an answer: to make, encode and send 128 bytes of a record takes about as long as to look at so many rows.
 */
const TURN_WORK_MAX = 32_768;
/** What a question costs that asks and finds nothing. */
const QUESTION_WORK = 256;
/** Between two looks at checkpoints that are given to clients. */
const GIVING_TICK_MS = 1_000;
/** Between two checkpoints that peers ask for. */
const ASKED_PAUSE_MS = 2_000;
/** Between two looks whether the disk has room again for one that is taken and cannot be left out any more. */
const ROOM_RETRY_MS = 1_000;

export interface LedgerActorDeps {
  readonly state: StateMachine;
  /** The checkpoint that the state comes from, and its pages. */
  readonly checkpoint: CheckpointMeta | undefined;
  readonly pages: PageHashes;
  readonly store: Store;
  /** Where the store and the log are. */
  readonly disk: Pick<Disk, "freeBytes">;
  readonly hostLog: Log;
  readonly log: Pick<LogStore, "firstIndex" | "isFull" | "read" | "hash" | "compactTo" | "bytesBefore">;
  readonly logActor: ActorRef<LogMessage>;
  readonly crypto: Crypto;
  readonly hashes: TransactionHashes;
  readonly clusterId: Uint8Array;
  readonly checkpoints: CheckpointBoard;
  readonly node: NodeId;
  /** Hears of the nodes of the cluster when they have changed. */
  readonly present: (nodes: readonly Node[]) => void;
  readonly consensus: () => ActorRef<ConsensusMessage>;
  readonly gateway: () => ActorRef<GatewayMessage>;
  readonly catchUp: () => ActorRef<CatchUpMessage>;
  readonly reactors: () => readonly ActorRef<ReactorMessage>[];
  /** A checkpoint that could not be written: the node must stop. */
  readonly fail: (error: CodedError) => void;
  /** Another checkpoint counts now: the node must start again from it. Nothing runs afterwards. */
  readonly restart: () => void;
  readonly status: StatusBoard;
  readonly perturb?: Perturb | undefined;
}

export interface LedgerActorOptions {
  /** Blocks between checkpoints; where there are many accounts, some more. */
  readonly checkpointBlocks: number;
  /** Blocks that the log keeps before a checkpoint; undefined: all. */
  readonly retainBlocks: number | undefined;
  /** How long a question may wait for the state to come as far. */
  readonly questionPatienceMs: number;
}

type CheckpointWrite = Extract<LedgerMessage, { readonly type: "writeCheckpoint" }>;

/** A query that is decoded. */
interface Asked {
  readonly token: number;
  readonly connection: ConnectionId;
  readonly query: Query;
  readonly publicKey: Uint8Array;
}

export class LedgerActor implements Actor<LedgerMessage> {
  readonly #self: ActorRef<LedgerMessage>;
  readonly #after: ActorContext<LedgerMessage>["after"];
  readonly #later: ActorContext<LedgerMessage>["later"];
  readonly #clock: Clock;
  readonly #deps: LedgerActorDeps;
  readonly #options: LedgerActorOptions;
  readonly #state: StateMachine;
  readonly #chain: ChainAnswers;
  readonly #givenStates: GivenStates;
  /** Ahead of the state. */
  readonly #waiting = new WaitingQuestions();
  /** A timer runs for the oldest of them. */
  #watchesWaiting = false;
  /** The state has come as far, and others are answered before them. */
  readonly #asked = new FairQueue<Question>();
  /** What was answered in this turn has cost so much. */
  #work = 0;
  /** The next turn of answering is to come. */
  #pauses = false;
  /** The query that is on its way to where its answer begins. */
  #sought: Asked | undefined;
  /** Queries that have such a way to go, too. */
  readonly #seeking = new FairQueue<Asked>();
  #checkpointHeight: LogIndex;
  /** A checkpoint became due, and was neither taken nor left out. */
  #isDue = false;
  readonly #knownRoots: KnownRoots;
  readonly #room: CheckpointRoom;
  readonly #stride = new CheckpointStride();
  /** When the newest was taken that a peer had asked for. */
  #askedAtMs = Number.NEGATIVE_INFINITY;
  readonly #generation: number;
  /** Keys of pages that are damaged in the store. */
  readonly #damagedPages = new Set<string>();
  #repairedPages = 0;
  /** A checkpoint is being written, or another is being installed, after which there is none. */
  #checkpointing = false;
  /** The height of a peer's checkpoint that is to be installed. */
  #installing: LogIndex | undefined;
  /** The log stays from here on, for peers that are given a checkpoint. */
  #heldFrom: LogIndex | undefined;
  #present: readonly Node[];
  /** This node leads, and its reactors start when the state has reached this height. */
  #leadFrom: LogIndex | undefined;
  #leading = false;

  constructor(context: ActorContext<LedgerMessage>, deps: LedgerActorDeps, options: LedgerActorOptions) {
    this.#self = context.self;
    this.#after = (delayMs, message) => context.after(delayMs, message);
    this.#later = (message) => context.later(message);
    this.#clock = context.clock;
    this.#deps = deps;
    this.#options = options;
    this.#state = deps.state;
    this.#givenStates = new GivenStates(deps.store, deps.checkpoints);
    this.#chain = new ChainAnswers({ ...deps, givenStates: this.#givenStates });
    this.#checkpointHeight = deps.state.height;
    this.#knownRoots = new KnownRoots(deps.checkpoints);
    this.#room = new CheckpointRoom(deps.disk, deps.hostLog);
    const { checkpoint, pages } = deps;
    this.#generation = checkpoint?.generation ?? FIRST_GENERATION;
    if (checkpoint !== undefined) {
      deps.checkpoints.written = { height: checkpoint.height, root: pages.root(checkpoint.components) };
      this.#knownRoots.own(deps.checkpoints.written);
    }
    this.#present = deps.state.members.present;
    deps.status.post("ledger", () => this.#statusFields());
  }

  /** Whether this node leads and its reactors have been told so. */
  get leading(): boolean {
    return this.#leading;
  }

  receive(message: LedgerMessage): void {
    switch (message.type) {
      case "committed":
        for (const block of message.blocks) {
          this.#apply(block);
          this.#maybeCheckpoint();
          this.#reckonRoot();
        }
        this.#deps.consensus().deliver({ type: "applied", state: this.#state.at, members: this.#state.members.wanted });
        break;
      case "admit":
        this.#admit(message);
        break;
      case "question":
        if (message.height <= this.#state.height) this.#ask(message.question);
        else this.#wait(message.question, message.height);
        break;
      case "questionsDue":
        this.#refuseOverdue();
        break;
      case "forget":
        this.#forget(new Set(message.tokens));
        break;
      case "answerMore":
        this.#pauses = false;
        this.#work = 0;
        this.#answerMore();
        break;
      case "seek":
        this.#seek();
        break;
      case "giving":
        if (this.#givenStates.tick(this.#clock.monotonicMs())) this.#after(GIVING_TICK_MS, { type: "giving" });
        break;
      case "leader":
        this.#leaderChanged(message.leader === this.#deps.node ? message.readyAt : undefined);
        break;
      case "writeCheckpoint":
        this.#writeWithRoom(message);
        break;
      case "checkpointed":
        this.#checkpointed(message.written);
        break;
      case "pageDamaged":
        this.#pageDamaged(message.key);
        break;
      case "takeCheckpoint":
        if (this.#state.height > this.#checkpointHeight) this.#checkpointAsked();
        break;
      case "rootAsked":
        this.#knownRoots.asked(message.by, message.height);
        this.#reckonRoot();
        break;
      case "holdLog":
        this.#heldFrom = message.from;
        break;
      case "install":
        this.#installing = message.height;
        if (!this.#checkpointing) this.#install();
        break;
    }
  }

  /** What is answered in one turn of the event loop after another is bounded; where none is left over, that needs no pause. */
  drained(): void {
    if (!this.#pauses) this.#work = 0;
  }

  #apply(block: Block): void {
    const before = this.#checkpointsDue();
    const applied = this.#state.apply(block);
    if (this.#stride.isDue(before, this.#checkpointsDue())) this.#isDue = true;
    this.#deps.gateway().deliver({ type: "applied", applied });
    // Before the state that they belong to: whose signatures on it count, they say.
    this.#tellPresent();
    this.#notifyReactors(this.#noticeOf(applied));
    for (const question of this.#waiting.takeReached(this.#state.height)) this.#ask(question);
    this.#maybeLead();
  }

  #noticeOf(applied: Applied): AppliedNotice {
    return {
      type: "applied",
      height: this.#state.height,
      timestamp: this.#state.timestamp,
      digest: applied.digest,
      blockHash: applied.block.hash,
      historyRoot: applied.historyRoot,
      events: applied.events,
      nextDeadline: this.#state.nextDeadline(),
    };
  }

  #wait(question: Question, height: LogIndex): void {
    this.#waiting.add(question, height, this.#clock.monotonicMs() + this.#options.questionPatienceMs);
    if (!this.#watchesWaiting) this.#watchWaiting();
  }

  #watchWaiting(): void {
    const { deadlineMs } = this.#waiting;
    this.#watchesWaiting = deadlineMs !== undefined;
    if (deadlineMs !== undefined) this.#after(deadlineMs - this.#clock.monotonicMs(), { type: "questionsDue" });
  }

  #refuseOverdue(): void {
    for (const { token } of this.#waiting.takeOverdue(this.#clock.monotonicMs())) {
      this.#deps.gateway().deliver({ type: "questionRefused", token, code: "behind" });
    }
    this.#watchWaiting();
  }

  /** What is sought is on its way already, and its next step is due. */
  #forget(tokens: ReadonlySet<number>): void {
    this.#waiting.forget(tokens);
    const isGone = ({ token }: { readonly token: number }): boolean => tokens.has(token);
    this.#asked.drop(isGone);
    this.#seeking.drop(isGone);
  }

  #admit({ batch, transactions }: Extract<LedgerMessage, { readonly type: "admit" }>): void {
    const now = this.#wallNs();
    const refusals = transactions.map((signed) => this.#refusalOf(signed, now));
    this.#deps.gateway().deliver({ type: "admitted", batch, refusals });
  }

  #refusalOf({ encoded, transaction }: SignedTransaction, now: bigint): AdmissionRefusal | undefined {
    return this.#state.admission(transaction, this.#deps.hashes.of(encoded), now);
  }

  #wallNs(): bigint {
    return BigInt(this.#clock.wallMs()) * NS_PER_MS;
  }

  #ask(question: Question): void {
    this.#asked.add(question.connection, question);
    this.#answerMore();
  }

  /**
   * A thousand questions may come in one packet, and blocks, ticks and peers must not wait for them all. Whoever is answered
   * later is told of a later state, which has seen all that it had to see.
   */
  #answerMore(): void {
    while (!this.#pauses && this.#asked.count > 0) {
      if (this.#work < TURN_WORK_MAX) this.#answer(must(this.#asked.take(), "somebody asks"));
      else {
        this.#pauses = true;
        this.#later({ type: "answerMore" });
      }
    }
  }

  #answer(question: Question): void {
    const { token } = question;
    const gateway = this.#deps.gateway();
    if (question.kind === "admission") {
      const { transaction: encoded } = question;
      this.#work += QUESTION_WORK + encoded.length;
      const refusal = this.#refusalOf({ encoded, transaction: decodeTransaction(encoded) }, this.#wallNs());
      gateway.deliver({ type: "admission", token, ...(refusal === undefined ? {} : { refusal }) });
      return;
    }
    const before = this.#state.rowsRead;
    try {
      this.#query({ ...question, query: decodeQuery(question.query) });
    } catch (error) {
      if (!(error instanceof WireError || error instanceof QueryRefusal)) throw error;
      gateway.deliver({ type: "answerRefused", token, code: error.code, message: error.message });
    }
    this.#work += QUESTION_WORK + question.query.length + this.#state.rowsRead - before;
  }

  /**
   * What lies deep in the history is reached in steps, with whatever else there is to do between them; nobody takes a
   * step for a stranger.
   */
  #query(asked: Asked): void {
    if (this.#state.readerOf(asked.publicKey) === undefined) {
      this.#reply(asked);
      return;
    }
    if (this.#sought !== undefined && asked.query.type === "changeEvents") this.#seeking.add(asked.connection, asked);
    else if (this.#isPrepared(asked.query)) this.#reply(asked);
    else {
      this.#sought = asked;
      this.#after(SEEK_PAUSE_MS, { type: "seek" });
    }
  }

  /** One after the other: there is one way back, and two who went it in turns would never arrive. */
  #seek(): void {
    const sought = must(this.#sought, "somebody seeks");
    if (this.#isPrepared(sought.query)) {
      this.#sought = this.#seeking.take();
      this.#reply(sought);
    }
    if (this.#sought !== undefined) this.#after(SEEK_PAUSE_MS, { type: "seek" });
  }

  #isPrepared(query: Query): boolean {
    return isChainQuery(query) || this.#state.prepare(query);
  }

  #reply(asked: Asked): void {
    const { token, query, publicKey } = asked;
    const gateway = this.#deps.gateway();
    const reader = this.#state.readerOf(publicKey);
    if (reader === undefined) {
      gateway.deliver({ type: "answerRefused", token, code: "unknown_key", message: "the key is not in the registry" });
      return;
    }
    if (query.type === "handOver") {
      this.#handOver({ ...asked, query });
      return;
    }
    if (query.type === "scrub") {
      this.#scrub(token, publicKey);
      return;
    }
    const answer = isChainQuery(query) ? this.#answerOfChain(query, reader) : this.#state.query(query, reader);
    const encoded = encodeAnswer(answer);
    this.#work += encoded.length;
    gateway.deliver({ type: "answer", token, answer: encoded });
  }

  #answerOfChain(query: Exclude<ChainQuery, HandOverQuery | ScrubQuery>, reader: Reader): QueryAnswer {
    const gave = this.#givenStates.oldest !== undefined;
    try {
      return this.#chain.answer(query, reader, this.#clock.monotonicMs());
    } finally {
      if (!gave && this.#givenStates.oldest !== undefined) this.#after(GIVING_TICK_MS, { type: "giving" });
    }
  }

  #tellPresent(): void {
    const { present } = this.#state.members;
    if (present === this.#present) return;
    this.#present = present;
    this.#deps.present(present);
  }

  /** Who may ask stands in the state; whether it can be done, consensus says. */
  #handOver({ token, query, publicKey }: Asked & { readonly query: HandOverQuery }): void {
    if (!this.#state.mayOperate(publicKey)) {
      throw new QueryRefusal("not_authorized", "who leads is for admins and operators to say");
    }
    const { height, timestamp } = this.#state;
    const { to } = query;
    const answer = encodeAnswer({ type: "handOver", to, height, timestamp: timestamp.toString() });
    this.#deps.consensus().deliver({ type: "handOver", request: { token, to, answer } });
  }

  #scrub(token: number, publicKey: Uint8Array): void {
    if (!this.#state.mayOperate(publicKey)) {
      throw new QueryRefusal("not_authorized", "reading everything again is for admins and operators to ask for");
    }
    const { height, timestamp } = this.#state;
    this.#deps.logActor.deliver({ type: "scrub" });
    const answer = encodeAnswer({ type: "scrub", height, timestamp: timestamp.toString() });
    this.#deps.gateway().deliver({ type: "answer", token, answer });
  }

  #leaderChanged(leadFrom: LogIndex | undefined): void {
    if (this.#leading) this.#notifyReactors({ type: "follow" });
    this.#leading = false;
    this.#leadFrom = leadFrom;
    this.#maybeLead();
  }

  #maybeLead(): void {
    if (this.#leading || this.#leadFrom === undefined || this.#state.height < this.#leadFrom) return;
    this.#leading = true;
    this.#notifyReactors({ type: "lead", openIntents: this.#state.openIntents() });
  }

  /** A reactor that is down for a restart misses a notice; it catches up from the outbox when it comes back. */
  #notifyReactors(message: ReactorMessage): void {
    for (const reactor of this.#deps.reactors()) reactor.deliver(message);
  }

  /** At the same heights on all nodes, as long as each keeps up: then they sign the same pages, and vouch for them. */
  #maybeCheckpoint(): void {
    const { perturb = unperturbed } = this.#deps;
    if (this.#isDue || this.#damagedPages.size > 0 || perturb("earlyCheckpoint")) this.#checkpoint();
  }

  #checkpointsDue(): number {
    const { height, logBytes, ledger } = this.#state;
    return checkpointsDue({ height, logBytes, accounts: ledger.accountCount }, this.#options.checkpointBlocks);
  }

  /** The state has what the page should hold: the next checkpoint, which is taken now, writes it again. */
  #pageDamaged(key: string): void {
    if (key !== META_KEY && !isPageOf(this.#state, this.#generation, key)) return;
    this.#damagedPages.add(key);
    this.#checkpoint();
  }

  /** One that peers ask for is of a height that others do not take: however often they ask, those that all take come, too. */
  #checkpointAsked(): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#checkpointing || nowMs - this.#askedAtMs < ASKED_PAUSE_MS) return;
    this.#checkpoint();
    if (this.#checkpointing) this.#askedAtMs = nowMs;
  }

  #checkpoint(): void {
    // What falls due while one is being written is left out: a block later it would be like no other node's. While the
    // disk is full, or has not the room, the next block asks again.
    if (this.#checkpointing) this.#isDue = false;
    if (this.#checkpointing || this.#deps.log.isFull()) return;
    const { height } = this.#state;
    const givenUp = this.#deps.log.bytesBefore(this.#logFrom(height));
    if (!this.#room.mayHaveRoom(givenUp)) return;
    const { pages, node, checkpoints } = this.#deps;
    const taking = { damaged: this.#damagedPages, tell: pages.take };
    const changes = checkpointChanges(this.#state, this.#generation, taking);
    if (!this.#room.hasRoomFor(changes, { height, givenUp })) return;
    markTaken(this.#state);
    this.#checkpointing = true;
    this.#stride.begun();
    this.#isDue = false;
    this.#repairedPages += this.#damagedPages.size;
    this.#damagedPages.clear();
    const written = this.#rootNow();
    // Others may ask as soon as the state is further, and what its pages were does not depend on the disk.
    this.#knownRoots.own(written);
    checkpoints.taking = written.height;
    const { present } = this.#state.members;
    const turn = present.findIndex(({ id }) => id === node);
    const write = { type: "writeCheckpoint", changes, written } as const;
    if (turn > 0) this.#after(writeDelayMs(turn, present.length), write);
    else this.#write(write);
  }

  /**
   * Since it was taken others may have filled the disk. The pages that it holds are not marked as changed any more, so it can
   * be dropped only for one of a peer, which has all pages.
   */
  #writeWithRoom(write: CheckpointWrite): void {
    const { height } = write.written;
    const givenUp = this.#deps.log.bytesBefore(this.#logFrom(height));
    if (this.#room.stillHasRoomFor(write.changes, { height, givenUp })) {
      this.#write(write);
      return;
    }
    const isDropped = this.#installing !== undefined && this.#installing > this.#state.height;
    if (this.#installing !== undefined) this.#install();
    if (!isDropped) this.#after(ROOM_RETRY_MS, write);
  }

  #write({ changes, written }: CheckpointWrite): void {
    const { store, fail } = this.#deps;
    store.write(changes, (error) => {
      if (error === undefined) this.#self.deliver({ type: "checkpointed", written });
      else fail(error);
    });
  }

  #checkpointed(written: StateRoot): void {
    this.#stride.written();
    this.#checkpointHeight = written.height;
    this.#deps.checkpoints.written = written;
    this.#deps.checkpoints.taking = undefined;
    this.#checkpointing = false;
    this.#compactLog();
    if (this.#installing !== undefined) this.#install();
    else this.#maybeCheckpoint();
  }

  /** Of the pages as they stand, all of which must have been told. */
  #rootNow(): StateRoot {
    const { height, components } = contentsOf(this.#state);
    return { height, root: this.#deps.pages.root(components) };
  }

  /** Nothing is written where a peer wants to know what the pages are now, so a full disk is no matter. */
  #reckonRoot(): void {
    this.#knownRoots.reached(this.#state.height, this.#clock.monotonicMs(), () => {
      tellChanged(this.#state, this.#deps.pages.take);
      return this.#rootNow();
    });
  }

  #compactLog(): void {
    const from = this.#logFrom(this.#checkpointHeight);
    if (from > this.#deps.log.firstIndex()) this.#deps.log.compactTo(from);
  }

  /** From where on the log is kept beside a checkpoint of a height. */
  #logFrom(height: LogIndex): LogIndex {
    const { retainBlocks } = this.#options;
    if (retainBlocks === undefined) return this.#deps.log.firstIndex();
    return Math.min(height - retainBlocks, this.#heldFrom ?? height, this.#givenStates.oldest ?? height);
  }

  /** The state may have come as far by itself meanwhile. If not, this is the last that this node writes of checkpoints. */
  #install(): void {
    const { store, restart, fail, catchUp } = this.#deps;
    const height = must(this.#installing, "something is to be installed");
    this.#installing = undefined;
    if (height <= this.#state.height) {
      catchUp().deliver({ type: "notInstalled" });
      return;
    }
    const fetched = must(loadFetched(store), "what is to be installed is noted");
    assert(fetched.height === height, `height ${height} is to be installed, and ${fetched.height} is fetched`);
    this.#checkpointing = true;
    store.write(installChanges(fetched), (error) => (error === undefined ? restart() : fail(error)));
  }

  #statusFields(): StatusFields {
    return {
      height: this.#state.height,
      timestamp: this.#state.timestamp,
      digest: toHex(this.#state.digest),
      release: this.#state.release,
      checkpointHeight: this.#checkpointHeight,
      checkpointGeneration: this.#generation,
      damagedPages: this.#damagedPages.size,
      repairedPages: this.#repairedPages,
      questionsWaiting: this.#waiting.count + this.#asked.count + this.#seeking.count,
      statesGiven: this.#givenStates.count,
      sessions: this.#state.sessionCount,
      openIntents: this.#state.openIntentCount,
      leading: this.#leading,
    };
  }
}
