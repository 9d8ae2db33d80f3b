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
  readonly #options: DiskOptions;
  /** A fault: everything takes this many times as long. */
  slowness = 1;

  constructor(deps: DiskDeps, options: DiskOptions) {
    this.#deps = deps;
    this.#options = options;
    const diskQueue = this.#queue("disk");
    this.disk = new MemoryDisk((kind, run) => {
      const { writeUs, syncUs } = this.#options;
      diskQueue(kind === "sync" || kind === "syncDirectory" ? syncUs : writeUs, run);
    });
    const storeQueue = this.#queue("store");
    this.store = new MemoryStore((run) => storeQueue(this.#options.storeUs, run));
  }

  /** The power fails. */
  crash(): void {
    const { random, counters } = this.#deps;
    const before = { ...this.disk.counts };
    this.disk.crash(random);
    this.store.crash(random);
    counters.add("lostWrite", this.disk.counts.lostWrites - before.lostWrites);
    counters.add("tornWrite", this.disk.counts.tornWrites - before.tornWrites);
    counters.add("keptWrite", this.disk.counts.keptWrites - before.keptWrites);
    counters.add("lostFile", this.disk.counts.lostFiles - before.lostFiles);
  }

  /** Completions one after the other, in the order they were asked for. */
  #queue(kind: "disk" | "store"): (meanUs: number, run: () => void) => void {
    const { scheduler, random } = this.#deps;
    let freeAtUs = 0;
    return (meanUs, run) => {
      const takesUs = (Math.floor(meanUs / 10) + exponential(random, meanUs)) * this.slowness;
      freeAtUs = Math.max(freeAtUs, scheduler.nowUs) + takesUs;
      const process = this.#deps.process();
      scheduler.after(freeAtUs - scheduler.nowUs, () => process?.run(kind, run));
    };
  }
}
