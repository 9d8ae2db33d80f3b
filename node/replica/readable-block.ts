/** A block of the log for others: one that is damaged here is one that is not there. */
import { StorageError } from "../../storage/errors.ts";
import type { WalRecord } from "../../storage/wal/log-store.ts";

export function readableBlock(
  read: (height: number) => WalRecord | undefined,
): (height: number) => Uint8Array | undefined {
  return (height) => {
    try {
      return read(height)?.payload;
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      return undefined;
    }
  };
}
