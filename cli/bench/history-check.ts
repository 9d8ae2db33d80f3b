/** Whether what a cluster says of an account's history is what it says of its balances. */
import { CodedError } from "../../node/base/errors.ts";
import type { Account, Transfer } from "../../node/ledger/records.ts";

/** A page of an account's transfers; `isWhole` where nothing is left of them. */
export interface HistoryPage {
  readonly transfers: readonly Pick<Transfer, "id" | "debitAccountId" | "creditAccountId" | "amount">[];
  readonly isWhole: boolean;
}

/**
 * Throws `CodedError` `bench_wrong_result` where debits or credits do not add up to the account's: exactly where the page
 * is the whole history, and to no more than they are where it is a part of it.
 */
export function assertAddsUp(
  { id, debitsPosted, creditsPosted }: Pick<Account, "id" | "debitsPosted" | "creditsPosted">,
  { transfers, isWhole }: HistoryPage,
): void {
  let debits = 0n;
  let credits = 0n;
  for (const transfer of transfers) {
    if (transfer.debitAccountId === id) debits += transfer.amount;
    else if (transfer.creditAccountId === id) credits += transfer.amount;
    else throw wrong(`transfer ${transfer.id} is in the history of account ${id}, which has no part in it`);
  }
  const fits = isWhole
    ? debits === debitsPosted && credits === creditsPosted
    : debits <= debitsPosted && credits <= creditsPosted;
  if (fits) return;
  const sums = `debits of ${debits} and credits of ${credits}`;
  throw wrong(`account ${id} has ${debitsPosted} and ${creditsPosted}, and a history with ${sums}`);
}

function wrong(message: string): CodedError {
  return new CodedError("bench_wrong_result", message);
}
