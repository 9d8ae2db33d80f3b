/**
 * Scripts of tables: what is asked of a ledger, and in the last columns what it answers. A script runs against a fresh
 * ledger and is printed again with what came out, so that a table that still says the truth comes out as it went in.
 *
 *   create_accounts at T [by AUTHORITY]      a row an event; the last event happens at T; column `status` is the answer
 *   create_transfers at T [by AUTHORITY]     the same; `exists@7` is a status whose timestamp is not that of its event
 *   create_transfers at T by AUTHORITY up_to N [from ID]     by a delegate that may debit N in ledger 1, or that account
 *   freeze, thaw                             a row an account
 *   expire at T [limit N]                    answers how many
 *   accounts, transfers                      a row an id; all other columns are answers
 *   get_account_transfers, get_account_balances, query_accounts, query_transfers, get_change_events
 *                                            field=value ...; the rows under the header are answers
 *
 * A cell is a word: a number (also 2^64, max and max-1 of 128 bits), flags joined with |, or - for zero or nothing.
 * Lines that begin with # are for the reader.
 */
import { DebitAllowance } from "./debit-allowance.ts";
import { accountFilterFlags, queryFilterFlags } from "./filters.ts";
import { Ledger } from "./ledger.ts";
import { type AccountInput, accountFlags, type TransferInput, transferFlags } from "./records.ts";
import type { EventResult } from "./results.ts";
import { accountStatusName, transferStatusName } from "./status.ts";

const MAX_128 = 2n ** 128n - 1n;
/** Fields that are bigints; all others are numbers. */
const BIG = new Set(
  [
    [
      "id",
      "debit_account_id",
      "credit_account_id",
      "amount",
      "pending_id",
      "user_data_128",
      "user_data_64",
      "timestamp",
    ],
    ["debits_pending", "debits_posted", "credits_pending", "credits_posted", "account_id"],
    ["timestamp_min", "timestamp_max"],
  ].flat(),
);

type Flags = Readonly<Record<string, number>>;
type Row = Readonly<Record<string, string>>;

interface Block {
  readonly comments: readonly string[];
  readonly command: string;
  readonly words: readonly string[];
  readonly header: readonly string[];
  readonly rows: readonly Row[];
}

/** Runs a script; returns it with the answers that came. */
export function runScript(script: string): string {
  const ledger = new Ledger({ segmentRows: 4 });
  const blocks = script.split(/\n{2,}/).filter((text) => text.trim() !== "");
  return `${blocks.map((text) => printed(answer(ledger, parsed(text)))).join("\n\n")}\n`;
}

function parsed(text: string): Block {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const comments = lines.filter((line) => line.startsWith("#"));
  const [command = "", headerLine = "", ...rest] = lines.filter((line) => !line.startsWith("#"));
  const words = command.trim().split(/\s+/);
  const header = headerLine.trim() === "" ? [] : headerLine.trim().split(/\s+/);
  const rows = rest.map((line) => {
    const cells = line.trim().split(/\s+/);
    if (cells.length > header.length) throw new Error(`too many cells: ${line}`);
    return Object.fromEntries(header.map((name, index) => [name, cells[index] ?? "?"]));
  });
  return { comments, command, words, header, rows };
}

function printed({ comments, command, header, rows }: Block): string {
  const table = [header, ...rows.map((row) => header.map((name) => row[name] ?? ""))];
  const widths = header.map((_, column) => Math.max(...table.map((cells) => (cells[column] ?? "").length)));
  const lines = table.map((cells) => `  ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ")}`.trimEnd());
  return [...comments, ...(command === "" ? [] : [command]), ...(header.length === 0 ? [] : lines)].join("\n");
}

function answer(ledger: Ledger, block: Block): Block {
  const [name = "", ...words] = block.words;
  switch (name) {
    case "":
      return block;
    case "create_accounts": {
      const events = block.rows.map((row) => eventOf(row, accountFlags));
      const results = ledger.createAccounts(events as AccountInput[], numberAfter(words, "at"), authorityIn(words));
      return withStatuses(block, results, numberAfter(words, "at"), accountStatusName);
    }
    case "create_transfers": {
      const events = block.rows.map((row) => eventOf(row, transferFlags));
      const results = ledger.createTransfers(events as TransferInput[], numberAfter(words, "at"), signerIn(words));
      return withStatuses(block, results, numberAfter(words, "at"), transferStatusName);
    }
    case "freeze":
    case "thaw":
      for (const row of block.rows) ledger.freezeAccount(numberIn(row["id"] ?? ""), name === "freeze");
      return block;
    case "expire": {
      const limit = words.includes("limit") ? Number(numberAfter(words, "limit")) : undefined;
      return withAnswers(block, [{ expired: ledger.expirePendingTransfers(numberAfter(words, "at"), limit) }]);
    }
    case "accounts":
      return withAnswers(
        block,
        block.rows.map((row) => ledger.lookupAccount(numberIn(row["id"] ?? ""))),
        accountFlags,
      );
    case "transfers":
      return withAnswers(
        block,
        block.rows.map((row) => transferIn(ledger, row)),
        transferFlags,
      );
    default:
      return query(ledger, block, name, words);
  }
}

function query(ledger: Ledger, block: Block, name: string, words: readonly string[]): Block {
  const filter = (flags: Flags): never =>
    eventOf(Object.fromEntries(words.map((word) => word.split("=") as [string, string])), flags) as never;
  switch (name) {
    case "get_account_transfers":
      return withAnswers(block, ledger.getAccountTransfers(filter(accountFilterFlags)), transferFlags);
    case "get_account_balances":
      return withAnswers(block, ledger.getAccountBalances(filter(accountFilterFlags)));
    case "query_accounts":
      return withAnswers(block, ledger.queryAccounts(filter(queryFilterFlags)), accountFlags);
    case "query_transfers":
      return withAnswers(block, ledger.queryTransfers(filter(queryFilterFlags)), transferFlags);
    case "get_change_events": {
      const events = ledger.getChangeEvents(filter({}));
      const rows = events.map(({ type, timestamp, transfer, debitAccount, creditAccount }) => ({
        ...{ timestamp, type, id: transfer.id, amount: transfer.amount },
        debit: balancesText(debitAccount, accountFlags.closed),
        credit: balancesText(creditAccount, accountFlags.closed),
      }));
      return withAnswers(block, rows);
    }
    default:
      throw new Error(`no such command: ${name}`);
  }
}

function transferIn(ledger: Ledger, row: Row): object | undefined {
  const id = numberIn(row["id"] ?? "");
  const transfer = ledger.lookupTransfer(id);
  return transfer === undefined ? undefined : { ...transfer, status: ledger.pendingStatus(id) };
}

/** debits pending/posted credits pending/posted, and whether the account is closed. */
function balancesText(account: object, closed: number): string {
  const { debitsPending, debitsPosted, creditsPending, creditsPosted, flags } = account as Readonly<
    Record<string, bigint | number>
  >;
  const mark = (Number(flags) & closed) === 0 ? "" : "/closed";
  return `${debitsPending}/${debitsPosted}/${creditsPending}/${creditsPosted}${mark}`;
}

/** The event or filter that a row says. */
function eventOf(row: Row, flags: Flags): object {
  const fields = Object.entries(row).filter(([name, cell]) => name !== "status" && cell !== "-");
  return Object.fromEntries(
    fields.map(([name, cell]) => {
      if (name === "flags") return [name, cell.split("|").reduce((bits, flag) => bits | flagOf(flag, flags), 0)];
      return [camelCase(name), BIG.has(name) ? numberIn(cell) : Number(numberIn(cell))];
    }),
  );
}

function flagOf(name: string, flags: Flags): number {
  const flag = flags[camelCase(name)] ?? Number(name);
  if (Number.isNaN(flag)) throw new Error(`no such flag: ${name}`);
  return flag;
}

function withStatuses(
  block: Block,
  results: readonly EventResult[],
  end: bigint,
  nameOf: (status: number) => string,
): Block {
  const rows = block.rows.map((row, index) => {
    const result = results[index] as EventResult;
    const own = end - BigInt(block.rows.length - 1 - index);
    return { ...row, status: nameOf(result.status) + (result.timestamp === own ? "" : `@${result.timestamp}`) };
  });
  return { ...block, rows };
}

/** Fills the columns of the header from what was found. */
function withAnswers(block: Block, found: readonly (object | undefined)[], flags: Flags = {}): Block {
  const rows = found.map((one, index) => {
    const given = block.rows[index] ?? {};
    if (one === undefined)
      return Object.fromEntries(block.header.map((name) => [name, name === "id" ? given[name] : "-"]));
    const fields = one as Readonly<Record<string, unknown>>;
    return Object.fromEntries(block.header.map((name) => [name, cellOf(fields[camelCase(name)], name, flags)]));
  });
  return { ...block, rows: rows as Row[] };
}

function cellOf(value: unknown, name: string, flags: Flags): string {
  if (name === "flags") {
    const set = Object.entries(flags).filter(([, bit]) => (Number(value) & bit) !== 0);
    return set.map(([flag]) => snakeCase(flag)).join("|") || "-";
  }
  if (typeof value === "bigint" && value > MAX_128 - 1_000n)
    return value === MAX_128 ? "max" : `max-${MAX_128 - value}`;
  return value === 0n || value === 0 ? "-" : String(value);
}

/** A number: 12, 2^64, 2^64+1, max, max-3. */
function numberIn(cell: string): bigint {
  if (cell === "-") return 0n;
  const [, base = "", exponent, sign, offset = "0"] = /^(max|\d+)(?:\^(\d+))?(?:([+-])(\d+))?$/.exec(cell) ?? [];
  if (base === "") throw new Error(`no number: ${cell}`);
  const value = base === "max" ? MAX_128 : exponent === undefined ? BigInt(base) : BigInt(base) ** BigInt(exponent);
  return sign === "-" ? value - BigInt(offset) : value + BigInt(offset);
}

function numberAfter(words: readonly string[], word: string): bigint {
  return numberIn(words[words.indexOf(word) + 1] ?? "");
}

function authorityIn(words: readonly string[]): number | undefined {
  return words.includes("by") ? Number(numberAfter(words, "by")) : undefined;
}

function signerIn(words: readonly string[]): number | DebitAllowance | undefined {
  const authority = authorityIn(words);
  if (authority === undefined || !words.includes("up_to")) return authority;
  const account = words.includes("from") ? numberAfter(words, "from") : 0n;
  return new DebitAllowance(authority, [{ ledger: 1, account, amount: numberAfter(words, "up_to") }]);
}

function camelCase(name: string): string {
  return name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
