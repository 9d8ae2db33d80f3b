/**
 * One node's durable things: a disk and a store in memory whose operations take drawn times. They outlive the node's
 * process; when the power fails, what was not synced is lost, kept or torn.
 */
import type { Random } from "../node/base/ports/random.ts";
import { META_KEY } from "../node/replica/checkpoint.ts";
import { MemoryDisk, type UnsyncedFates } from "../storage/memory-disk.ts";
import { MemoryStore } from "../storage/state/memory-store.ts";
import type { Counters } from "./counts.ts";
import { exponential, pick } from "./draw.ts";
import {
  damageLog,
  isRotten,
  isSpoiled,
  type LogDamage,
  type RottenByte,
  rotOldFile,
  spoilLog,
} from "./fault/disk-damage.ts";
import type { Process } from "./process.ts";
import type { Scheduler } from "./scheduler.ts";

/** What of a store cannot be read: pages of checkpoints, everything else, or all. */
export const STORE_PARTS = ["pages", "records", "all"] as const;
export type StorePart = (typeof STORE_PARTS)[number];

export interface DiskOptions {
  /** Mean times; every operation takes at least a tenth of its mean. */
  readonly writeUs: number;
  readonly syncUs: number;
  readonly storeUs: number;
  /** What becomes of writes of the log that are not synced when the power fails. */
  readonly unsynced: UnsyncedFates;
}

export interface DiskDeps {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly counters: Counters;
  /** The process that runs on the node now. */
  readonly process: () => Process | undefined;
}

export class VirtualDisk {
  readonly disk: MemoryDisk;
  readonly store: MemoryStore;
  readonly #deps: DiskDeps;
  /** When each will have done all that was asked of it. */
  readonly #freeAtUs = { disk: 0, store: 0 };
  #rotten: RottenByte[] = [];
  /** A fault: everything takes this many times as long. */
  slowness = 1;

  constructor(deps: DiskDeps, { writeUs, syncUs, storeUs, unsynced }: DiskOptions) {
    this.#deps = deps;
    this.disk = new MemoryDisk((kind, run) => {
      this.#complete("disk", kind === "sync" || kind === "syncDirectory" ? syncUs : writeUs, run);
    }, unsynced);
    this.store = new MemoryStore((run) => this.#complete("store", storeUs, run));
  }

  /** The power fails. */
  crash(): void {
    const { random, counters } = this.#deps;
    const before = { ...this.disk.counts };
    this.disk.crash(random);
    this.store.crash(random);
    Object.assign(this.#freeAtUs, { disk: 0, store: 0 });
    counters.add("lostWrite", this.disk.counts.lostWrites - before.lostWrites);
    counters.add("tornWrite", this.disk.counts.tornWrites - before.tornWrites);
    counters.add("keptWrite", this.disk.counts.keptWrites - before.keptWrites);
    counters.add("lostFile", this.disk.counts.lostFiles - before.lostFiles);
    counters.add("revivedFile", this.disk.counts.revivedFiles - before.revivedFiles);
  }

  /** Nothing that is asked for from now on is done before this time is over; of the store alone, or of all. */
  hang(forUs: number, what: readonly ("disk" | "store")[] = ["disk", "store"]): void {
    const untilUs = this.#deps.scheduler.nowUs + forUs;
    for (const kind of what) this.#freeAtUs[kind] = Math.max(this.#freeAtUs[kind], untilUs);
  }

  /** Damages the log of a node that is down; false where there is nothing that it could know to be damaged. */
  damageLog(how: LogDamage): boolean {
    return damageLog(this.disk, how, this.#deps.random);
  }

  /** A bit turns over in an old file of the log; false where there is none. */
  rotLog(): boolean {
    const rotten = rotOldFile(this.disk, this.#deps.random);
    if (rotten !== undefined) this.#rotten.push(rotten);
    return rotten !== undefined;
  }

  /** A byte of the log cannot be read, once or as long as its file is there; false where the log is empty. */
  spoilLog(lasting: boolean): boolean {
    return spoilLog(this.disk, lasting, this.#deps.random);
  }

  /** Whether something in the log cannot be read, however often. */
  get isSpoiled(): boolean {
    return isSpoiled(this.disk);
  }

  /** What is read next of a part of the store cannot be read, or nothing of it until `healReads`; false where it has nothing. */
  failStoreReads(part: StorePart, lasting: boolean): boolean {
    const isOf = (key: string): boolean => part === "all" || isPage(key) === (part === "pages");
    if (!this.#keys("").some(isOf)) return false;
    this.store.failReads(isOf, !lasting);
    return true;
  }

  /** Whether whoever has started on it could not read something without which it must not start. */
  get isUnread(): boolean {
    return [...this.store.unread].some((key) => !isPage(key));
  }

  /** A page of the checkpoint is not what was written; false where there is none. */
  rotPage(): boolean {
    const pages = this.#keys("checkpoint/").filter(isPage);
    if (pages.length === 0) return false;
    this.store.damage(pick(this.#deps.random, pages));
    return true;
  }

  /** Whether something is not as it was written, or cannot be read. */
  get isRotten(): boolean {
    this.#rotten = this.#rotten.filter((byte) => isRotten(this.disk, byte));
    return this.#rotten.length > 0 || this.store.isDamaged || this.store.isUnreadable || this.isSpoiled;
  }

  #keys(prefix: string): string[] {
    const snapshot = this.store.snapshot();
    const keys = snapshot.keys(prefix);
    snapshot.close();
    return keys;
  }

  /** Runs a completion after its own time and all those asked for before, in the process that asked for it. */
  #complete(kind: "disk" | "store", meanUs: number, run: () => void): void {
    const { scheduler, random } = this.#deps;
    const takesUs = (Math.floor(meanUs / 10) + exponential(random, meanUs)) * this.slowness;
    const freeAtUs = Math.max(this.#freeAtUs[kind], scheduler.nowUs) + takesUs;
    this.#freeAtUs[kind] = freeAtUs;
    const process = this.#deps.process();
    scheduler.after(freeAtUs - scheduler.nowUs, () => process?.run(kind, run));
  }
}

function isPage(key: string): boolean {
  return key.startsWith("checkpoint/") && key !== META_KEY;
}
