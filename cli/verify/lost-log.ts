/** That a stopped node's log is gone as a whole: it looks as if there had never been one, and only the store can tell. */
import type { Disk } from "../../node/base/ports/disk.ts";
import type { Store } from "../../node/base/ports/store.ts";
import { isLogNoted } from "../../node/log-note.ts";
import { loadCheckpointMeta } from "../../node/replica/checkpoint.ts";
import { loadFetched } from "../../node/replica/fetched-pages.ts";
import { loadHardState } from "../../node/replica/hard-state-store.ts";
import { isReachedKnown } from "../../storage/wal/reached-file.ts";
import type { WalReport } from "../../storage/wal/verify.ts";

/** What a store tells of the log beside it. */
export interface ToldOfLog {
  readonly hasCheckpoint: boolean;
  /** The newest that the node has been in; 0 where it has been in none, or is fetching a checkpoint in place of a log. */
  readonly term: number;
  /** It says that there is a log. */
  readonly notesLog: boolean;
}

export interface LostLog {
  readonly reason: string;
  /** The store says so; else the node may have been stopped before its first block. */
  readonly isSure: boolean;
}

export function toldOfLog(store: Pick<Store, "get" | "snapshot">): ToldOfLog {
  return {
    hasCheckpoint: loadCheckpointMeta(store) !== undefined,
    term: loadFetched(store) === undefined ? loadHardState(store).term : 0,
    notesLog: isLogNoted(store),
  };
}

/**
 * A store that notes a log is never without what says how far that reached. One of an earlier program does not say: there a node
 * takes part in a term by what it writes into its log, but for the moment before its first block, or before it has noted which
 * checkpoint it fetches. Nothing tells that from a log that is gone, and such a node would start and have forgotten what it
 * acknowledged: better a new node is called damaged, which loses nothing by joining again. Throws `DiskError`.
 */
export function lostLog(
  disk: Disk,
  { hasCheckpoint, term, notesLog }: ToldOfLog,
  { problem, records, tornBytes }: Pick<WalReport, "problem" | "records" | "tornBytes">,
): LostLog | undefined {
  if (problem !== undefined || records > 0 || tornBytes > 0) return undefined;
  if (notesLog) {
    if (isReachedKnown(disk, "log")) return undefined;
    return { reason: "the log is gone, with all that stood beside it", isSure: true };
  }
  if (term === 0 || hasCheckpoint) return undefined;
  const unless = "unless it was stopped before it got its first block";
  return { reason: `the log is gone: the node has been in term ${term} and has no block, ${unless}`, isSure: false };
}
