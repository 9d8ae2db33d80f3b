/** Reading a log without touching it, for `quorate verify`. */
import type { Disk } from "../../node/base/ports/disk.ts";
import type { WalRecord } from "./log-store.ts";
import { type ScanProblem, scanLog } from "./scan.ts";

export interface WalReport {
  readonly records: number;
  readonly segments: number;
  readonly lastIndex: number;
  readonly tornBytes: number;
  readonly problems: readonly ScanProblem[];
}

/** Checks every record of a log and shows the valid ones to `visit`, in order. */
export function verifyWal(disk: Disk, directory: string, visit: (record: WalRecord) => void = () => {}): WalReport {
  let records = 0;
  let lastIndex = 0;
  const scan = scanLog(disk, directory, (record) => {
    records += 1;
    lastIndex = record.index;
    visit(record);
  });
  for (const segment of scan.segments) segment.file.close();
  const { problems, tornBytes } = scan;
  return { records, segments: scan.segments.length, lastIndex, tornBytes, problems };
}
