/**
 * Where the log begins, in a file `start` beside the segments; without one it begins at index 1. It decides: segments that
 * lie before it are leftovers of a removal, whatever stands in them, and one that is missing behind it is missed.
 *
 * It also says when the whole log is being replaced: then all segments are leftovers. Each write has a higher number than
 * the one before, so that of two copies the newer is known.
 *
 * A copy: magic u32 | version u32 | number u64 | index u64 | term u64 | hash 32 | replacing u32, and what `TwoCopyFile` adds.
 */
import { viewOf } from "../../node/base/bytes.ts";
import { type Disk, type DiskDone, DiskError } from "../../node/base/ports/disk.ts";
import { TwoCopyFile } from "../two-copy-file.ts";
import type { LogStart } from "./log-store.ts";

const START_BYTES = 68;
const MAGIC = 0x53415751; // "QWAS"
const VERSION = 1;

export interface StoredStart extends LogStart {
  /** Nothing of what stands in the segments counts. */
  readonly replacing: boolean;
}

interface Numbered extends StoredStart {
  readonly number: number;
}

export function startPath(directory: string): string {
  return `${directory}/start`;
}

/** Where the log begins, or undefined where nothing says so. Throws `DiskError`. */
export function readStart(disk: Disk, directory: string): StoredStart | undefined {
  const file = TwoCopyFile.open(disk, startPath(directory), START_BYTES);
  if (file === undefined) return undefined;
  try {
    return newestIn(file);
  } finally {
    file.close();
  }
}

/** Offsets of copies that are damaged. Throws `DiskError`. */
export function startDamage(disk: Disk, directory: string): number[] {
  const file = TwoCopyFile.open(disk, startPath(directory), START_BYTES);
  if (file === undefined) return [];
  try {
    return file.damage();
  } finally {
    file.close();
  }
}

/** Starts writing where the log begins; `done` comes when that is durable. */
export function writeStart(disk: Disk, directory: string, start: StoredStart, done: DiskDone): void {
  let file: TwoCopyFile;
  let next: Uint8Array;
  try {
    file = TwoCopyFile.openOrCreate(disk, startPath(directory), START_BYTES);
    next = encode(start, numberAfter(file));
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    done(error);
    return;
  }
  file.replace(next, (error) => {
    file.close();
    if (error === undefined) disk.syncDirectory(directory, done);
    else done(error);
  });
}

/** Writes where the log begins, and returns when that and all names in the directory are durable. Throws `DiskError`. */
export function settleStart(disk: Disk, directory: string, start: StoredStart): void {
  const file = TwoCopyFile.openOrCreate(disk, startPath(directory), START_BYTES);
  try {
    file.settle(encode(start, numberAfter(file)));
  } finally {
    file.close();
  }
}

function newestIn(file: TwoCopyFile): Numbered | undefined {
  const found = file.read().flatMap((bytes) => decode(bytes) ?? []);
  return found.sort((a, b) => b.number - a.number)[0];
}

function numberAfter(file: TwoCopyFile): number {
  return (newestIn(file)?.number ?? 0) + 1;
}

function encode({ index, term, hash, replacing }: StoredStart, number: number): Uint8Array {
  const bytes = new Uint8Array(START_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, VERSION, true);
  view.setBigUint64(8, BigInt(number), true);
  view.setBigUint64(16, BigInt(index), true);
  view.setBigUint64(24, BigInt(term), true);
  bytes.set(hash, 32);
  view.setUint32(64, replacing ? 1 : 0, true);
  return bytes;
}

function decode(bytes: Uint8Array): Numbered | undefined {
  const view = viewOf(bytes);
  if (view.getUint32(0, true) !== MAGIC || view.getUint32(4, true) !== VERSION) return undefined;
  return {
    number: Number(view.getBigUint64(8, true)),
    index: Number(view.getBigUint64(16, true)),
    term: Number(view.getBigUint64(24, true)),
    hash: bytes.slice(32, 64),
    replacing: view.getUint32(64, true) === 1,
  };
}
