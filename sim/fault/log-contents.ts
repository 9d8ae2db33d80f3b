/**
 * What stands in a log on a disk, whatever a node makes of it: read by its format alone, whole records and marks at any
 * place, names of files, and the note beside them. What a node is spared, and what is held to be lost, must not be decided by
 * the node's own reading.
 */
import { toHex, viewOf } from "../../node/base/bytes.ts";
import type { LogIndex } from "../../node/base/ids.ts";
import { LOG_DIRECTORY } from "../../node/recover.ts";
import type { MemoryDisk } from "../../storage/memory-disk.ts";
import {
  ALIGNMENT,
  claimedBytes,
  decodeClaimed,
  decodeSegmentHeader,
  type Found,
  MARK_BYTES,
  SEGMENT_HEADER_BYTES,
} from "../../storage/wal/format.ts";
import { readReached } from "../../storage/wal/reached-file.ts";

export interface LogContents {
  /** The newest record that is whole. */
  readonly newest: LogIndex;
  /** The newest that something tells of which is there. */
  readonly told: LogIndex;
  /** The last record of the newest file that nothing before it keeps from being read; the one before the file for none. */
  readonly end: LogIndex;
  /** Hashes of the blocks in whole records, in hexadecimal: what was replaced may stand beside what took its place. */
  readonly blocks: ReadonlyMap<LogIndex, ReadonlySet<string>>;
}

export function logContents(disk: MemoryDisk): LogContents {
  const blocks = new Map<LogIndex, Set<string>>();
  let newest = 0;
  let told = readReached(disk, LOG_DIRECTORY);
  for (const path of segments(disk)) {
    told = Math.max(told, beforeFile(path));
    const bytes = disk.durableBytes(path);
    const view = viewOf(bytes);
    for (let at = SEGMENT_HEADER_BYTES; at + MARK_BYTES <= bytes.length; at += ALIGNMENT) {
      const found = foundAt(bytes, view, at);
      if (found === undefined) continue;
      told = Math.max(told, found.durableIndex);
      if (found.record === undefined) continue;
      const { index, hash } = found.record;
      newest = Math.max(newest, index);
      blocks.set(index, (blocks.get(index) ?? new Set()).add(toHex(hash)));
    }
  }
  return { newest, told, end: endOf(disk, segments(disk).at(-1)), blocks };
}

function endOf(disk: MemoryDisk, path: string | undefined): LogIndex {
  if (path === undefined) return 0;
  let end = beforeFile(path);
  const bytes = disk.durableBytes(path);
  if (decodeSegmentHeader(bytes) === undefined) return end;
  const view = viewOf(bytes);
  for (let at = SEGMENT_HEADER_BYTES; ; ) {
    const found = foundAt(bytes, view, at);
    if (found === undefined) return end;
    end = found.record?.index ?? end;
    at += found.bytes;
  }
}

/** The index before the first one that a file may have. */
function beforeFile(path: string): LogIndex {
  return Number.parseInt(path.slice(-20, -4), 16) - 1;
}

/** A whole record or mark. */
function foundAt(bytes: Uint8Array, view: DataView, at: number): Found | undefined {
  const claimed = claimedBytes(view, at, at);
  if (claimed === undefined || at + claimed > bytes.length) return undefined;
  return decodeClaimed(bytes.subarray(at, at + claimed));
}

/** The files that hold records, the oldest first. */
export function segments(disk: MemoryDisk): string[] {
  return logFiles(disk).filter((path) => path.endsWith(".wal"));
}

export function logFiles(disk: MemoryDisk): string[] {
  return disk.list(LOG_DIRECTORY).map((name) => `${LOG_DIRECTORY}/${name}`);
}
