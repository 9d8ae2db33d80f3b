/**
 * That the node has a log, noted in the store: nothing in a directory that is empty tells of what was in it. `log.reached`
 * beside the log is there before the note is, and from then on always. So a store with the note beside neither has lost its
 * log, and one whose node was stopped before its first block has not.
 *
 * The store keeps its writes in order: at a node's first start the note is durable before the first term and vote are, and so
 * before anything is acknowledged.
 */
import type { StorageError } from "../storage/errors.ts";
import { endMissing, writeFailed } from "../storage/wal/faults.ts";
import type { LogStore } from "../storage/wal/log-store.ts";
import { isReachedKnown, reachedPath, settleReached } from "../storage/wal/reached-file.ts";
import { type Disk, DiskError } from "./base/ports/disk.ts";
import type { Store } from "./base/ports/store.ts";

const KEY = "node/log";

/** Whether the store says that there is a log. */
export function isLogNoted(store: Pick<Store, "get">): boolean {
  return store.get(KEY) !== undefined;
}

/** What is lost of a log that holds nothing; undefined where nothing is, or nothing tells. Throws `DiskError`. */
export function lostLog(
  disk: Disk,
  store: Pick<Store, "get">,
  directory: string,
  log: Pick<LogStore, "firstIndex" | "lastIndex">,
): StorageError | undefined {
  const index = log.firstIndex();
  if (log.lastIndex() >= index || !isLogNoted(store) || isReachedKnown(disk, directory)) return undefined;
  return endMissing({ path: reachedPath(directory), offset: 0, index });
}

/**
 * Notes that there is a log, which is not lost; `fail` is told when that cannot be written. A disk that is full is left alone:
 * the next start notes it. Throws `StorageError`.
 */
export function noteLog(disk: Disk, store: Store, directory: string, fail: (error: Error) => void): void {
  if (isLogNoted(store)) return;
  try {
    if (!isReachedKnown(disk, directory)) settleReached(disk, directory, 0);
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    if (error.code === "disk_full") return;
    throw writeFailed(error);
  }
  store.write([{ key: KEY, value: Uint8Array.of(1) }], (error) => {
    if (error !== undefined) fail(error);
  });
}
