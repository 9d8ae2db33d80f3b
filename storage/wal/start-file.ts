/**
 * Where the log begins, in a file `start` beside the segments; without one it begins at index 1. It decides: segments that
 * lie before it are leftovers of a removal, whatever stands in them, and one that is missing behind it is missed.
 *
 * It also says when the whole log is being replaced: then all segments are leftovers.
 *
 * A value: index u64 | term u64 | hash 32 | replacing u32, in a `NumberedFile`.
 */
import { viewOf } from "../../node/base/bytes.ts";
import type { Disk } from "../../node/base/ports/disk.ts";
import { type NumberedDone, NumberedFile, type NumberedLayout } from "../numbered-file.ts";
import type { LogStart } from "./log-store.ts";

export interface StoredStart extends LogStart {
  /** Nothing of what stands in the segments counts. */
  readonly replacing: boolean;
}

const LAYOUT: NumberedLayout<StoredStart> = {
  magic: 0x53415751, // "QWAS"
  version: 1,
  valueBytes: 52,
  encode: ({ index, term, hash, replacing }, into) => {
    const view = viewOf(into);
    view.setBigUint64(0, BigInt(index), true);
    view.setBigUint64(8, BigInt(term), true);
    into.set(hash, 16);
    view.setUint32(48, replacing ? 1 : 0, true);
  },
  decode: (bytes) => {
    const view = viewOf(bytes);
    return {
      index: Number(view.getBigUint64(0, true)),
      term: Number(view.getBigUint64(8, true)),
      hash: bytes.slice(16, 48),
      replacing: view.getUint32(48, true) === 1,
    };
  },
};

export function startPath(directory: string): string {
  return `${directory}/start`;
}

/** Where the log begins, or undefined where nothing says so. Throws `DiskError`. */
export function readStart(disk: Disk, directory: string): StoredStart | undefined {
  return startFile(disk, directory).read();
}

/** Offsets of copies that are damaged. Throws `DiskError`. */
export function startDamage(disk: Disk, directory: string): number[] {
  return startFile(disk, directory).damage();
}

/** Starts writing where the log begins; `done` comes when that is durable. */
export function writeStart(disk: Disk, directory: string, start: StoredStart, done: NumberedDone): void {
  startFile(disk, directory).write(start, done);
}

/** Writes where the log begins, and returns when that and all names in the directory are durable. Throws `DiskError`. */
export function settleStart(disk: Disk, directory: string, start: StoredStart): void {
  startFile(disk, directory).settle(start);
}

function startFile(disk: Disk, directory: string): NumberedFile<StoredStart> {
  return new NumberedFile(disk, startPath(directory), LAYOUT);
}
