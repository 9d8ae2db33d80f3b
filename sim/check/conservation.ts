/**
 * Conservation of money: in every currency all debits equal all credits, posted and pending alike. Summed up here from the
 * accounts one by one, as a node shows them; what the node itself adds up is not asked.
 */
import type { Account } from "../../node/ledger/records.ts";
import type { Verdict } from "./verdict.ts";

/** `accounts` are all there are in their currencies. */
export function checkConservation(verdict: Verdict, where: () => string, accounts: readonly Account[]): void {
  const sums = new Map<number, { posted: bigint; pending: bigint }>();
  for (const { ledger, debitsPosted, creditsPosted, debitsPending, creditsPending } of accounts) {
    const sum = sums.get(ledger) ?? { posted: 0n, pending: 0n };
    sum.posted += debitsPosted - creditsPosted;
    sum.pending += debitsPending - creditsPending;
    sums.set(ledger, sum);
  }
  for (const [ledger, { posted, pending }] of sums) {
    verdict.expect(
      posted === 0n && pending === 0n,
      "conservation",
      () => `${where()}: debits minus credits of currency ${ledger} are ${posted} posted and ${pending} pending`,
    );
  }
}
