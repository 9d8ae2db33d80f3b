/**
 * One node's durable things: a disk and a store in memory whose operations take drawn times. They outlive the node's
 * process; when the power fails, what was not synced is lost, kept or torn.
 */
import type { Random } from "../node/base/ports/random.ts";
import { MemoryDisk } from "../storage/memory-disk.ts";
import { MemoryStore } from "../storage/state/memory-store.ts";
import type { Counters } from "./counts.ts";
import { exponential } from "./draw.ts";
import type { Process } from "./process.ts";
import type { Scheduler } from "./scheduler.ts";

/** Where a node keeps its log. */
const LOG = "log";

export interface DiskOptions {
  /** Mean times; every operation takes at least a tenth of its mean. */
  readonly writeUs: number;
  readonly syncUs: number;
  readonly storeUs: number;
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
  /** A fault: everything takes this many times as long. */
  slowness = 1;

  constructor(deps: DiskDeps, { writeUs, syncUs, storeUs }: DiskOptions) {
    this.#deps = deps;
    this.disk = new MemoryDisk((kind, run) => {
      this.#complete("disk", kind === "sync" || kind === "syncDirectory" ? syncUs : writeUs, run);
    });
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

  /** A durable bit of the log turns over, anywhere in its files; false where there is none. */
  rot(): boolean {
    const { random } = this.#deps;
    const files = this.disk.list(LOG).map((name) => this.disk.open(`${LOG}/${name}`, { create: false }));
    const used = files.map((file) => file.read(0, file.size()).findLastIndex((byte) => byte !== 0) + 1);
    const total = used.reduce((sum, bytes) => sum + bytes, 0);
    if (total === 0) return false;
    let at = random.below(total);
    const place = used.findIndex((bytes) => {
      if (at < bytes) return true;
      at -= bytes;
      return false;
    });
    this.disk.flipBit(files[place]?.path ?? "", at, random.below(8));
    return true;
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
