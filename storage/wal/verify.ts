/** Reading a log without touching it, for `quorate verify`. */
import type { Cipher } from "../../node/base/ports/cipher.ts";
import type { Disk } from "../../node/base/ports/disk.ts";
import { StorageError } from "../errors.ts";
import { damagedCopies } from "./copies.ts";
import { damaged, type LogPlace } from "./faults.ts";
import { openRecord } from "./format.ts";
import type { LogStart, WalRecord } from "./log-store.ts";
import { type ScannedSegment, scanLog, startOf } from "./scan.ts";

export interface WalReport {
  /** Where the log begins: what was before it has been given up. */
  readonly firstIndex: number;
  readonly records: number;
  readonly segments: number;
  /** Bytes of an unfinished write at the end, which nobody had been promised. */
  readonly tornBytes: number;
  /** Where that begins, and the height of the block that it would be. */
  readonly tornAt: LogPlace | undefined;
  /** What is wrong; the records before it are sound. */
  readonly problem: StorageError | undefined;
}

/** Where a log begins, without reading it; undefined for index 1. Throws `StorageError`. */
export function logStart(disk: Disk, directory: string): LogStart | undefined {
  return startOf(disk, directory);
}

/** Checks every record of a log and shows the valid ones to `visit`, in order, up to the first problem. */
export function verifyWal(
  disk: Disk,
  directory: string,
  cipher?: Cipher,
  visit: (record: WalRecord) => void = () => {},
): WalReport {
  const segments = new Set<ScannedSegment>();
  let records = 0;
  let firstIndex = 1;
  try {
    const start = startOf(disk, directory);
    firstIndex = (start?.index ?? 0) + 1;
    const scan = scanLog(disk, directory, { cipher, start }, (record, segment, offset) => {
      segments.add(segment);
      const opened = openRecord(record, cipher);
      if (opened === undefined) throw damaged({ path: segment.path, offset, index: record.index });
      records += 1;
      visit({ ...opened, payload: opened.payload.slice() });
    });
    for (const { file } of scan.segments) file.close();
    const problem = damagedCopies(disk, directory, firstIndex)[0];
    const { tornBytes, tornAt } = scan;
    return { firstIndex, records, segments: scan.segments.length, tornBytes, tornAt, problem };
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    return { firstIndex, records, segments: segments.size, tornBytes: 0, tornAt: undefined, problem: error };
  }
}
