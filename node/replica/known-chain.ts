/** What a node knows of the committed chain, whatever others say: its checkpoint, and what its log begins behind. */
import type { WalRecord } from "../../storage/wal/log-store.ts";
import { equalBytes } from "../base/bytes.ts";
import type { LogIndex } from "../base/ids.ts";

/** A block of the committed chain. */
export interface KnownBlock {
  readonly index: LogIndex;
  readonly hash: Uint8Array;
}

/** Whether a log that ends like this is not of the chain, or lacks what is committed. */
export function isEndBefore(known: KnownBlock, { index, hash }: KnownBlock): boolean {
  return index < known.index || (index === known.index && !equalBytes(hash, known.hash));
}

/** Whether a block is another one than the known, or follows another. */
export function contradicts(
  known: KnownBlock,
  { index, hash, previousHash }: Pick<WalRecord, "index" | "hash" | "previousHash">,
): boolean {
  if (index === known.index) return !equalBytes(hash, known.hash);
  return index === known.index + 1 && !equalBytes(previousHash, known.hash);
}
