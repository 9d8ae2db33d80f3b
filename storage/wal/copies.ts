/** The small files of a log that are kept twice: where it begins, and how far it reaches. */
import type { Disk } from "../../node/base/ports/disk.ts";
import type { StorageError } from "../errors.ts";
import { copyDamaged } from "./faults.ts";
import { reachedDamage, reachedPath } from "./reached-file.ts";
import { startDamage, startPath } from "./start-file.ts";

/** What is damaged of them, said of the height at which the log begins. Throws `DiskError`. */
export function damagedCopies(disk: Disk, directory: string, index: number): StorageError[] {
  const start = startDamage(disk, directory).map((offset) => ({ path: startPath(directory), offset, index }));
  const reached = reachedDamage(disk, directory).map((offset) => ({ path: reachedPath(directory), offset, index }));
  return [...start, ...reached].map(copyDamaged);
}
