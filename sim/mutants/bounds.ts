/** What is bounded, and is not kept within its bound. */

import type { RaftOptions } from "../../consensus/raft/options.ts";
import { Raft } from "../../consensus/raft/raft.ts";
import type { LogStore } from "../../storage/wal/log-store.ts";
import { Wal } from "../../storage/wal/wal.ts";

/** A leader sends appends to a follower that answers none of them, for as long as there are any. */
export class SendsWithoutBound extends Raft {
  constructor(options: RaftOptions) {
    super({ ...options, appendsInFlightMax: Number.MAX_SAFE_INTEGER });
  }
}

/** Whatever a node has written of its log it holds in memory, too. */
export function keepsAllBlocks(...[disk, directory, options]: Parameters<typeof Wal.open>): LogStore {
  return Wal.open(disk, directory, { ...options, cacheBytes: Number.MAX_SAFE_INTEGER });
}
