/** What must hold between pending transfers and their accounts: each account holds what its pending transfers say. */
import { assert } from "../base/assert.ts";
import type { Books } from "./books.ts";
import * as layout from "./layout.ts";

/** Throws `InvariantError` where it does not; looks at all pending transfers and all accounts. */
export function checkHolds({ accounts, transfers }: Books): void {
  const debits = new Map<number, bigint>();
  const credits = new Map<number, bigint>();
  transfers.statuses.forEachPending((slot) => {
    const { amount } = transfers.transfer(slot);
    add(debits, transfers.get(slot, layout.ROW.debit), amount);
    add(credits, transfers.get(slot, layout.ROW.credit), amount);
  });
  for (let slot = 0; slot < accounts.count; slot++) {
    const { id, debitsPending, creditsPending } = accounts.account(slot);
    assert(debitsPending === (debits.get(slot) ?? 0n), `the pending debits of account ${id} are not its holds`);
    assert(creditsPending === (credits.get(slot) ?? 0n), `the pending credits of account ${id} are not its holds`);
  }
}

function add(sums: Map<number, bigint>, slot: number, amount: bigint): void {
  sums.set(slot, (sums.get(slot) ?? 0n) + amount);
}
