/**
 * How far the log has reached at least, in a file beside its directory: the files of the log cannot tell that the newest of
 * them, or all, are gone. It is raised once a file, before anything in that is acknowledged, and lowered before a cut or a
 * reset that goes behind it. So a log that ends before this has lost something. Without the file nothing is known.
 *
 * Each write has a higher number than the one before, so that of two copies the newer is known.
 *
 * A copy: magic u32 | version u32 | number u64 | index u64, and what `TwoCopyFile` adds.
 */
import { viewOf } from "../../node/base/bytes.ts";
import { type Disk, type DiskDone, DiskError } from "../../node/base/ports/disk.ts";
import { TwoCopyFile } from "../two-copy-file.ts";

const REACHED_BYTES = 24;
const MAGIC = 0x45415751; // "QWAE"
const VERSION = 1;

interface Numbered {
  readonly number: number;
  readonly index: number;
}

export function reachedPath(directory: string): string {
  return `${directory}.reached`;
}

/** 0 where nothing says it. Throws `DiskError`. */
export function readReached(disk: Disk, directory: string): number {
  const file = TwoCopyFile.open(disk, reachedPath(directory), REACHED_BYTES);
  if (file === undefined) return 0;
  try {
    return newestIn(file).index;
  } finally {
    file.close();
  }
}

/** Offsets of copies that are damaged. Throws `DiskError`. */
export function reachedDamage(disk: Disk, directory: string): number[] {
  const file = TwoCopyFile.open(disk, reachedPath(directory), REACHED_BYTES);
  if (file === undefined) return [];
  try {
    return file.damage();
  } finally {
    file.close();
  }
}

/** Starts writing how far the log reaches at least; `done` comes when that is durable. */
export function writeReached(disk: Disk, directory: string, index: number, done: DiskDone): void {
  const path = reachedPath(directory);
  let file: TwoCopyFile;
  let next: Uint8Array;
  try {
    file = TwoCopyFile.openOrCreate(disk, path, REACHED_BYTES);
    next = encode({ number: newestIn(file).number + 1, index });
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    done(error);
    return;
  }
  file.replace(next, (error) => {
    file.close();
    if (error === undefined) disk.syncDirectory(path.slice(0, Math.max(0, path.lastIndexOf("/"))), done);
    else done(error);
  });
}

/** The same, and returns when it is durable. Throws `DiskError`. */
export function settleReached(disk: Disk, directory: string, index: number): void {
  const file = TwoCopyFile.openOrCreate(disk, reachedPath(directory), REACHED_BYTES);
  try {
    file.settle(encode({ number: newestIn(file).number + 1, index }));
  } finally {
    file.close();
  }
}

function newestIn(file: TwoCopyFile): Numbered {
  const found = file.read().flatMap((bytes) => decode(bytes) ?? []);
  return found.sort((a, b) => b.number - a.number)[0] ?? { number: 0, index: 0 };
}

function encode({ number, index }: Numbered): Uint8Array {
  const bytes = new Uint8Array(REACHED_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, VERSION, true);
  view.setBigUint64(8, BigInt(number), true);
  view.setBigUint64(16, BigInt(index), true);
  return bytes;
}

function decode(bytes: Uint8Array): Numbered | undefined {
  const view = viewOf(bytes);
  if (view.getUint32(0, true) !== MAGIC || view.getUint32(4, true) !== VERSION) return undefined;
  return { number: Number(view.getBigUint64(8, true)), index: Number(view.getBigUint64(16, true)) };
}
