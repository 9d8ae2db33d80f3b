/**
 * Imported transfers keep their own timestamps, so these must fit between those that are there.
 */
import { hasTimestamp } from "./batch.ts";
import type { Columns } from "./columns.ts";
import { TransferStatus } from "./status.ts";

/** An imported transfer comes after everything imported before it and after both its accounts. */
export function importRule(
  { accounts, transfers }: Columns,
  transfer: { readonly debit: number; readonly credit: number; readonly timestamp: bigint },
): number | undefined {
  const { debit, credit, timestamp } = transfer;
  const newest = transfers.count === 0 ? 0n : transfers.timestamp(transfers.count - 1);
  if (timestamp <= newest || hasTimestamp(accounts.count, (slot) => accounts.timestamp(slot), timestamp)) {
    return TransferStatus.importedEventTimestampMustNotRegress;
  }
  if (timestamp <= accounts.timestamp(debit)) return TransferStatus.importedEventTimestampMustPostdateDebitAccount;
  if (timestamp <= accounts.timestamp(credit)) return TransferStatus.importedEventTimestampMustPostdateCreditAccount;
  return undefined;
}
