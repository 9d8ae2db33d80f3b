/**
 * Whether the disk has room for a checkpoint. All nodes write theirs at the same heights, so equal disks that had none would
 * stop them all at once; a node without a checkpoint goes on, and only starts more slowly.
 *
 * LevelDB needs more than the pages: they go into its log, and out of that into a table. Of those it keeps a few, one a
 * checkpoint, before it merges them into others, and all are there until the merging is done.
 *
 * A log that gives up what lies before checkpoints must not wait for that much: it would grow until the disk is full, on
 * equal disks at once, and only a checkpoint could end that. So for one that lets the log give up at least what is written
 * for it, room for the writing is enough where the merging finds its own: it has the reserve then, and what the log gives up.
 * For tables of up to a quarter of the reserve that is so in any case, and up to half of it where no earlier one is larger.
 * For larger ones it comes to be so as the log grows, on a disk that has as much.
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
  /** Of the last one that was left out: the next has no less. */
  #missedBytes = 0;
  /** Bytes of those that may not be merged yet, the newest last. */
  #written: readonly number[] = [];
  #isMissed = false;

  constructor(disk: Pick<Disk, "freeBytes">, log: Log) {
    this.#disk = disk;
    this.#log = log;
  }

  /**
   * Whether it is worth the work to see what a checkpoint would be, for which the log would give up so many bytes. Throws
   * `DiskError`.
   */
  mayHaveRoom(givenUp: number): boolean {
    return this.#has(this.#needed(this.#missedBytes, givenUp));
  }

  /** Whether there is room for a checkpoint of these changes, which is written then. Throws `DiskError`. */
  hasRoomFor(changes: readonly StoreChange[], { height, givenUp }: { height: number; givenUp: number }): boolean {
    const bytes = bytesOf(changes);
    this.#missedBytes = bytes;
    if (!this.#has(this.#needed(bytes, givenUp))) return false;
    this.#written = [...this.#written, bytes].slice(1 - TABLES_MERGED);
    this.#missedBytes = 0;
    this.#found(height);
    return true;
  }

  /** Whether there still is room for the one that `hasRoomFor` has let pass last. Throws `DiskError`. */
  stillHasRoomFor(changes: readonly StoreChange[], { height, givenUp }: { height: number; givenUp: number }): boolean {
    if (!this.#has(this.#needed(bytesOf(changes), givenUp))) return false;
    this.#found(height);
    return true;
  }

  #found(height: number): void {
    if (this.#isMissed) this.#log.info("checkpoint.has_room", { height });
    this.#isMissed = false;
  }

  #needed(bytes: number, givenUp: number): number {
    const writing = TIMES_WRITTEN * bytes;
    const merging = TABLES_MERGED * Math.max(bytes, ...this.#written);
    const isGivenUp = givenUp >= writing && RESERVE_BYTES + givenUp >= merging;
    return RESERVE_BYTES + writing + (isGivenUp ? 0 : merging);
  }

  #has(needed: number): boolean {
    const free = this.#disk.freeBytes();
    if (free >= needed) return true;
    if (!this.#isMissed) this.#log.warn("checkpoint.no_room", { free, needed });
    this.#isMissed = true;
    return false;
  }
}

function bytesOf(changes: readonly StoreChange[]): number {
  return changes.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0);
}
