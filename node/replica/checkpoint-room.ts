/**
 * Whether the disk has room for a checkpoint. All nodes write theirs at the same heights, so equal disks that had none would
 * stop them all at once; a node without a checkpoint goes on, and only starts more slowly.
 *
 * LevelDB needs more than the pages: they go into its log, and out of that into a table. Of those it keeps a few, one a
 * checkpoint, before it merges them into others, and all are there until the merging is done.
 */
import { RESERVE_BYTES } from "../../storage/wal/log-writer.ts";
import type { Disk } from "../base/ports/disk.ts";
import type { Log } from "../base/ports/log.ts";
import type { StoreChange } from "../base/ports/store.ts";

/** Into a log and into a table. */
const TIMES_WRITTEN = 2;
/** Tables that are merged at once. */
const TABLES_MERGED = 4;

export class CheckpointRoom {
  readonly #disk: Pick<Disk, "freeBytes">;
  readonly #log: Log;
  /** What the last one needs that was left out: the next needs no less. */
  #needed = RESERVE_BYTES;
  /** Bytes of those that may not be merged yet, the newest last. */
  #written: readonly number[] = [];
  #isMissed = false;

  constructor(disk: Pick<Disk, "freeBytes">, log: Log) {
    this.#disk = disk;
    this.#log = log;
  }

  /** Whether it is worth the work to see what a checkpoint would be. Throws `DiskError`. */
  mayHaveRoom(): boolean {
    return this.#has(this.#needed);
  }

  /** Whether there is room for a checkpoint of these changes, which is written then. Throws `DiskError`. */
  hasRoomFor(changes: readonly StoreChange[], height: number): boolean {
    const bytes = changes.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0);
    const largest = Math.max(bytes, ...this.#written);
    this.#needed = RESERVE_BYTES + TIMES_WRITTEN * bytes + TABLES_MERGED * largest;
    if (!this.#has(this.#needed)) return false;
    this.#written = [...this.#written, bytes].slice(1 - TABLES_MERGED);
    if (this.#isMissed) this.#log.info("checkpoint.has_room", { height });
    this.#needed = RESERVE_BYTES;
    this.#isMissed = false;
    return true;
  }

  #has(needed: number): boolean {
    const free = this.#disk.freeBytes();
    if (free >= needed) return true;
    if (!this.#isMissed) this.#log.warn("checkpoint.no_room", { free, needed });
    this.#isMissed = true;
    return false;
  }
}
