/**
 * How far the log has reached at least, in a file beside its directory: the files of the log cannot tell that the newest of
 * them, or all, are gone. It is raised once a file, before anything in that is acknowledged, and lowered before a cut or a
 * reset that goes behind it. So a log that ends before this has lost something. Without the file nothing is known; whether
 * there should be one, the node's store says (`node/log-note.ts`).
 *
 * A value: index u64, in a `NumberedFile`.
 */
import { viewOf } from "../../node/base/bytes.ts";
import type { Disk } from "../../node/base/ports/disk.ts";
import { type NumberedDone, NumberedFile, type NumberedLayout } from "../numbered-file.ts";

const LAYOUT: NumberedLayout<number> = {
  magic: 0x45415751, // "QWAE"
  version: 1,
  valueBytes: 8,
  encode: (index, into) => viewOf(into).setBigUint64(0, BigInt(index), true),
  decode: (bytes) => Number(viewOf(bytes).getBigUint64(0, true)),
};

export function reachedPath(directory: string): string {
  return `${directory}.reached`;
}

/** 0 where nothing says it. Throws `DiskError`. */
export function readReached(disk: Disk, directory: string): number {
  return reachedFile(disk, directory).read() ?? 0;
}

/** Whether anything says it. Throws `DiskError`. */
export function isReachedKnown(disk: Disk, directory: string): boolean {
  return reachedFile(disk, directory).read() !== undefined;
}

/** Offsets of copies that are damaged. Throws `DiskError`. */
export function reachedDamage(disk: Disk, directory: string): number[] {
  return reachedFile(disk, directory).damage();
}

/** Starts writing how far the log reaches at least; `done` comes when that is durable. */
export function writeReached(disk: Disk, directory: string, index: number, done: NumberedDone): void {
  reachedFile(disk, directory).write(index, done);
}

/** The same, and returns when it is durable. Throws `DiskError`. */
export function settleReached(disk: Disk, directory: string, index: number): void {
  reachedFile(disk, directory).settle(index);
}

function reachedFile(disk: Disk, directory: string): NumberedFile<number> {
  return new NumberedFile(disk, reachedPath(directory), LAYOUT);
}
