/** Reading a log without touching it, for `quorate verify`. */
import type { Disk } from "../../node/base/ports/disk.ts";
import { StorageError } from "../errors.ts";
import type { WalRecord } from "./log-store.ts";
import { type ScannedSegment, scanLog } from "./scan.ts";

export interface WalReport {
  readonly records: number;
  readonly segments: number;
  /** Bytes of an unfinished write at the end, which nobody had been promised. */
  readonly tornBytes: number;
  /** What is wrong; the records before it are sound. */
  readonly problem: StorageError | undefined;
}

/** Checks every record of a log and shows the valid ones to `visit`, in order, up to the first problem. */
export function verifyWal(disk: Disk, directory: string, visit: (record: WalRecord) => void = () => {}): WalReport {
  const segments = new Set<ScannedSegment>();
  let records = 0;
  try {
    const scan = scanLog(disk, directory, (record, segment) => {
      segments.add(segment);
      records += 1;
      visit({ ...record, payload: record.payload.slice() });
    });
    for (const { file } of scan.segments) file.close();
    return { records, segments: scan.segments.length, tornBytes: scan.tornBytes, problem: undefined };
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    return { records, segments: segments.size, tornBytes: 0, problem: error };
  }
}
