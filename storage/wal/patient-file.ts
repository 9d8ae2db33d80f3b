/** A file of which what cannot be read is taken for zeros, a piece at a time, so that the rest of it can be used. */
import { DiskError, type DiskFile } from "../../node/base/ports/disk.ts";

/** Of a page of the system's cache: what one bad sector takes along. */
export const PIECE_BYTES = 4_096;
/** A dying disk takes its time for each error: after so many the rest of the file counts as unreadable. */
const ERRORS_MAX = 32;

export interface PatientFile extends DiskFile {
  /** Where the last piece begins that could not be read; undefined while all could. */
  readonly unreadableAt: () => number | undefined;
}

export function patient(file: DiskFile): PatientFile {
  let errors = 0;
  let unreadableAt: number | undefined;
  const readPiece = (offset: number, into: Uint8Array): void => {
    if (errors < ERRORS_MAX) {
      try {
        file.read(offset, into.length, into);
        return;
      } catch (error) {
        if (!(error instanceof DiskError)) throw error;
        errors += 1;
      }
    }
    into.fill(0);
    unreadableAt = Math.max(unreadableAt ?? 0, offset);
  };
  const readPieces = (offset: number, length: number, into?: Uint8Array): Uint8Array => {
    const bytes = Math.max(0, Math.min(length, file.size() - offset));
    const result = (into ?? new Uint8Array(bytes)).subarray(0, bytes);
    for (let at = 0; at < bytes; ) {
      const end = Math.min(bytes, at + PIECE_BYTES - ((offset + at) % PIECE_BYTES));
      readPiece(offset + at, result.subarray(at, end));
      at = end;
    }
    return result;
  };
  return {
    path: file.path,
    size: () => file.size(),
    read: (offset, length, into) => {
      try {
        return file.read(offset, length, into);
      } catch (error) {
        if (!(error instanceof DiskError)) throw error;
        return readPieces(offset, length, into);
      }
    },
    write: (offset, chunks, done) => file.write(offset, chunks, done),
    truncate: (size, done) => file.truncate(size, done),
    sync: (done) => file.sync(done),
    settle: (offset, bytes, size) => file.settle(offset, bytes, size),
    close: () => file.close(),
    unreadableAt: () => unreadableAt,
  };
}
