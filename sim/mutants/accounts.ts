/** Ledgers that let somebody do what is beyond its rights or limits. */
import { SYSTEM_AUTHORITY } from "../../node/ledger/authority.ts";
import type { Ledger } from "../../node/ledger/ledger.ts";
import type { FlatCall } from "./batches.ts";

const RECORD_BYTES = 128;
const FLAGS_OFFSET = 118;

/** Accounts of the system may be overdrawn: so may that out of which a capped asset is issued. */
export function forgetsCaps(ledger: Ledger): void {
  const create = ledger.createAccounts.bind(ledger) as Ledger["createAccounts"] & FlatCall;
  const forgetful: FlatCall = (batch, timestamp, authority) => {
    const records = batch.slice();
    if (authority === SYSTEM_AUTHORITY) {
      for (let at = 0; at < records.length; at += RECORD_BYTES)
        records.fill(0, at + FLAGS_OFFSET, at + FLAGS_OFFSET + 2);
    }
    return create(records, timestamp, authority);
  };
  ledger.createAccounts = forgetful as Ledger["createAccounts"];
}

/** Whoever looks for a transfer sees twice its amount: twice as much of it may be reversed. */
export function reversesTwice(ledger: Ledger): void {
  const lookup = ledger.lookupTransfer.bind(ledger);
  ledger.lookupTransfer = (id) => {
    const transfer = lookup(id);
    return transfer === undefined ? undefined : { ...transfer, amount: 2n * transfer.amount };
  };
}

/** A delegate may do what its authority may. */
export function trustsDelegates(ledger: Ledger): void {
  const create = ledger.createTransfers.bind(ledger) as Ledger["createTransfers"] & FlatCall;
  const trusting: FlatCall = (batch, timestamp, by) =>
    create(batch, timestamp, typeof by === "object" ? by.authority : by);
  ledger.createTransfers = trusting as Ledger["createTransfers"];
}

/** To freeze an account is answered, and not done. */
export function freezesNothing(ledger: Ledger): void {
  ledger.freezeAccount = (id) => ledger.lookupAccount(id) !== undefined;
}
