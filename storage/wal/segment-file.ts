/** Writing a whole segment of the log anew, from its records: it takes the place of the old one in one step. */
import type { Cipher } from "../../node/base/ports/cipher.ts";
import type { Disk, DiskDone, DiskError, DiskFile } from "../../node/base/ports/disk.ts";
import { keyIdOf } from "../data-key.ts";
import { StorageError } from "../errors.ts";
import {
  encodeMark,
  encodeRecords,
  encodeSegmentHeader,
  MARK_BYTES,
  recordBytes,
  SEGMENT_HEADER_BYTES,
  storedLength,
} from "./format.ts";
import { grownSize } from "./log-operations.ts";
import type { WalRecord } from "./log-store.ts";
import { replaceFile } from "./replace-file.ts";

/** In one write, give or take a record. */
const WRITE_BYTES = 4_194_304;

export interface SegmentFile {
  readonly disk: Disk;
  readonly path: string;
  readonly firstIndex: number;
  readonly segmentBytes: number;
  readonly cipher: Cipher | undefined;
}

export interface NewSegment {
  readonly file: DiskFile;
  /** Of its records, from the first on. */
  readonly offsets: readonly number[];
}

/** `next` gives the records one after the other, undefined behind the last, and may throw `StorageError`. */
export function writeSegment(
  segment: SegmentFile,
  next: () => WalRecord | undefined,
  done: (written: NewSegment | DiskError | StorageError) => void,
): void {
  const { disk, path, firstIndex, segmentBytes, cipher } = segment;
  const offsets: number[] = [];
  let end = SEGMENT_HEADER_BYTES;
  /** The records of one write, each given its offset. */
  const take = (): WalRecord[] => {
    const records: WalRecord[] = [];
    for (const from = end; end - from < WRITE_BYTES; ) {
      const record = next();
      if (record === undefined) break;
      records.push(record);
      offsets.push(end);
      end += recordBytes(storedLength(record, cipher));
    }
    return records;
  };
  const finish = (file: DiskFile, filled: DiskDone): void => {
    const capacity = Math.max(segmentBytes, end + MARK_BYTES);
    const last = firstIndex + offsets.length - 1;
    file.truncate(grownSize({ capacity }, end), () => {});
    file.write(end, offsets.length === 0 ? [] : [encodeMark(end, last)], filled);
  };
  const goOn = (file: DiskFile, filled: DiskDone): void => {
    try {
      const offset = end;
      const records = take();
      const [head] = records;
      if (head === undefined) {
        finish(file, filled);
        return;
      }
      const pieces = encodeRecords(records, { offset, durableIndex: head.index - 1, cipher });
      file.write(offset, pieces, (error) => (error === undefined ? goOn(file, filled) : filled(error)));
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      file.close();
      done(error);
    }
  };
  const fill = (file: DiskFile, filled: DiskDone): void => {
    const header = [encodeSegmentHeader(firstIndex, keyIdOf(cipher))];
    file.write(0, header, (error) => (error === undefined ? goOn(file, filled) : filled(error)));
  };
  replaceFile(disk, path, fill, (replaced) => {
    done("code" in replaced ? replaced : { file: replaced, offsets });
  });
}
