/** Errors of durable things. */
import { CodedError } from "../node/base/errors.ts";

export type StorageFault =
  | "wal_damaged"
  | "wal_foreign_format"
  | "wal_missing_segment"
  | "wal_read_failed"
  | "wal_write_failed"
  | "store_damaged"
  | "store_foreign_format"
  | "store_failed"
  | "data_in_use"
  | "data_not_lockable"
  | "data_key_missing"
  | "data_key_wrong"
  | "data_not_encrypted";

export class StorageError extends CodedError<StorageFault> {
  override readonly name = "StorageError";
}
