/**
 * What stands in the columns of a report. Values that do not fit in 64 bits (ids, amounts) are decimal text: Parquet's
 * decimals end at 38 digits, and 2^128 - 1 has 39. Times are whole nanoseconds of log time.
 */
import type { Account, Transfer } from "../../node/ledger/records.ts";
import type { StatementLine } from "../../node/ledger/statement.ts";
import type { PaymentView } from "../../node/state/queries.ts";
import type { Assets } from "../amounts.ts";

interface ColumnOf<Row, Type extends string, Value> {
  readonly name: string;
  readonly type: Type;
  readonly value: (row: Row) => Value;
}

export type Column<Row> =
  | ColumnOf<Row, "text", string>
  | ColumnOf<Row, "integer", number>
  | ColumnOf<Row, "time", bigint>;

export function text<Row>(name: string, value: (row: Row) => string | bigint): Column<Row> {
  return { name, type: "text", value: (row) => value(row).toString() };
}

export function integer<Row>(name: string, value: (row: Row) => number): Column<Row> {
  return { name, type: "integer", value };
}

export function time<Row>(name: string, value: (row: Row) => bigint): Column<Row> {
  return { name, type: "time", value };
}

/** An amount with its asset's decimals. */
function amount<Row>(
  name: string,
  assets: Assets,
  value: (row: Row) => bigint,
  ledger: (row: Row) => number,
): Column<Row> {
  return text(name, (row) => assets.plainAmount(value(row), ledger(row)));
}

export function transferColumns(assets: Assets): readonly Column<Transfer>[] {
  return [
    time("timestamp", (t) => t.timestamp),
    text("id", (t) => t.id),
    text("debit_account_id", (t) => t.debitAccountId),
    text("credit_account_id", (t) => t.creditAccountId),
    amount(
      "amount",
      assets,
      (t) => t.amount,
      (t) => t.ledger,
    ),
    text("minor_units", (t) => t.amount),
    text("asset", (t) => assets.nameOf(t.ledger)),
    integer("ledger", (t) => t.ledger),
    integer("code", (t) => t.code),
    integer("flags", (t) => t.flags),
    text("pending_id", (t) => t.pendingId),
    integer("timeout", (t) => t.timeout),
    text("user_data_128", (t) => t.userData128),
    text("user_data_64", (t) => t.userData64),
    integer("user_data_32", (t) => t.userData32),
  ];
}

export function accountColumns(assets: Assets): readonly Column<Account>[] {
  const balance = (name: string, value: (account: Account) => bigint): Column<Account> =>
    amount(name, assets, value, (a) => a.ledger);
  return [
    text("id", (a) => a.id),
    text("asset", (a) => assets.nameOf(a.ledger)),
    integer("ledger", (a) => a.ledger),
    integer("code", (a) => a.code),
    integer("flags", (a) => a.flags),
    balance("debits_pending", (a) => a.debitsPending),
    balance("debits_posted", (a) => a.debitsPosted),
    balance("credits_pending", (a) => a.creditsPending),
    balance("credits_posted", (a) => a.creditsPosted),
    balance("balance", (a) => a.creditsPosted - a.debitsPosted),
    text("user_data_128", (a) => a.userData128),
    text("user_data_64", (a) => a.userData64),
    integer("user_data_32", (a) => a.userData32),
    time("timestamp", (a) => a.timestamp),
  ];
}

export function paymentColumns(assets: Assets): readonly Column<PaymentView>[] {
  return [
    time("created_at", (p) => BigInt(p.createdAt)),
    time("updated_at", (p) => BigInt(p.updatedAt)),
    text("id", (p) => p.id),
    text("state", (p) => p.state),
    text("channel", (p) => p.channel),
    text("payer", (p) => p.payer),
    text("payee", (p) => p.payee),
    amount(
      "amount",
      assets,
      (p) => BigInt(p.amount),
      (p) => p.ledger,
    ),
    text("minor_units", (p) => p.amount),
    text("asset", (p) => assets.nameOf(p.ledger)),
    integer("ledger", (p) => p.ledger),
    text("capture", (p) => p.capture),
    text("verdict", (p) => p.verdict),
    text("reasons", (p) => p.reasons.join(" ")),
    text("failure", (p) => p.failure),
    text("network_reference", (p) => p.networkReference),
    integer("settlement_window", (p) => p.window),
    integer("signer", (p) => p.signer),
    text("reference", (p) => p.reference),
  ];
}

export function statementColumns(assets: Assets): readonly Column<StatementLine>[] {
  const of = (name: string, value: (line: StatementLine) => bigint): Column<StatementLine> =>
    amount(name, assets, value, (line) => line.transfer.ledger);
  return [
    time("timestamp", (line) => line.timestamp),
    text("step", (line) => line.step),
    text("transfer_id", (line) => line.transfer.id),
    text("side", (line) => (line.debit ? "debit" : "credit")),
    text("other_account_id", (line) => otherAccount(line)),
    of("amount", (line) => line.transfer.amount),
    text("asset", (line) => assets.nameOf(line.transfer.ledger)),
    integer("code", (line) => line.transfer.code),
    text("user_data_128", (line) => line.transfer.userData128),
    of("balance", ({ balances }) => balances.creditsPosted - balances.debitsPosted),
    of("debits_pending", ({ balances }) => balances.debitsPending),
    of("debits_posted", ({ balances }) => balances.debitsPosted),
    of("credits_pending", ({ balances }) => balances.creditsPending),
    of("credits_posted", ({ balances }) => balances.creditsPosted),
  ];
}

/** Who was on the other side. */
export function otherAccount({ debit, transfer }: StatementLine): bigint {
  return debit ? transfer.creditAccountId : transfer.debitAccountId;
}
