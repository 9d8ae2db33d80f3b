/** What can be wrong with a log, each said with the file, the offset in it, and the height that is concerned. */
import type { ErrorFacts } from "../../node/base/errors.ts";
import type { DiskError } from "../../node/base/ports/disk.ts";
import { StorageError } from "../errors.ts";
import { FORMAT_VERSION } from "./format.ts";

/** Where in the log. */
export interface LogPlace {
  readonly path: string;
  readonly offset: number;
  readonly index: number;
}

const REPAIR = "a node that starts gets it back from its peers";

export function damaged(place: LogPlace): StorageError {
  const text = `the log is damaged where it was acknowledged; ${REPAIR}`;
  return new StorageError("wal_damaged", withPlace(text, place), factsOf(place));
}

/** One of two copies: the other is in use. */
export function copyDamaged(place: LogPlace): StorageError {
  const text =
    "one of two copies of where the log begins, or how far it reaches, is damaged; the other is in use, a node that runs writes both again";
  return new StorageError("wal_damaged", withPlace(text, place), { ...factsOf(place), isCopy: true });
}

/** Both copies, for the disk does not read them. */
export function copiesUnreadable(error: DiskError): StorageError {
  const text = `a file beside the log cannot be read (${error.message}); replace the disk`;
  return new StorageError("wal_read_failed", text, { ...error.facts, disk: error.code }, error);
}

export function missingSegment(place: LogPlace): StorageError {
  const text = `a file of the log is missing before this one; ${REPAIR}`;
  return new StorageError("wal_missing_segment", withPlace(text, place), factsOf(place));
}

/** The log ends before what it is known to have reached. */
export function endMissing(place: LogPlace): StorageError {
  const text = `the end of the log is missing, a file of it or more; ${REPAIR}`;
  return new StorageError("wal_missing_segment", withPlace(text, place), factsOf(place));
}

export function foreignFormat(place: LogPlace, version: number): StorageError {
  const text = `the log has format ${version}, this program format ${FORMAT_VERSION}; use the version that wrote it`;
  return new StorageError("wal_foreign_format", withPlace(text, place), { ...factsOf(place), version });
}

/** A small file beside the log; see `NumberedFile`. */
export function foreignCopy(path: string, version: number, known: number): StorageError {
  const text = `${path} has format ${version}, this program format ${known}; use the version that wrote it`;
  return new StorageError("wal_foreign_format", text, { segment: path, version });
}

export function readFailed(place: LogPlace, error: DiskError): StorageError {
  const text = `the log cannot be read (${error.message}); replace the disk`;
  return new StorageError("wal_read_failed", withPlace(text, place), { ...factsOf(place), disk: error.code }, error);
}

export function writeFailed(error: DiskError): StorageError {
  const text = `the log cannot be written (${error.message}); nothing after this moment is durable`;
  return new StorageError("wal_write_failed", text, { ...error.facts, disk: error.code }, error);
}

function withPlace(text: string, { path, offset, index }: LogPlace): string {
  return `${text}: ${path}, byte ${offset}, height ${index}`;
}

function factsOf({ path, offset, index }: LogPlace): ErrorFacts {
  return { segment: path, offset, index };
}
