/** Which fault explains that a node has stopped itself: one that it has met, and that it names. */

/** What a node says of a write or a sync of its log that has failed. */
const DISK_FAILED: readonly string[] = ["wal_write_failed", "disk_io"];
/** What a node says that has met one place of its log twice that cannot be read. */
export const READ_FAILED = "wal_read_failed";
const STORE_FAILED = "store_failed";

/** What has happened to a node since it started. */
export interface Met {
  /** A write or a sync of its log has failed. */
  readonly diskFailed: boolean;
  /** A write of its store has failed. */
  readonly storeFailed: boolean;
  /** Reads of its log have failed. */
  readonly readFailed: boolean;
}

/** The fault that explains why a node stopped itself with this code; undefined where none does. */
export function excuseOf(code: string, { diskFailed, storeFailed, readFailed }: Met): keyof Met | undefined {
  if (code === STORE_FAILED && storeFailed) return "storeFailed";
  if (code === READ_FAILED && readFailed) return "readFailed";
  return DISK_FAILED.includes(code) && diskFailed ? "diskFailed" : undefined;
}
