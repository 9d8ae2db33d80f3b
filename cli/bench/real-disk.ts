/** Whether what is written to a directory goes to a disk at all. */
import { statfsSync } from "node:fs";
import { CodedError } from "../../node/base/errors.ts";

/** `f_type` of Linux' file system in memory (linux/magic.h). */
const TMPFS_MAGIC = 0x0102_1994;

/** Throws `CodedError` `nothing_durable` where a directory is kept in memory: there a sync costs nothing, and a figure means nothing. */
export function assertRealDisk(directory: string): void {
  if (statfsSync(directory).type !== TMPFS_MAGIC) return;
  throw new CodedError("nothing_durable", `${directory} is in memory (tmpfs): set TMPDIR to a directory on a disk`);
}
