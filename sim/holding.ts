/** What a node has of what is committed, by what stands on its disks and by what it runs on, whatever it makes of it. */
import { toHex } from "../node/base/bytes.ts";
import type { LogIndex, NodeId } from "../node/base/ids.ts";
import { DiskError } from "../node/base/ports/disk.ts";
import { loadCheckpointMeta } from "../node/replica/checkpoint.ts";
import { blockHash } from "../node/wire/block.ts";
import type { MemoryDisk } from "../storage/memory-disk.ts";
import { PIECE_BYTES } from "../storage/wal/patient-file.ts";
import type { Inspected } from "./cluster.ts";
import { logContents, segments } from "./fault/log-contents.ts";
import { sha256 } from "./sha256.ts";
import type { VirtualDisk } from "./virtual-disk.ts";

export interface Holding {
  readonly node: NodeId;
  /** Whether its log has the block with this hash, in hexadecimal, or is about to write it. */
  readonly has: (index: LogIndex, hash: string) => boolean;
  /** How far a state of its goes that it can go on from. */
  readonly stateHeight: LogIndex;
  /** Its log went on behind what is left of it, and only a leader can say how. */
  readonly endIsLost: boolean;
  /** Whether nothing is missing of its log behind this. */
  readonly isWholeBehind: (index: LogIndex) => boolean;
}

/** `inspected` is undefined for a node that is down, or only mends its log. */
export function holdingOf(
  node: NodeId,
  { disk, store }: Pick<VirtualDisk, "disk" | "store">,
  inspected: Inspected | undefined,
): Holding {
  const { newest, told, blocks } = logContents(readable(disk));
  const checkpoint = loadCheckpointMeta(store);
  const onDisk = (index: LogIndex, hash: string): boolean => blocks.get(index)?.has(hash) ?? false;
  if (inspected !== undefined) {
    const { raft, state } = inspected;
    const waits = (index: LogIndex, hash: string): boolean =>
      index > raft.stableIndex && index <= raft.lastIndex && hashAt(raft, index) === hash;
    const has = (index: LogIndex, hash: string): boolean => onDisk(index, hash) || waits(index, hash);
    return { node, has, stateHeight: state.height, endIsLost: false, isWholeBehind: () => true };
  }
  const reached = checkpoint === undefined || checkpoint.isForeign ? told : Math.max(told, checkpoint.height);
  const stateHeight = store.isDamaged ? 0 : (checkpoint?.height ?? 0);
  const isWholeBehind = (index: LogIndex): boolean => {
    let next = index + 1;
    while (next <= newest && blocks.has(next)) next += 1;
    return next > newest;
  };
  // What stood last in a file that cannot be read everywhere nobody knows: it may have been more than is told of.
  const endIsLost = reached > newest || disk.isSpoiled(segments(disk).at(-1) ?? "");
  return { node, has: onDisk, stateHeight, endIsLost, isWholeBehind };
}

/** The disk without what nobody can read from it, however often. */
function readable(disk: MemoryDisk): MemoryDisk {
  const spoiled = segments(disk).filter((path) => disk.isSpoiled(path));
  if (spoiled.length === 0) return disk;
  const copy = disk.copy();
  for (const path of spoiled) {
    const size = copy.durableBytes(path).length;
    for (let at = 0; at < size; at += PIECE_BYTES) {
      const bytes = Math.min(PIECE_BYTES, size - at);
      if (!canRead(copy, path, at, bytes) && !canRead(copy, path, at, bytes))
        copy.overwrite(path, at, new Uint8Array(bytes));
    }
  }
  return copy;
}

/** What fails once is read the next time. */
function canRead(disk: MemoryDisk, path: string, at: number, bytes: number): boolean {
  try {
    disk.open(path, { create: false }).read(at, bytes);
    return true;
  } catch (error) {
    if (error instanceof DiskError) return false;
    throw error;
  }
}

function hashAt(raft: Inspected["raft"], index: LogIndex): string {
  return toHex(blockHash(sha256, raft.entry(index).data));
}
