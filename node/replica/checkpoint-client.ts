/**
 * Fetches a peer's checkpoint: a few pages at a time, each chunk asked for until it comes, no faster than the bound of
 * bytes a second. Pages go into the store as they come, so that a crash, a peer that is gone, or one that was restarted
 * costs no more than what was on its way; a peer whose checkpoint is another one makes it begin anew. Others must vouch for
 * what is whole, then it is loaded once, to see that it is sound, before it is handed to the ledger to be installed. Not
 * before: pages that are made up can take any time and any memory to load.
 */
import type { ActorRef } from "../actor/actor.ts";
import { must } from "../base/assert.ts";
import { CodedError } from "../base/errors.ts";
import type { LogIndex, NodeId } from "../base/ids.ts";
import { CATCH_UP_BYTES_PER_SECOND } from "../base/limits.ts";
import type { Sha256 } from "../base/ports/crypto.ts";
import type { Log } from "../base/ports/log.ts";
import type { Store, StoreChange } from "../base/ports/store.ts";
import type { LedgerMessage } from "../messages/ledger.ts";
import type { StateMachine } from "../state/state-machine.ts";
import type { CatchUpFrame, PagePlace } from "./catch-up-frames.ts";
import { type CheckpointContents, checkBooks, pageKey, restorePages } from "./checkpoint.ts";
import {
  type FetchedCheckpoint,
  FORGET_NOTE,
  fetchedRoot,
  loadFetched,
  lookAtGenerations,
  missingPages,
  noteChange,
  pageCountOf,
  sameCheckpoint,
  sweepChanges,
} from "./fetched-pages.ts";
import { Inquiry } from "./inquiry.ts";
import { type Asker, hasSay, isNeeded, mayBeQuorum } from "./standing.ts";
import { canDecide, type Judgement, judge, saidText } from "./vouchers.ts";

/** Pages that are asked for at a time. */
const WINDOW_PAGES = 8;
/** After this a chunk, an offer, or what others say of it, is asked for again. */
const RESEND_MS = 500;
/** After this a peer is given up. */
const SILENCE_MS = 3_000;
/** From when all pages are there: so long others have to come as far. */
const VOUCHING_MS: number = 2 * SILENCE_MS;
/** How often others are asked to vouch for one checkpoint before it is enough that nobody has another. */
const ROUNDS_MAX = 3;
/** Between a refusal, or a checkpoint of no use, and the next question. */
const PAUSE_MS = 200;
/** Bytes that the bound lets come at once after a pause. */
const BURST_BYTES: number = CATCH_UP_BYTES_PER_SECOND / 16;
/** Bytes in one write, and those that may be on their way to the store. */
const WRITE_BYTES = 1_048_576;
const UNSTORED_BYTES_MAX = 8 * 1_048_576;

export interface CheckpointClientDeps {
  readonly store: Store;
  readonly ledger: ActorRef<LedgerMessage>;
  readonly log: Log;
  readonly send: (to: NodeId, frame: CatchUpFrame) => void;
  /** How far this node's own state has come. */
  readonly height: () => LogIndex;
  /** Who may vouch for a checkpoint: all nodes but this one. */
  readonly peers: () => readonly NodeId[];
  /** As who this node asks, given who of its peers can take part in a decision. */
  readonly asker: (canDecide: ReadonlyMap<NodeId, boolean>) => Asker;
  /** A fresh state, to load into. */
  readonly createState: () => StateMachine;
  readonly sha256: Sha256;
  /** Whether the disk has room for more than what must go on it. */
  readonly hasRoom: () => boolean;
  /** A write is durable: `bytes` of pages, or a note. */
  readonly stored: (bytes: number) => void;
  readonly swept: () => void;
  /** A write that failed: the node must stop. */
  readonly fail: (error: CodedError) => void;
}

/** A page of which some part is wanted. */
interface Job extends PagePlace {
  bytes: Uint8Array;
  received: number;
  /** When its next chunk was asked for; undefined: it is to be. */
  askedAtMs: number | undefined;
}

type Phase = "idle" | "asking" | "fetching" | "vouching" | "installing";

export class CheckpointClient {
  readonly #deps: CheckpointClientDeps;
  #phase: Phase = "idle";
  /** Whom it asks, for at least which height. */
  #from: NodeId = 0;
  #atLeast: LogIndex = 0;
  #askedAtMs = 0;
  /** When something useful was heard last. */
  #heardAtMs = 0;
  #notBeforeMs = 0;
  /** This node was told last that it needs a checkpoint. */
  #wantedAtMs = Number.NEGATIVE_INFINITY;
  /** As noted in the store. */
  #fetched: FetchedCheckpoint | undefined;
  /** Over the pages of what is fetched, once they are all there, which was then. */
  #root: Uint8Array | undefined;
  #wholeAtMs = 0;
  readonly #inquiry: Inquiry;
  /** By who gave it, what others had passed when they were asked: for a newer one, whoever else may be asked in between. */
  readonly #passed = new Map<NodeId, { readonly height: LogIndex; readonly atMs: number }>();
  /** How often others would not vouch for what is fetched. */
  #rounds = 0;
  #vouched = 0;
  #unvouched = 0;
  #newestGeneration: number;
  /** Places whose pages are to be asked for, the next one last. */
  #todo: PagePlace[] = [];
  readonly #jobs = new Map<string, Job>();
  /** Whole pages that are not handed to the store. */
  #ready: StoreChange[] = [];
  #readyBytes = 0;
  #unstoredBytes = 0;
  #fetchedBytes = 0;
  #budgetBytes = BURST_BYTES;
  #budgetAtMs = 0;
  readonly #rubbish: string[];
  #sweeping = false;

  constructor(deps: CheckpointClientDeps) {
    this.#deps = deps;
    const { peers, send } = deps;
    this.#inquiry = new Inquiry({ peers, send, resendMs: RESEND_MS, questions: SILENCE_MS / RESEND_MS });
    this.#fetched = loadFetched(deps.store);
    const { newest, rubbish } = lookAtGenerations(deps.store);
    this.#newestGeneration = newest;
    this.#rubbish = rubbish;
    this.#sweep();
    if (this.#fetched !== undefined && this.#fetched.height <= deps.height()) this.#forget();
  }

  /** Whether it has to be told the time often. */
  get isBusy(): boolean {
    return this.#phase === "asking" || this.#phase === "fetching" || this.#phase === "vouching";
  }

  /** Whether this node needs a checkpoint, as far as it was told. */
  isWaiting(nowMs: number): boolean {
    return this.#phase !== "idle" || nowMs - this.#wantedAtMs < SILENCE_MS;
  }

  status(): { readonly phase: Phase; readonly from: NodeId; readonly [count: string]: number | string } {
    const left = this.#todo.length + this.#jobs.size;
    const pages = this.#fetched === undefined ? 0 : pageCountOf(this.#fetched);
    return {
      phase: this.#phase,
      from: this.#from,
      height: this.#fetched?.height ?? 0,
      pages,
      pagesLeft: this.#phase === "fetching" ? left : 0,
      bytes: this.#fetchedBytes,
      vouched: this.#vouched,
      unvouched: this.#unvouched,
    };
  }

  /** This node cannot go on from the log of `from`, which begins behind `atLeast`. Said again and again while that is so. */
  wanted(from: NodeId, atLeast: LogIndex, nowMs: number): void {
    this.#wantedAtMs = nowMs;
    if (this.#phase === "installing" || nowMs < this.#notBeforeMs) return;
    const height = this.#fetched?.height ?? 0;
    const isIdle = this.#phase === "idle";
    // What nobody has vouched for is gone on with only if whoever leads offers the same.
    if (isIdle && this.#root === undefined && this.#isWhole(atLeast)) {
      this.#from = from;
      this.#inquiry.about(height, nowMs);
      this.#check(nowMs);
    } else if (isIdle || (this.#phase !== "asking" && height < atLeast)) {
      this.#ask(from, Math.max(atLeast, (this.#passed.get(from)?.height ?? 0) + 1), nowMs);
    }
  }

  /** Takes what whoever is asked answers. */
  receive(from: NodeId, frame: CatchUpFrame, nowMs: number): void {
    if (from !== this.#from) return;
    if (frame.type === "offer" && this.#phase === "asking") this.#offered(frame, nowMs);
    else if (frame.type === "refuse" && this.#phase === "asking") this.#refused(frame.height, nowMs);
    else if (frame.type === "chunk" && this.#phase === "fetching") this.#chunk(frame, nowMs);
    else if (frame.type === "gone" && this.#phase === "fetching" && frame.height === this.#fetched?.height) {
      this.#ask(from, this.#atLeast, nowMs);
    }
  }

  /** Takes what a peer says of the checkpoint that it was asked about. */
  vouched(from: NodeId, frame: Extract<CatchUpFrame, { readonly type: "vouched" }>, nowMs: number): void {
    this.#inquiry.heard(from, frame);
    this.#decide(nowMs);
  }

  tick(nowMs: number): void {
    if (!this.isBusy) return;
    if (this.#phase !== "asking") this.#inquiry.ask(nowMs);
    this.#decide(nowMs);
    if (this.#phase === "vouching" || !this.isBusy) return;
    if (nowMs - this.#heardAtMs >= SILENCE_MS) {
      this.#deps.log.info("catch_up.silence", { from: this.#from });
      this.#pause(nowMs);
      return;
    }
    if (this.#phase === "asking") {
      if (nowMs - this.#askedAtMs >= RESEND_MS) this.#sendAsk(nowMs);
      return;
    }
    for (const job of this.#jobs.values()) {
      if (job.askedAtMs !== undefined && nowMs - job.askedAtMs >= RESEND_MS) job.askedAtMs = undefined;
    }
    this.#goOn(nowMs);
  }

  /** A write is durable. */
  stored(bytes: number, nowMs: number): void {
    this.#unstoredBytes -= bytes;
    if (bytes === 0 && !this.#sweeping) {
      // A note: what it no longer names is rubbish.
      this.#rubbish.splice(0, this.#rubbish.length, ...lookAtGenerations(this.#deps.store).rubbish);
      this.#sweep();
    }
    if (this.#phase === "fetching") this.#goOn(nowMs);
  }

  swept(): void {
    this.#sweeping = false;
    this.#sweep();
  }

  /** The ledger has no use for what was fetched. */
  notInstalled(nowMs: number): void {
    this.#forget();
    this.#pause(nowMs);
  }

  /**
   * The peer takes a checkpoint where it stands: others can still tell what their pages are there when they come by. Where that
   * is no further than what others have passed, or it cannot write it for long, nobody may come any further without this node,
   * and it asks for that again.
   */
  #refused(height: LogIndex, nowMs: number): void {
    const passed = this.#passed.get(this.#from);
    if (passed !== undefined && (height <= passed.height || nowMs - passed.atMs >= SILENCE_MS))
      this.#passed.delete(this.#from);
    if (height >= this.#atLeast) this.#inquiry.about(height, nowMs);
    this.#pause(nowMs);
  }

  /** Whether all is there of a checkpoint that is new enough: this node was stopped before it was installed. */
  #isWhole(atLeast: LogIndex): boolean {
    const fetched = this.#fetched;
    return fetched !== undefined && fetched.height >= atLeast && missingPages(this.#deps.store, fetched).length === 0;
  }

  #ask(from: NodeId, atLeast: LogIndex, nowMs: number): void {
    this.#stop("asking");
    this.#from = from;
    this.#atLeast = atLeast;
    this.#heardAtMs = nowMs;
    this.#sendAsk(nowMs);
  }

  #sendAsk(nowMs: number): void {
    this.#askedAtMs = nowMs;
    this.#deps.send(this.#from, { type: "ask", atLeast: this.#atLeast });
  }

  #offered(offer: CheckpointContents, nowMs: number): void {
    const { store, log, height } = this.#deps;
    if (offer.height <= height() || offer.height < this.#atLeast) {
      this.#pause(nowMs);
      return;
    }
    this.#phase = "fetching";
    this.#heardAtMs = nowMs;
    this.#inquiry.about(offer.height, nowMs);
    const goesOn = this.#fetched !== undefined && sameCheckpoint(this.#fetched, offer);
    const fetched = goesOn && this.#fetched !== undefined ? this.#fetched : this.#begin(offer);
    this.#todo = missingPages(store, fetched).reverse();
    const pages = pageCountOf(fetched);
    log.info("catch_up.fetching", { from: this.#from, height: fetched.height, pages, left: this.#todo.length });
    this.#goOn(nowMs);
  }

  #begin({ height, digest, components }: CheckpointContents): FetchedCheckpoint {
    this.#newestGeneration += 1;
    this.#fetchedBytes = 0;
    this.#root = undefined;
    this.#rounds = 0;
    const fetched = { height, digest, components, generation: this.#newestGeneration };
    this.#fetched = fetched;
    this.#write([noteChange(fetched)], 0);
    return fetched;
  }

  #chunk(frame: Extract<CatchUpFrame, { readonly type: "chunk" }>, nowMs: number): void {
    const key = `${frame.component}/${frame.page}`;
    const job = this.#jobs.get(key);
    const fits = job !== undefined && frame.height === this.#fetched?.height && frame.offset === job.received;
    if (!fits || frame.offset + frame.bytes.length > frame.total) return;
    if (job.received === 0) job.bytes = new Uint8Array(frame.total);
    else if (job.bytes.length !== frame.total || frame.bytes.length === 0) return;
    job.bytes.set(frame.bytes, job.received);
    job.received += frame.bytes.length;
    job.askedAtMs = undefined;
    this.#heardAtMs = nowMs;
    this.#budgetBytes -= frame.bytes.length;
    this.#fetchedBytes += frame.bytes.length;
    if (job.received === frame.total) this.#pageCame(key, job);
    this.#goOn(nowMs);
  }

  #pageCame(key: string, { component, page, bytes }: Job): void {
    this.#jobs.delete(key);
    const { generation, components } = this.#fetched as FetchedCheckpoint;
    const name = components[component]?.name ?? "";
    this.#ready.push({ key: pageKey(generation, name, page), value: bytes });
    this.#readyBytes += bytes.length;
  }

  /** Asks for what may be asked for now, stores what has come, and checks all when that is all. */
  #goOn(nowMs: number): void {
    this.#refill(nowMs);
    const { hasRoom } = this.#deps;
    const mayAsk = (): boolean => this.#budgetBytes > 0 && this.#unstoredBytes + this.#readyBytes < UNSTORED_BYTES_MAX;
    if (mayAsk() && hasRoom()) {
      for (const job of this.#jobs.values()) if (job.askedAtMs === undefined) this.#askFor(job, nowMs);
      while (this.#jobs.size < WINDOW_PAGES) {
        const place = this.#todo.pop();
        if (place === undefined) break;
        const job: Job = { ...place, bytes: new Uint8Array(0), received: 0, askedAtMs: undefined };
        this.#jobs.set(`${place.component}/${place.page}`, job);
        this.#askFor(job, nowMs);
      }
    }
    if (this.#readyBytes >= WRITE_BYTES || this.#jobs.size === 0) this.#storeReady();
    if (this.#todo.length + this.#jobs.size + this.#unstoredBytes === 0) this.#check(nowMs);
  }

  #refill(nowMs: number): void {
    const earned = Math.floor(((nowMs - this.#budgetAtMs) * CATCH_UP_BYTES_PER_SECOND) / 1_000);
    this.#budgetBytes = Math.min(BURST_BYTES, this.#budgetBytes + earned);
    this.#budgetAtMs = nowMs;
  }

  #askFor(job: Job, nowMs: number): void {
    job.askedAtMs = nowMs;
    const { component, page, received: offset } = job;
    this.#deps.send(this.#from, { type: "fetch", height: this.#fetched?.height ?? 0, component, page, offset });
  }

  #storeReady(): void {
    if (this.#ready.length === 0) return;
    const changes = this.#ready;
    const bytes = this.#readyBytes;
    this.#ready = [];
    this.#readyBytes = 0;
    this.#unstoredBytes += bytes;
    this.#write(changes, bytes);
  }

  /** All pages are there: the root over them is what others must vouch for. */
  #check(nowMs: number): void {
    const { store, log, sha256 } = this.#deps;
    const fetched = this.#fetched as FetchedCheckpoint;
    try {
      if (this.#root === undefined) {
        this.#root = fetchedRoot(store, fetched, sha256);
        log.info("catch_up.fetched", { from: this.#from, height: fetched.height, bytes: this.#fetchedBytes });
      }
    } catch (error) {
      this.#unusable(error, nowMs);
      return;
    }
    this.#stop("vouching");
    this.#wholeAtMs = nowMs;
    this.#decide(nowMs);
  }

  /**
   * Others vouch for the pages. They are of no use where they cannot be read, or are of a release that this node does not read;
   * nor, where no quorum has computed the same, if the books in them do not balance: its giver's memory may have rotted.
   */
  #install(judgement: "vouched" | "believed", nowMs: number): void {
    const { store, ledger, createState } = this.#deps;
    const fetched = must(this.#fetched, "something is fetched");
    try {
      const state = createState();
      restorePages(store, fetched.generation, fetched, state);
      if (judgement === "believed") checkBooks(state);
    } catch (error) {
      this.#unusable(error, nowMs);
      return;
    }
    this.#vouched += 1;
    this.#stop("installing");
    ledger.deliver({ type: "install", height: fetched.height });
  }

  #unusable(error: unknown, nowMs: number): void {
    if (!(error instanceof CodedError)) throw error;
    const { height } = must(this.#fetched, "something is fetched");
    this.#deps.log.warn("catch_up.unusable", { from: this.#from, height, reason: error.message });
    this.#forget();
    this.#pause(nowMs);
  }

  /** While pages are on their way, they are taken for what their giver says of them: it may be that nobody will vouch for that. */
  #decide(nowMs: number): void {
    const isWhole = this.#phase === "vouching";
    if (!isWhole && this.#phase !== "fetching") return;
    const { log } = this.#deps;
    const said = this.#inquiry.said();
    const root = isWhole ? this.#root : said.get(this.#from);
    if (!(root instanceof Uint8Array)) return;
    const isOver = isWhole && nowMs - this.#wholeAtMs >= VOUCHING_MS;
    const asker = this.#deps.asker(new Map([...said].map(([node, one]) => [node, canDecide(one)])));
    const judgement = judge({
      ...{ root, said, hasSay: hasSay(asker), isNeeded: isNeeded(asker) },
      mayBeQuorum: (holds) => mayBeQuorum(asker, holds),
      patience: isOver ? (this.#rounds < ROUNDS_MAX ? "over" : "spent") : "left",
    });
    const isRefused = judgement === "contradicted" || judgement === "unvouched";
    if (judgement === "wait" || (!isWhole && !isRefused)) return;
    const { height } = must(this.#fetched, "something is fetched");
    const facts = { from: this.#from, height, said: saidText(said, root) };
    if (judgement === "vouched") log.info("catch_up.vouched", facts);
    else log.warn(`catch_up.${judgement}`, facts);
    if (isRefused) {
      this.#reject(judgement, [...said.values()].includes("passed"), nowMs);
      return;
    }
    this.#install(judgement, nowMs);
  }

  /**
   * What others know otherwise is of no use any more; for what they have not come to they may vouch yet. In place of what they
   * have come past its giver is asked for a newer one; it is kept for when there is none, for they may have come to rest then.
   */
  #reject(judgement: Judgement, isPassed: boolean, nowMs: number): void {
    const { height } = must(this.#fetched, "something is fetched");
    this.#unvouched += 1;
    this.#inquiry.forget();
    if (isPassed) this.#passed.set(this.#from, { height, atMs: nowMs });
    else this.#rounds += 1;
    if (judgement !== "unvouched") this.#forget();
    this.#pause(nowMs);
    if (judgement === "unvouched" && !isPassed) this.#notBeforeMs = nowMs + SILENCE_MS;
  }

  /** Pages that are not handed to the store are dropped: behind the note they would be rubbish that nobody sees. */
  #forget(): void {
    this.#ready = [];
    this.#readyBytes = 0;
    this.#fetched = undefined;
    this.#root = undefined;
    this.#rounds = 0;
    this.#write([FORGET_NOTE], 0);
  }

  #pause(nowMs: number): void {
    this.#stop("idle");
    this.#notBeforeMs = nowMs + PAUSE_MS;
  }

  /** Ends what was being done; what has come of it stays in the store. */
  #stop(phase: Phase): void {
    this.#storeReady();
    this.#phase = phase;
    this.#todo = [];
    this.#jobs.clear();
  }

  #write(changes: readonly StoreChange[], bytes: number): void {
    const { store, stored, fail } = this.#deps;
    store.write(changes, (error) => (error === undefined ? stored(bytes) : fail(error)));
  }

  #sweep(): void {
    if (this.#sweeping || this.#rubbish.length === 0) return;
    this.#sweeping = true;
    const { store, swept, fail } = this.#deps;
    store.write(sweepChanges(this.#rubbish), (error) => (error === undefined ? swept() : fail(error)));
  }
}
