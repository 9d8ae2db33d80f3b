/**
 * The mending actor: runs alone on a node whose log is damaged, which takes no part in anything meanwhile: it votes for
 * nobody and acknowledges nothing, for it does not know what it has promised. It fetches what is lost from its peers, gives
 * them what they have lost, and when the log is whole the node starts again.
 *
 * What lies before a sound block is demanded by its hash, and comes from whoever has it. Where the end of the log is lost,
 * only the leader of a term that is not before this node's own knows how it went on: all that this node can have helped to
 * commit was acknowledged to that leader or to an earlier one, so it is in that leader's log (consensus/README.md).
 */
import type { DamagedLog } from "../../storage/wal/damaged-log.ts";
import type { Hole } from "../../storage/wal/holes.ts";
import type { LogStart, WalRecord } from "../../storage/wal/log-store.ts";
import type { Actor, ActorContext } from "../actor/actor.ts";
import { must } from "../base/assert.ts";
import { equalBytes } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import type { LogIndex, NodeId, Term } from "../base/ids.ts";
import { BLOCK_BYTES_MAX } from "../base/limits.ts";
import type { Sha256 } from "../base/ports/crypto.ts";
import type { Log } from "../base/ports/log.ts";
import type { Random } from "../base/ports/random.ts";
import type { Store } from "../base/ports/store.ts";
import { RefusedFrames } from "../messages/refused-frames.ts";
import type { MendingMessage } from "../messages/repair.ts";
import { decodeBlock } from "../wire/block.ts";
import { WireError } from "../wire/msgpack.ts";
import { BlockFetcher } from "./block-fetcher.ts";
import { BlockGiver } from "./block-giver.ts";
import { EndQuestion } from "./end-question.ts";
import { contradicts, isEndBefore, type KnownBlock } from "./known-chain.ts";
import { readableBlock } from "./readable-block.ts";
import { decodeRepair, type RepairFrame } from "./repair-frames.ts";
import { repairLane } from "./repair-lane.ts";
import { repairedBlocks, repairedChange } from "./repaired-count.ts";
import { FORGET_RESTART, restartChange } from "./restart-note.ts";

const TICK_MS = 50;
/** What no peer has is asked for again for so long before this node stops; till then it tells others that it lacks it, too. */
const LOST_MS = 10_000;
/** Between two attempts to write where the disk is full. */
const RETRY_MS = 1_000;
/** Of an end that was said, so much is held that follows nothing that is there: more than any two logs differ in. */
const HELD_BYTES = 32 * BLOCK_BYTES_MAX;
/** Between two lines in the log that say what is waited for. */
const SAY_MS = 10_000;

const WAITS_FOR = { asking: "a leader", fetching: "a block", full: "room on the disk" } as const;

/** The end of the log as a peer has said it. */
interface SaidEnd {
  readonly by: NodeId;
  /** The first index that was lost. */
  readonly first: LogIndex;
}

export interface MendingActorDeps {
  readonly log: DamagedLog;
  readonly store: Store;
  readonly hostLog: Log;
  readonly sha256: Sha256;
  readonly clusterId: Uint8Array;
  /** What the first block is chained to. */
  readonly genesisHash: Uint8Array;
  /** The newest term that this node may have acknowledged something in. */
  readonly term: Term;
  /** The node's own checkpoint: whatever is said of the log, this block is in it. */
  readonly checkpoint: LogStart | undefined;
  /** Logs may forget what is before a checkpoint: this one may begin behind the node's own. */
  readonly mayForget: boolean;
  /** Has a peer's checkpoint fetched, of at least this height, which the node starts again with; undefined where logs forget nothing. */
  readonly wantCheckpoint: ((atLeast: LogIndex) => void) | undefined;
  /** Why the log was not opened. */
  readonly reason: string;
  /** Blocks that are fetched are written at the latest when they are so many bytes. */
  readonly segmentBytes: number;
  readonly peers: readonly NodeId[];
  /** Whether these could elect a leader. */
  readonly isQuorum: (holds: (node: NodeId) => boolean) => boolean;
  readonly random: Random;
  /** Hears whether something is on its way to the log. */
  readonly isWriting: (is: boolean) => void;
  readonly sendPeer: (to: NodeId, payload: Uint8Array) => boolean;
  /** Tells a leader of an earlier term this node's, which no election may bring about otherwise. */
  readonly tellTerm: (leader: NodeId) => void;
  /** The log is whole: the node starts again. */
  readonly restart: () => void;
  /** The node must stop. */
  readonly fail: (error: CodedError) => void;
}

export class MendingActor implements Actor<MendingMessage> {
  readonly #context: ActorContext<MendingMessage>;
  readonly #deps: MendingActorDeps;
  readonly #fetcher: BlockFetcher;
  readonly #giver: BlockGiver;
  readonly #endQuestion: EndQuestion;
  /** Nothing was found wrong: if it does not open again for the same reason, it cannot be mended. */
  readonly #wasWhole: boolean;
  /** All up to here is known to be committed: the newest block that is sound says how far its leader had applied the log. */
  readonly #committed: LogIndex;
  /** Fetched and not handed to the log, from the highest to the lowest. */
  #taken: WalRecord[] = [];
  #takenBytes = 0;
  /** `full`: the disk has no room for what has come. */
  #phase: "asking" | "fetching" | "writing" | "full" = "writing";
  /** Nobody has what is wanted, and it need not have been committed: a leader is asked how the log went on, too. */
  #isDoubted = false;
  #triedAtMs = 0;
  /** How the log ends a peer has said, as one that leads; until its blocks follow what this node has, that need not be so. */
  #said: SaidEnd | undefined;
  #endsRefused = 0;
  /** What is known to be committed and no peer has, and since when. */
  #lost: { readonly height: LogIndex; readonly sinceMs: number } | undefined;
  /** When something that was wanted has come, or was asked for first. */
  #progressAtMs = 0;
  #repaired = 0;
  readonly #refused: RefusedFrames;
  #saidAtMs: number;

  constructor(context: ActorContext<MendingMessage>, deps: MendingActorDeps) {
    this.#context = context;
    this.#deps = deps;
    const { log, sha256, clusterId, peers, hostLog } = deps;
    this.#refused = new RefusedFrames(hostLog, "mend.frame_refused");
    this.#wasWhole = log.isWhole;
    this.#committed = committedIn(log, sha256);
    const { send, nextQuestion } = repairLane(deps.sendPeer, deps.random);
    this.#fetcher = new BlockFetcher({ sha256, clusterId, peers: () => peers, nextQuestion, send });
    const { term, isQuorum } = deps;
    this.#endQuestion = new EndQuestion({ term, peers, isQuorum, nextQuestion, send, isBehind: deps.tellTerm });
    const block = readableBlock((height) => log.read(height));
    this.#giver = new BlockGiver({ block, end: () => (this.#hole?.hash === undefined ? "mending" : "follows"), send });
    this.#saidAtMs = context.clock.monotonicMs();
    for (const { code, facts } of log.faults) hostLog.warn("mend.damage", { code, ...facts });
    for (const { from, to, hash } of log.holes) hostLog.warn("mend.lost", { from, to, isEnd: hash === undefined });
    context.after(TICK_MS, { type: "tick" });
    this.#write((done) => log.write(done));
  }

  receive(message: MendingMessage): void {
    const nowMs = this.#context.clock.monotonicMs();
    switch (message.type) {
      case "peerFrame":
        this.#frame(message.from, message.payload, nowMs);
        break;
      case "tick":
        this.#context.after(TICK_MS, { type: "tick" });
        this.#tick(nowMs);
        break;
      case "written":
        this.#goOn(nowMs);
        break;
    }
  }

  get #hole(): Hole | undefined {
    return this.#deps.log.holes.at(-1);
  }

  #frame(from: NodeId, payload: Uint8Array, nowMs: number): void {
    try {
      const frame = decodeRepair(payload);
      if (frame.type === "want" || frame.type === "wantEnd") this.#giver.answer(from, frame);
      else if (frame.type !== "blocks") this.#endSaid(from, frame, nowMs);
      else if (this.#phase === "fetching") this.#blocks(from, frame, nowMs);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#refused.refuse(from, error.message);
    }
  }

  #tick(nowMs: number): void {
    if (this.#phase === "full" && nowMs - this.#triedAtMs >= RETRY_MS) {
      this.#triedAtMs = nowMs;
      this.#write((done) => this.#deps.log.write(done));
    }
    if (this.#phase === "asking" || this.#isDoubted) this.#endQuestion.tick(nowMs);
    if (this.#phase === "fetching") {
      this.#fetcher.tick(nowMs);
      // Nobody waits for a peer that is down where there is another way: a checkpoint, or the log without what is wanted.
      const mayDoWithout = this.#deps.wantCheckpoint !== undefined || this.#mayBeUncommitted;
      const isLate = mayDoWithout && nowMs - this.#progressAtMs >= LOST_MS;
      if (this.#fetcher.isNowhere || isLate) this.#nowhere(nowMs);
    }
    if (nowMs - this.#saidAtMs < SAY_MS || this.#phase === "writing") return;
    this.#saidAtMs = nowMs;
    const { hostLog } = this.#deps;
    const height = this.#fetcher.wanted?.height ?? this.#hole?.from ?? 0;
    hostLog.warn("mend.waiting", { for: WAITS_FOR[this.#phase], height });
    if (this.#phase === "asking" && this.#endQuestion.isLeaderless) hostLog.warn("mend.no_leader_possible", { height });
  }

  /**
   * Whether what the newest hole had need not have been committed. Where nobody has it a leader may say how the log went on, as
   * where the end is lost; until one has, what stands behind the hole stays, for this node and for others that want it.
   */
  get #mayBeUncommitted(): boolean {
    const hole = this.#hole;
    return hole?.hash !== undefined && hole.to > this.#committed;
  }

  /** What is next: the newest hole. */
  #goOn(nowMs: number): void {
    this.#progressAtMs = nowMs;
    const hole = this.#hole;
    this.#isDoubted = false;
    if (hole === undefined) this.#finish();
    else if (hole.hash === undefined) this.#askForEnd(nowMs);
    else {
      this.#phase = "fetching";
      this.#fetcher.want({ height: hole.to, hash: hole.hash, downTo: hole.from }, nowMs);
    }
  }

  #endSaid(from: NodeId, frame: RepairFrame, nowMs: number): void {
    if (this.#phase !== "asking" && !this.#isDoubted) return;
    const { log, hostLog, checkpoint, fail } = this.#deps;
    const end = this.#endQuestion.receive(from, frame);
    const { from: first } = must(this.#hole, "something is lost");
    if (this.#phase === "asking" && this.#endQuestion.isHopeless) fail(lost(first));
    if (end === undefined) return;
    const { term, index, hash } = end;
    if (index < this.#committed || (checkpoint !== undefined && isEndBefore(checkpoint, end))) {
      this.#refuseEnd(from, index, nowMs);
      return;
    }
    hostLog.info("mend.end", { leader: from, term, index });
    if (this.#isDoubted) {
      hostLog.warn("mend.end_forgotten", { from: first });
      this.#stopFetching();
      log.loseFrom(first);
    }
    this.#said = { by: from, first };
    log.endAt(index, hash);
    this.#write((done) => log.write(done));
  }

  #blocks(from: NodeId, frame: Extract<RepairFrame, { readonly type: "blocks" }>, nowMs: number): void {
    const taken = this.#fetcher.receive(from, frame, nowMs);
    const lowest = taken.at(-1);
    if (lowest === undefined) {
      if (this.#fetcher.isNowhere) this.#nowhere(nowMs);
      return;
    }
    this.#isDoubted = false;
    if (lowest.index <= (this.#lost?.height ?? 0)) this.#lost = undefined;
    this.#progressAtMs = nowMs;
    const known = this.#known;
    if (taken.some((record) => known.some((block) => contradicts(block, record)))) {
      this.#refuseChain(nowMs);
      return;
    }
    this.#taken.push(...taken);
    for (const { payload } of taken) this.#takenBytes += payload.length;
    const height = lowest.index - 1;
    const { segmentBytes } = this.#deps;
    const before = this.#hashBefore(height);
    const joins = before !== undefined && equalBytes(before, lowest.previousHash);
    if (joins) this.#said = undefined;
    // What was said to be the end takes the place of nothing that is sound before it is seen to follow something that is.
    const isLost = this.#said === undefined || lowest.index > this.#said.first;
    if (joins || (isLost && this.#takenBytes >= segmentBytes)) this.#fill();
    else if (this.#takenBytes >= HELD_BYTES) this.#refuseChain(nowMs);
    else {
      const downTo = Math.min(height, must(this.#hole, "blocks fill a hole").from);
      this.#fetcher.want({ height, hash: lowest.previousHash, downTo }, nowMs);
    }
  }

  /** What blocks may not contradict. */
  get #known(): readonly KnownBlock[] {
    const { log, checkpoint } = this.#deps;
    const index = log.firstIndex - 1;
    const start = { index, hash: must(this.#hashBefore(index), "what the log begins behind is known") };
    const committed = log.hash(this.#committed);
    const newest = committed === undefined ? [] : [{ index: this.#committed, hash: committed }];
    return checkpoint === undefined || checkpoint.index < index ? [start, ...newest] : [start, checkpoint, ...newest];
  }

  /** The blocks that were fetched do not lead to what this node knows to be committed: how the log ends is asked for again. */
  #refuseChain(nowMs: number): void {
    const from = this.#said?.first ?? must(this.#hole, "blocks fill a hole").from;
    this.#stopFetching();
    this.#deps.log.loseFrom(from);
    this.#refuseEnd(this.#said?.by, from, nowMs);
  }

  /** Nobody has what was said to be there: whoever led then may not any more, or nobody ever had such a block. */
  #forgetSaid({ by, first }: SaidEnd, nowMs: number): void {
    this.#stopFetching();
    this.#deps.log.loseFrom(first);
    this.#endQuestion.holdBack(by);
    this.#askForEnd(nowMs);
  }

  #refuseEnd(by: NodeId | undefined, height: LogIndex, nowMs: number): void {
    this.#endsRefused += 1;
    this.#deps.hostLog.warn("mend.end_refused", { from: by ?? 0, height, refused: this.#endsRefused });
    if (by !== undefined) this.#endQuestion.holdBack(by);
    if (this.#isDoubted) this.#endQuestion.ask(nowMs);
    else this.#askForEnd(nowMs);
  }

  #askForEnd(nowMs: number): void {
    this.#said = undefined;
    this.#phase = "asking";
    this.#endQuestion.ask(nowMs);
  }

  #hashBefore(height: number): Uint8Array | undefined {
    return height === 0 ? this.#deps.genesisHash : this.#deps.log.hash(height);
  }

  #fill(): void {
    const records = this.#taken.toReversed();
    this.#stopFetching();
    this.#repaired += records.length;
    const { log, hostLog } = this.#deps;
    hostLog.info("mend.repaired", { from: records[0]?.index ?? 0, to: records.at(-1)?.index ?? 0 });
    this.#write((done) => log.fill(records, done));
  }

  #write(start: (done: (error?: CodedError) => void) => void): void {
    this.#phase = "writing";
    const { hostLog, fail, isWriting } = this.#deps;
    isWriting(true);
    start((error) => {
      isWriting(false);
      if (error === undefined) this.#context.self.deliver({ type: "written" });
      else if (error.facts["disk"] === "disk_full") {
        hostLog.warn("mend.disk_full");
        this.#phase = "full";
      } else fail(error);
    });
  }

  /** No peer has what is wanted, or one that may is not there. */
  #nowhere(nowMs: number): void {
    const { log, wantCheckpoint, hostLog, fail } = this.#deps;
    const said = this.#said;
    const { height } = must(this.#fetcher.wanted, "something is wanted");
    const start = this.#dispensable(height);
    if (start !== undefined) {
      hostLog.warn("mend.given_up", { height, checkpoint: start.index });
      this.#said = undefined;
      const records = this.#taken.toReversed().filter(({ index }) => index > start.index);
      this.#stopFetching();
      log.beginBehind(start);
      this.#write((done) => (records.length > 0 ? log.fill(records, done) : log.write(done)));
      return;
    }
    wantCheckpoint?.(height);
    if (height <= this.#committed) {
      if (this.#lost?.height !== height) this.#lost = { height, sinceMs: nowMs };
      if (wantCheckpoint === undefined && nowMs - this.#lost.sinceMs >= LOST_MS) fail(lost(height));
    }
    if (said !== undefined) this.#forgetSaid(said, nowMs);
    else if (this.#mayBeUncommitted && !this.#isDoubted) {
      this.#isDoubted = true;
      this.#endQuestion.ask(nowMs);
    }
  }

  /**
   * Where the log may begin, if it can do without the block at a height: behind the checkpoint, where that is of the chain
   * that the log is known to be of. A log that ends before the checkpoint is of no use any more.
   */
  #dispensable(height: LogIndex): LogStart | undefined {
    const { log, checkpoint, mayForget } = this.#deps;
    if (!mayForget || checkpoint === undefined || checkpoint.index < height) return undefined;
    const { index, hash } = checkpoint;
    const wanted = this.#fetcher.wanted?.height === index ? this.#fetcher.wanted.hash : undefined;
    const here = wanted ?? this.#taken.find((record) => record.index === index)?.hash ?? log.hash(index);
    const isOfChain = here !== undefined && equalBytes(here, hash);
    return isOfChain || index >= log.lastIndex ? checkpoint : undefined;
  }

  #stopFetching(): void {
    this.#fetcher.want(undefined, 0);
    this.#taken = [];
    this.#takenBytes = 0;
  }

  #finish(): void {
    const { store, hostLog, restart, fail, reason } = this.#deps;
    hostLog.info("mend.done", { blocks: this.#repaired });
    const noted = this.#wasWhole ? restartChange(reason) : FORGET_RESTART;
    store.write([repairedChange(repairedBlocks(store) + this.#repaired), noted], (error) => {
      if (error === undefined) restart();
      else fail(error);
    });
  }
}

function committedIn(log: DamagedLog, sha256: Sha256): LogIndex {
  const block = readableBlock((height) => log.read(height));
  for (let height = log.lastIndex; height >= log.firstIndex; height--) {
    const bytes = block(height);
    if (bytes !== undefined) return decodeBlock(sha256, bytes).header.state.height;
  }
  return log.firstIndex - 1;
}

function lost(height: number): CodedError {
  const text = `block ${height} is lost here, and no other node has it; keep all data, and see docs/operating.md`;
  return new CodedError("blocks_lost", text, { height });
}
