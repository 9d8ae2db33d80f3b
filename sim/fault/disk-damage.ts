/**
 * What happens to a log behind the back of the node that wrote it: a bit that turns over, a sector that was never written
 * or stands in another one's place, files that are gone.
 *
 * Not everywhere: a log cannot tell the last group it acknowledged, if nothing written later speaks of it yet, from a torn
 * tail (docs/operating.md). Where that is damaged the node forgets it, and loss cannot be avoided; such places are spared.
 */
import type { LogIndex } from "../../node/base/ids.ts";
import type { Random } from "../../node/base/ports/random.ts";
import { LOG_DIRECTORY } from "../../node/recover.ts";
import { StorageError } from "../../storage/errors.ts";
import type { MemoryDisk } from "../../storage/memory-disk.ts";
import { PIECE_BYTES } from "../../storage/wal/patient-file.ts";
import { reachedPath, readReached } from "../../storage/wal/reached-file.ts";
import { chance, pick } from "../draw.ts";
import { type LogContents, logContents, logFiles, segments } from "./log-contents.ts";

export const LOG_DAMAGES = [
  "bitFlip",
  "lostWrite",
  "misdirectedWrite",
  "unreadable",
  "missingFile",
  "missingLog",
] as const;
export type LogDamage = (typeof LOG_DAMAGES)[number];

/** A byte that is not what was written. */
export interface RottenByte {
  readonly path: string;
  readonly offset: number;
  readonly byte: number;
}

const SECTOR_BYTES = 512;
/** Places that are tried before the damage is given up. */
const TRIES = 8;
/** Segments that may hold what nothing speaks of yet: the newest, and the one before while the newest's name is not durable. */
const YOUNG_SEGMENTS = 2;

/** How often it is the end of the newest file that cannot be read: there a node knows least of what it has lost. */
const AT_THE_END_PERMILLE = 500;

type Change = (disk: MemoryDisk) => void;

/** Damages the log on the disk of a node that is down, where it can know of it; false where there is no such place. */
export function damageLog(disk: MemoryDisk, how: LogDamage, random: Random): boolean {
  const before = logContents(disk);
  for (let tries = 0; tries < TRIES; tries++) {
    const change = draw(disk, how, random);
    if (change === undefined) return false;
    const trial = disk.copy();
    change(trial);
    if (!knows(trial, before)) continue;
    change(disk);
    return true;
  }
  return false;
}

/** Turns a bit over in an old file of the log, whether the node runs or not; undefined where there is none. */
export function rotOldFile(disk: MemoryDisk, random: Random): RottenByte | undefined {
  const place = drawByte(disk, segments(disk).slice(0, -YOUNG_SEGMENTS), random);
  if (place === undefined) return undefined;
  const { path, offset } = place;
  disk.flipBit(path, offset, random.below(8));
  return { path, offset, byte: byteAt(disk, path, offset) ?? 0 };
}

/**
 * A byte of the log, anywhere, cannot be read: once, or as long as its file is not written anew. False where there is none.
 * Nothing is spared, for who is told of an error knows that it does not know what stood there.
 */
export function spoilLog(disk: MemoryDisk, lasting: boolean, random: Random): boolean {
  const logs = segments(disk);
  const place = chance(random, AT_THE_END_PERMILLE)
    ? drawLast(disk, logs.at(-1), random)
    : drawByte(disk, logs, random);
  if (place === undefined) return false;
  if (lasting) disk.spoil(place.path, place.offset);
  else disk.spoilOnce(place.path, place.offset);
  return true;
}

/** Whether there is something in the log that cannot be read, however often. */
export function isSpoiled(disk: MemoryDisk): boolean {
  return segments(disk).some((path) => disk.isSpoiled(path));
}

/** Whether a byte is still what it was turned into. */
export function isRotten(disk: MemoryDisk, { path, offset, byte }: RottenByte): boolean {
  return byteAt(disk, path, offset) === byte;
}

/**
 * Whether a log that stood so either has its end, or is told that it has lost it. What stands behind a gap is an end only
 * where the log is told of the gap: otherwise that is a torn tail to it.
 */
function knows(disk: MemoryDisk, before: LogContents): boolean {
  if (looksForeign(disk)) return false;
  const { newest, told, end, blocks } = logContents(disk);
  if (told > newest) return true;
  const isThere = (index: LogIndex, hash: string): boolean => blocks.get(index)?.has(hash) === true;
  const untold = [...before.blocks].filter(([index]) => index > told);
  const isWhole = untold.every(([index, hashes]) => [...hashes].every((hash) => isThere(index, hash)));
  return isWhole && newest >= Math.max(before.newest, before.told) && (told > end || end >= before.end);
}

/** Both copies of what stands beside the log are damaged by now, and one looks like another program's: its node would not start. */
function looksForeign(disk: MemoryDisk): boolean {
  try {
    readReached(disk, LOG_DIRECTORY);
    return false;
  } catch (error) {
    if (error instanceof StorageError && error.code === "wal_foreign_format") return true;
    throw error;
  }
}

function draw(disk: MemoryDisk, how: LogDamage, random: Random): Change | undefined {
  const isUsed = (path: string): boolean => usedBytes(disk, path) > 0;
  // Where the log holds nothing, all would hit what stands beside it, time and again.
  if (!logFiles(disk).some(isUsed)) return undefined;
  const files = [...logFiles(disk), reachedPath(LOG_DIRECTORY)].filter(isUsed);
  switch (how) {
    case "bitFlip": {
      const { path, offset } = drawByte(disk, files, random) ?? {};
      const bit = random.below(8);
      return path === undefined || offset === undefined ? undefined : (on) => on.flipBit(path, offset, bit);
    }
    case "lostWrite":
      return overwrite(disk, files, random, (bytes) => new Uint8Array(bytes));
    case "misdirectedWrite": {
      const path = pick(random, files);
      const at = sectorOf(random.below(usedBytes(disk, path)));
      const misplaced = read(disk, path, at, SECTOR_BYTES);
      return overwrite(disk, files, random, (bytes) => misplaced.slice(0, bytes));
    }
    case "unreadable": {
      const { path, offset } = drawByte(disk, logFiles(disk), random) ?? {};
      // What says where the log begins is read by everything that could mend it.
      if (path?.endsWith(".wal") !== true || offset === undefined) return undefined;
      return (on) => {
        on.spoil(path, offset);
        // Nobody reads it any more; for whoever looks at the disk alone it is not there.
        const from = offset - (offset % PIECE_BYTES);
        const length = Math.min(PIECE_BYTES, on.durableBytes(path).length - from);
        on.overwrite(path, from, new Uint8Array(length));
      };
    }
    case "missingFile": {
      const path = pick(random, files);
      return (on) => on.vanish(path);
    }
    case "missingLog":
      return (on) => {
        for (const path of logFiles(on)) on.vanish(path);
      };
  }
}

/** Something else in the place of a sector. */
function overwrite(
  disk: MemoryDisk,
  files: readonly string[],
  random: Random,
  by: (bytes: number) => Uint8Array,
): Change | undefined {
  const place = drawByte(disk, files, random);
  if (place === undefined) return undefined;
  const { path } = place;
  const offset = sectorOf(place.offset);
  const { length } = read(disk, path, offset, SECTOR_BYTES);
  return (on) => on.overwrite(path, offset, by(length));
}

/** Any byte that is used in one of these files. */
function drawByte(
  disk: MemoryDisk,
  paths: readonly string[],
  random: Random,
): { readonly path: string; readonly offset: number } | undefined {
  const used = paths.map((path) => usedBytes(disk, path));
  const total = used.reduce((sum, bytes) => sum + bytes, 0);
  if (total === 0) return undefined;
  let offset = random.below(total);
  for (const [place, path] of paths.entries()) {
    const bytes = used[place] ?? 0;
    if (offset < bytes) return { path, offset };
    offset -= bytes;
  }
  return undefined;
}

/** One of the last bytes that are used in a file. */
function drawLast(
  disk: MemoryDisk,
  path: string | undefined,
  random: Random,
): { readonly path: string; readonly offset: number } | undefined {
  const used = path === undefined ? 0 : usedBytes(disk, path);
  return path === undefined || used === 0
    ? undefined
    : { path, offset: used - 1 - random.below(Math.min(used, SECTOR_BYTES)) };
}

function usedBytes(disk: MemoryDisk, path: string): number {
  return disk.durableBytes(path).findLastIndex((byte) => byte !== 0) + 1;
}

function byteAt(disk: MemoryDisk, path: string, offset: number): number | undefined {
  return disk.durableBytes(path)[offset];
}

function read(disk: MemoryDisk, path: string, offset: number, bytes: number): Uint8Array {
  return disk.durableBytes(path).slice(offset, offset + bytes);
}

function sectorOf(offset: number): number {
  return offset - (offset % SECTOR_BYTES);
}
