/**
 * Reading all that a stopped node keeps and comparing it with its checksums: everything that is damaged is told, and which
 * blocks are lost with it. Nothing is executed; that is what `quorate verify` does.
 */
import { join } from "node:path";
import { CodedError } from "../../node/base/errors.ts";
import { SEGMENT_BYTES } from "../../node/base/limits.ts";
import type { Cipher } from "../../node/base/ports/cipher.ts";
import { isClaimed, lostStore } from "../../node/data-owner.ts";
import { StorageError } from "../../storage/errors.ts";
import { NodeDisk } from "../../storage/node-disk.ts";
import type { UntouchedStore } from "../../storage/state/untouched-store.ts";
import { NOT_LOOKED_AT, verifyStore, whileLocked } from "../../storage/state/verify-store.ts";
import { damagedCopies } from "../../storage/wal/copies.ts";
import { DamagedLog } from "../../storage/wal/damaged-log.ts";
import { REJOIN } from "../verify/verify-node.ts";

/** Something that is not what was written. */
export interface Finding {
  readonly code: string;
  readonly message: string;
}

/** Heights of blocks, both included. */
export interface LostBlocks {
  readonly from: number;
  readonly to: number;
}

export interface ScrubbedData {
  readonly data: string;
  readonly blocks: number;
  readonly damage: readonly Finding[];
  readonly lost: readonly LostBlocks[];
}

/** Throws `CodedError` where the data cannot be opened, `data_in_use` where a node runs on it. */
export async function scrubData(data: string, cipher: Cipher | undefined): Promise<ScrubbedData> {
  return await whileLocked(join(data, "state"), async (locked) => {
    return scrubLog(data, cipher, await storeDamage(locked, cipher));
  });
}

function scrubLog(data: string, cipher: Cipher | undefined, { isNew, damage: store }: StoreDamage): ScrubbedData {
  const disk = new NodeDisk(data, { readOnly: true });
  const log = DamagedLog.open(disk, "log", { segmentBytes: SEGMENT_BYTES, cipher, reached: 0 });
  try {
    const damage: CodedError[] = [...log.faults, ...damagedCopies(disk, "log", log.firstIndex)];
    let blocks = 0;
    for (let index = log.firstIndex; index <= log.lastIndex; index++) {
      try {
        if (log.read(index) !== undefined) blocks += 1;
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        damage.push(error);
      }
    }
    const vote = isNew ? lostStore(damage.length > 0 ? undefined : log.lastIndex) : undefined;
    if (vote !== undefined) damage.push(new CodedError(vote.code, `${vote.message}; ${REJOIN}`));
    const lost = log.holes.map(({ from, to }) => ({ from, to }));
    return { data, blocks, damage: [...damage, ...store].map(({ code, message }) => ({ code, message })), lost };
  } finally {
    log.close();
  }
}

interface StoreDamage {
  /** It is not there, or nobody's yet; false where that cannot be seen. */
  readonly isNew: boolean;
  readonly damage: readonly CodedError[];
}

async function storeDamage(locked: UntouchedStore | undefined, cipher: Cipher | undefined): Promise<StoreDamage> {
  if (locked === undefined) return { isNew: true, damage: [] };
  let isNew = false;
  try {
    const damage = await verifyStore(locked, cipher, (store) => {
      isNew = !isClaimed(store);
    });
    return { isNew, damage };
  } catch (error) {
    if (!(error instanceof CodedError) || NOT_LOOKED_AT.includes(error.code)) throw error;
    return { isNew, damage: [error] };
  }
}
