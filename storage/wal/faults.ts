/** What can be wrong with a log, each said with the file, the offset in it, and the height that is concerned. */
import type { DiskError } from "../../node/base/ports/disk.ts";
import { StorageError } from "../errors.ts";
import { FORMAT_VERSION } from "./format.ts";

/** Where in the log. */
export interface LogPlace {
  readonly path: string;
  readonly offset: number;
  readonly index: number;
}

const REPAIR = "restore this node from its peers";

export function damaged(place: LogPlace): StorageError {
  return located("wal_damaged", `the log is damaged where it was acknowledged; ${REPAIR}`, place);
}

export function missingSegment(place: LogPlace): StorageError {
  return located("wal_missing_segment", `a file of the log is missing before this one; ${REPAIR}`, place);
}

export function foreignFormat(place: LogPlace, version: number): StorageError {
  const text = `the log has format ${version}, this program format ${FORMAT_VERSION}; use the version that wrote it`;
  return located("wal_foreign_format", text, place);
}

export function readFailed(place: LogPlace, error: DiskError): StorageError {
  return located("wal_read_failed", `the log cannot be read (${error.message}); replace the disk`, place, error);
}

export function writeFailed(error: DiskError): StorageError {
  const text = `the log cannot be written (${error.message}); nothing after this moment is durable`;
  return new StorageError("wal_write_failed", text, { ...error.facts, disk: error.code }, error);
}

function located(code: StorageError["code"], text: string, place: LogPlace, cause?: DiskError): StorageError {
  const { path, offset, index } = place;
  const facts = { segment: path, offset, index, ...(cause === undefined ? {} : { disk: cause.code }) };
  return new StorageError(code, `${text}: ${path}, byte ${offset}, height ${index}`, facts, cause);
}
