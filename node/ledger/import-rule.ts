/**
 * Imported transfers keep their own timestamps, so these must fit between those that are there.
 */
import { type Books, EXPIRY } from "./books.ts";
import * as layout from "./layout.ts";
import { ROW } from "./layout.ts";
import { TransferStatus } from "./status.ts";
import { compare64 } from "./words.ts";

/** What is wrong with the timestamp that an imported transfer claims; 0 for nothing. */
export function importRule(books: Books, words: Uint32Array, at: number, debit: number, credit: number): number {
  const { rows } = books.accounts;
  const time = at + layout.TIMESTAMP;
  if (regresses(books, words, time)) return TransferStatus.importedEventTimestampMustNotRegress;
  if (compare64(words, time, rows, debit * layout.RECORD_WORDS + layout.TIMESTAMP) <= 0) {
    return TransferStatus.importedEventTimestampMustPostdateDebitAccount;
  }
  if (compare64(words, time, rows, credit * layout.RECORD_WORDS + layout.TIMESTAMP) <= 0) {
    return TransferStatus.importedEventTimestampMustPostdateCreditAccount;
  }
  return 0;
}

/** It comes after all transfers, and not at the time of an account or of an expiry: the times of changes are unique. */
function regresses({ accounts, transfers, expiries }: Books, words: Uint32Array, time: number): boolean {
  const other = new Uint32Array(2);
  if (transfers.count > 0) {
    transfers.table.copy(transfers.count - 1, ROW.timestamp, 2, other, 0);
    if (compare64(words, time, other, 0) <= 0) return true;
  }
  return accounts.hasTimestamp(words, time) || expiries.hasTime(EXPIRY.timestamp, words, time);
}
