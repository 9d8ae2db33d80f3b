/** State machines whose ledger, or whose answers, have one bug each. */
import { SYSTEM_AUTHORITY } from "../../node/ledger/authority.ts";
import type { DebitAllowance } from "../../node/ledger/debit-allowance.ts";
import { Ledger } from "../../node/ledger/ledger.ts";
import type { Reader } from "../../node/state/answers.ts";
import type { QueryAnswer, StateQuery } from "../../node/state/queries.ts";
import { StateMachine, type StateMachineOptions } from "../../node/state/state-machine.ts";

const RECORD_BYTES = 128;
const FLAGS_OFFSET = 118;
const HEAD_BYTES = 24;

/** A state machine with a ledger that is spoiled after it was made. */
export function withSpoiledLedger(spoil: (ledger: Ledger) => void): (options: StateMachineOptions) => StateMachine {
  return ({ parts, ...options }) => {
    const ledger = (): Ledger => {
      const made = parts?.ledger?.() ?? new Ledger();
      spoil(made);
      return made;
    };
    return new StateMachine({ ...options, parts: { ...parts, ledger } });
  };
}

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

type FlatCall = (batch: Uint8Array, timestamp: bigint, by?: number | DebitAllowance) => Uint8Array;

/** A page of changes lacks the last one, and the next page begins behind it. */
export class SkipsChanges extends StateMachine {
  override query(query: StateQuery, reader: Reader): QueryAnswer {
    const answer = super.query(query, reader);
    if (answer.type !== "changeEvents") return answer;
    return {
      ...answer,
      heads: withoutLast(answer.heads, HEAD_BYTES),
      transfers: withoutLast(answer.transfers, RECORD_BYTES),
      debitAccounts: withoutLast(answer.debitAccounts, RECORD_BYTES),
      creditAccounts: withoutLast(answer.creditAccounts, RECORD_BYTES),
    };
  }
}

function withoutLast(rows: Uint8Array, width: number): Uint8Array {
  return rows.slice(0, Math.max(0, rows.length - width));
}

/** The next page of transfers begins a moment too late. */
export class LosesRowsBetweenPages extends StateMachine {
  override query(query: StateQuery, reader: Reader): QueryAnswer {
    const answer = super.query(query, reader);
    if (answer.type !== "queryTransfers" || answer.next === "0") return answer;
    const step = query.type === "queryTransfers" && query.flags === 1 ? -1n : 1n;
    return { ...answer, next: (BigInt(answer.next) + step).toString() };
  }
}
