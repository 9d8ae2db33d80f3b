/**
 * The log actor: makes durable what the Raft core asks for, in order, and says so in the same order.
 *
 * Term and vote go to the store, entries to the write-ahead log. Entries of a request are not handed to the log before
 * its term and vote are durable, and no later request overtakes an earlier one; appends of several requests do share one
 * write and one sync (group commit happens below, in the log).
 *
 * What it keeps is read again in the background, and damage is said and counted; it stops the node where it is needed. What
 * is in memory anyway is written again: term and vote, whose the data is, and the small files beside the log.
 *
 * A full disk stops nothing but that: while the log waits for space nothing is reported durable, so nothing is acknowledged.
 */
import type { HardState } from "../../consensus/raft/hard-state.ts";
import type { StorageError } from "../../storage/errors.ts";
import { Scrubber } from "../../storage/scrubber.ts";
import type { LogStore } from "../../storage/wal/log-store.ts";
import type { Actor, ActorContext, ActorRef } from "../actor/actor.ts";
import { must } from "../base/assert.ts";
import type { CodedError } from "../base/errors.ts";
import type { Log } from "../base/ports/log.ts";
import { type Perturb, unperturbed } from "../base/ports/perturb.ts";
import type { Store, StoreChange } from "../base/ports/store.ts";
import type { ConsensusMessage } from "../messages/consensus.ts";
import type { LedgerMessage } from "../messages/ledger.ts";
import type { LogMessage, PersistRequest } from "../messages/log.ts";
import type { RepairMessage } from "../messages/repair.ts";
import type { StatusBoard, StatusFields } from "../messages/status.ts";
import { DiskLatency } from "./disk-latency.ts";
import { HARD_STATE_KEY, saveHardState } from "./hard-state-store.ts";

const TICK_MS = 1_000;
/** Read again each tick: a few milliseconds, and a gigabyte in a quarter of an hour. */
const SCRUB_BYTES = 1_048_576;
/** The same where somebody has asked for it, each of these ticks. */
const ASKED_SCRUB_BYTES = 4_194_304;
const ASKED_TICK_MS = 20;
/** Between one round and the next: an hour. */
const SCRUB_REST_TICKS = 3_600;

export interface LogActorDeps {
  readonly log: LogStore;
  readonly hostLog: Log;
  readonly status: StatusBoard;
  readonly store: Store;
  /** As the store has it. */
  readonly hardState: HardState;
  /** The store's mark of whose data it is. */
  readonly owner: StoreChange;
  readonly consensus: () => ActorRef<ConsensusMessage>;
  /** Hears of pages of the checkpoint that are damaged. */
  readonly ledger: () => ActorRef<LedgerMessage>;
  /** Hears of blocks of the log that are damaged. */
  readonly repair: () => ActorRef<RepairMessage>;
  /** A failed disk: the node must stop, for nothing it says about durability could be believed. */
  readonly fail: (error: CodedError) => void;
  readonly perturb?: Perturb | undefined;
}

interface Progress {
  readonly request: PersistRequest;
  hardStateDurable: boolean;
  entriesHanded: boolean;
  entriesDurable: boolean;
  /** When entries were handed to the log. */
  handedAtMs: number;
}

export class LogActor implements Actor<LogMessage> {
  readonly #context: ActorContext<LogMessage>;
  readonly #self: ActorRef<LogMessage>;
  readonly #deps: LogActorDeps;
  /** Requests not yet reported durable, oldest first. */
  readonly #open: Progress[] = [];
  readonly #latency: DiskLatency;
  readonly #scrubber: Scrubber;
  #wasFull = false;
  /** The newest that the store has, or was told to write. */
  #hardState: HardState;
  /** Damaged things that are being written again, and that have been. */
  #rewriting = 0;
  /** Of those, copies beside the log. */
  #damagedCopies = 0;
  #rewrites = 0;

  constructor(context: ActorContext<LogMessage>, deps: LogActorDeps) {
    this.#context = context;
    this.#self = context.self;
    this.#deps = deps;
    this.#latency = new DiskLatency(context.clock.monotonicMs());
    const { log, store } = deps;
    this.#hardState = deps.hardState;
    const onDamage = (error: StorageError): void => this.#damageFound(error);
    this.#scrubber = new Scrubber({ log, store, restSteps: SCRUB_REST_TICKS, onDamage });
    deps.status.post("log", () => this.#statusFields());
    context.after(TICK_MS, { type: "tick" });
  }

  receive(message: LogMessage): void {
    switch (message.type) {
      case "persist":
        this.#begin(message);
        break;
      case "tick":
        this.#tick();
        return;
      case "scrub":
        if (this.#scrubber.isAsked) return;
        this.#scrubber.begin();
        this.#context.after(ASKED_TICK_MS, { type: "scrubOn" });
        return;
      case "scrubOn":
        this.#scrubber.step(ASKED_SCRUB_BYTES);
        if (this.#scrubber.isAsked) this.#context.after(ASKED_TICK_MS, { type: "scrubOn" });
        return;
      case "rewritten":
        this.#rewritten(message);
        return;
      case "hardStateDurable":
        this.#find(message.sequence).hardStateDurable = true;
        break;
      case "entriesDurable":
        this.#entriesDurable(this.#find(message.sequence));
        break;
    }
    this.#handEntries();
    this.#report();
  }

  #tick(): void {
    this.#context.after(TICK_MS, { type: "tick" });
    if (!this.#scrubber.isAsked) this.#scrubber.step(SCRUB_BYTES);
    const { log, hostLog, perturb = unperturbed } = this.#deps;
    if (perturb("earlyScrub")) this.#self.deliver({ type: "scrub" });
    const isFull = log.isFull();
    if (isFull && !this.#wasFull) hostLog.warn("log.disk_full", { durable: log.durableIndex() });
    if (!isFull && this.#wasFull) hostLog.info("log.disk_has_room", { durable: log.durableIndex() });
    this.#wasFull = isFull;
    if (isFull) log.retry();
  }

  #damageFound({ code, facts }: StorageError): void {
    const { hostLog, repair, ledger, store, owner } = this.#deps;
    hostLog.warn("scrub.damage", { code, ...facts });
    const { index, key, isCopy } = facts;
    const written = this.#orFail(() => this.#self.deliver({ type: "rewritten", what: "value", isSound: true }));
    if (isCopy === true) this.#rewrite(() => this.#rewriteCopies());
    else if (typeof index === "number") repair().deliver({ type: "damaged", height: index });
    else if (key === HARD_STATE_KEY) this.#rewrite(() => saveHardState(store, this.#hardState, written));
    else if (key === owner.key) this.#rewrite(() => store.write([owner], written));
    else if (typeof key === "string") ledger().deliver({ type: "pageDamaged", key });
  }

  #rewrite(start: () => void): void {
    this.#rewriting += 1;
    start();
  }

  /** All of them are written at once, however many are damaged. */
  #rewriteCopies(): void {
    this.#damagedCopies += 1;
    if (this.#damagedCopies > 1) return;
    this.#deps.log.rewriteCopies((isSound) => this.#self.deliver({ type: "rewritten", what: "copies", isSound }));
  }

  #rewritten({ what, isSound }: Extract<LogMessage, { readonly type: "rewritten" }>): void {
    const count = what === "copies" ? this.#damagedCopies : 1;
    if (what === "copies") this.#damagedCopies = 0;
    this.#rewriting -= count;
    if (isSound) this.#rewrites += count;
  }

  #entriesDurable(progress: Progress): void {
    progress.entriesDurable = true;
    const nowMs = this.#context.clock.monotonicMs();
    this.#latency.add(nowMs - progress.handedAtMs, nowMs);
  }

  #begin(request: PersistRequest): void {
    const { sequence, hardState, truncateFrom, entries } = request;
    const noEntries = truncateFrom === undefined && entries.length === 0;
    this.#open.push({
      request,
      hardStateDurable: hardState === undefined,
      entriesHanded: noEntries,
      entriesDurable: noEntries,
      handedAtMs: 0,
    });
    if (hardState === undefined) return;
    this.#hardState = hardState;
    const durable = this.#orFail(() => this.#self.deliver({ type: "hardStateDurable", sequence }));
    saveHardState(this.#deps.store, hardState, durable);
  }

  #orFail(then: () => void): (error?: CodedError) => void {
    return (error) => (error === undefined ? then() : this.#deps.fail(error));
  }

  /** Hands entries to the log as far as no term and vote is still on its way before them. */
  #handEntries(): void {
    for (const progress of this.#open) {
      if (!progress.hardStateDurable) return;
      if (progress.entriesHanded) continue;
      progress.entriesHanded = true;
      progress.handedAtMs = this.#context.clock.monotonicMs();
      const { sequence, truncateFrom, entries } = progress.request;
      const durable = (): void => this.#self.deliver({ type: "entriesDurable", sequence });
      const { log } = this.#deps;
      if (truncateFrom !== undefined && truncateFrom <= log.lastIndex()) {
        log.truncate(truncateFrom, entries.length === 0 ? durable : () => {});
      } else if (entries.length === 0) durable();
      if (entries.length > 0) log.append(entries, durable);
    }
  }

  #report(): void {
    for (;;) {
      const head = this.#open[0];
      if (head === undefined || !head.hardStateDurable || !head.entriesDurable) return;
      this.#open.shift();
      this.#deps.consensus().deliver({ type: "persisted", sequence: head.request.sequence });
    }
  }

  #statusFields(): StatusFields {
    const { log } = this.#deps;
    return {
      firstIndex: log.firstIndex(),
      lastIndex: log.lastIndex(),
      durableIndex: log.durableIndex(),
      cachedBytes: log.cachedBytes(),
      diskFull: log.isFull(),
      scrubbedBytes: this.#scrubber.bytesRead,
      scrubRounds: this.#scrubber.rounds,
      scrubIsAsked: this.#scrubber.isAsked,
      rewriting: this.#rewriting,
      rewritten: this.#rewrites,
      scrubDamaged: this.#scrubber.damage.count,
      scrubDamage: this.#scrubber.damage.errors.map(({ code, message }) => ({ code, message })),
      appendMs: Math.round(this.#latency.last),
      appendMsLongest: Math.round(this.#latency.longest(this.#context.clock.monotonicMs())),
    };
  }

  #find(sequence: number): Progress {
    return must(
      this.#open.find((open) => open.request.sequence === sequence),
      `the disk completed request ${sequence}, which is not open`,
    );
  }
}
