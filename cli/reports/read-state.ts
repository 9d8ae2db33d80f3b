/** Reading all of something out of a state, page by page. */
import { must } from "../../node/base/assert.ts";
import { QUERY_RESULTS_MAX } from "../../node/base/limits.ts";
import { accountFilterFlags } from "../../node/ledger/filters.ts";
import type { Account, Transfer } from "../../node/ledger/records.ts";
import type { PaymentView } from "../../node/state/queries.ts";
import type { StateMachine } from "../../node/state/state-machine.ts";
import { Assets } from "../amounts.ts";

/** Whoever holds the data sees everything. */
const EVERYTHING = { authority: 0, seesAll: true };

/** The assets of a state. */
export function assetsIn(state: StateMachine): Assets {
  const answer = state.query({ type: "assets" }, EVERYTHING);
  return new Assets(answer.type === "assets" ? answer.assets : []);
}

/** All accounts, or those of a ledger, in the order of their creation. */
export function accountsIn({ ledger }: StateMachine, ledgerNumber = 0): Iterable<Account> {
  return pages((timestampMin, limit) => ledger.queryAccounts({ ledger: ledgerNumber, timestampMin, limit }));
}

/** All transfers, or those of a ledger, oldest first. */
export function transfersIn({ ledger }: StateMachine, ledgerNumber = 0): Iterable<Transfer> {
  return pages((timestampMin, limit) => ledger.queryTransfers({ ledger: ledgerNumber, timestampMin, limit }));
}

/** All transfers of an account, oldest first. */
export function accountTransfersIn({ ledger }: StateMachine, accountId: bigint): Iterable<Transfer> {
  const flags = accountFilterFlags.debits | accountFilterFlags.credits;
  return pages((timestampMin, limit) => ledger.getAccountTransfers({ accountId, timestampMin, limit, flags }));
}

/** All payments, in the order of their creation. */
export function* paymentsIn(state: StateMachine): Generator<PaymentView> {
  for (let after = 0; ; ) {
    const answer = state.query({ type: "payments", after, limit: QUERY_RESULTS_MAX }, EVERYTHING);
    if (answer.type !== "payments") return;
    yield* answer.payments;
    if (answer.next === 0) return;
    after = answer.next;
  }
}

/** Pages of records in the order of their timestamps, each beginning behind the one before. */
function* pages<R extends { readonly timestamp: bigint }>(
  read: (timestampMin: bigint, limit: number) => readonly R[],
): Generator<R> {
  for (let from = 0n; ; ) {
    const page = read(from, QUERY_RESULTS_MAX);
    yield* page;
    if (page.length < QUERY_RESULTS_MAX) return;
    from = must(page.at(-1), "a full page is not empty").timestamp + 1n;
  }
}
