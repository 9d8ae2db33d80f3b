/** Reading a log without touching it, for `quorate verify`. */
import type { Cipher } from "../../node/base/ports/cipher.ts";
import type { Disk } from "../../node/base/ports/disk.ts";
import { StorageError } from "../errors.ts";
import { damaged } from "./faults.ts";
import { openRecord } from "./format.ts";
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
export function verifyWal(
  disk: Disk,
  directory: string,
  cipher?: Cipher,
  visit: (record: WalRecord) => void = () => {},
): WalReport {
  const segments = new Set<ScannedSegment>();
  let records = 0;
  try {
    const scan = scanLog(disk, directory, cipher, (record, segment, offset) => {
      segments.add(segment);
      const opened = openRecord(record, cipher);
      if (opened === undefined) throw damaged({ path: segment.path, offset, index: record.index });
      records += 1;
      visit({ ...opened, payload: opened.payload.slice() });
    });
    for (const { file } of scan.segments) file.close();
    return { records, segments: scan.segments.length, tornBytes: scan.tornBytes, problem: undefined };
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    return { records, segments: segments.size, tornBytes: 0, problem: error };
  }
}
