/**
 * How a CSV file's columns become payments: a small JSON file, so that users bring their own data. docs/payments-day.md
 * describes it.
 */
import { readFileSync } from "node:fs";
import { closest } from "../../node/base/closest.ts";
import { CodedError, errorMessage } from "../../node/base/errors.ts";
import { type Assets, CURRENCIES_ONLY, parseId } from "../amounts.ts";
import type { PaymentRow } from "./payment-row.ts";

/** What a column may be; those with `?` may be absent. Without `id`, payments are numbered from 1 on. */
export interface Columns {
  readonly id?: string;
  readonly time: string;
  readonly payer: string;
  readonly payee: string;
  readonly amount: string;
  readonly cardToken?: string;
}

export interface Mapping {
  readonly columns: Columns;
  /** `seconds` since `timeOrigin`, or dates as ISO 8601, in UTC where they name no zone. */
  readonly timeFormat: "seconds" | "iso8601";
  /** ISO 8601; the epoch when absent. */
  readonly timeOrigin: string;
  /** Added to the numbers of the file, so that ids of payers and payees never meet. */
  readonly payerBase: bigint;
  readonly payeeBase: bigint;
  readonly idBase: bigint;
  readonly ledger: number;
}

/** Columns as `quorate import` expects them without a mapping: ids and seconds since the epoch. */
export const PLAIN_MAPPING: Mapping = {
  columns: { id: "id", time: "time", payer: "payer", payee: "payee", amount: "amount", cardToken: "card_token" },
  timeFormat: "seconds",
  timeOrigin: "1970-01-01T00:00:00Z",
  payerBase: 0n,
  payeeBase: 0n,
  idBase: 0n,
  ledger: 978,
};

/** The simulated card payments of the Fraud Detection Handbook (ULB). */
export const FRAUD_HANDBOOK_MAPPING: Mapping = {
  columns: {
    ...{ id: "TRANSACTION_ID", time: "TX_TIME_SECONDS", payer: "CUSTOMER_ID" },
    ...{ payee: "TERMINAL_ID", amount: "TX_AMOUNT" },
  },
  timeFormat: "seconds",
  timeOrigin: "2018-04-01T00:00:00Z",
  payerBase: 1_000_000n,
  payeeBase: 2_000_000n,
  idBase: 1n,
  ledger: 978,
};

const KNOWN_MAPPINGS = [FRAUD_HANDBOOK_MAPPING, PLAIN_MAPPING];
const OPTIONAL_COLUMNS = ["id", "cardToken"];
const FIELDS = ["version", "columns", "timeFormat", "timeOrigin", "payerBase", "payeeBase", "idBase", "ledger"];

function invalid(reason: string): CodedError {
  return new CodedError("mapping_invalid", `the mapping file cannot be used: ${reason}`);
}

function unknownField(path: string, name: string, known: readonly string[]): CodedError {
  const meant = closest(name, known);
  return invalid(
    `there is no ${path}; ${meant === undefined ? `known are ${known.join(", ")}` : `did you mean ${meant}?`}`,
  );
}

function textOf(value: unknown, name: string): string {
  if (typeof value === "string" && value !== "") return value;
  throw invalid(`${name} must be a text`);
}

function columnsOf(value: unknown): Columns {
  if (typeof value !== "object" || value === null) throw invalid("columns must be an object");
  const known = Object.keys(PLAIN_MAPPING.columns);
  for (const [name, column] of Object.entries(value)) {
    if (!known.includes(name)) throw unknownField(`columns.${name}`, name, known);
    textOf(column, `columns.${name}`);
  }
  const missing = known.find((name) => !Object.hasOwn(value, name) && !OPTIONAL_COLUMNS.includes(name));
  if (missing !== undefined) throw invalid(`columns.${missing} is missing`);
  return value as Columns;
}

function baseOf(value: unknown, name: string): bigint {
  if (value === undefined) return 0n;
  if (typeof value === "string" && /^\d{1,30}$/.test(value)) return BigInt(value);
  throw invalid(`${name} must be a decimal number as text`);
}

function ledgerOf(value: unknown, assets: Assets): number {
  if (value === undefined) return PLAIN_MAPPING.ledger;
  try {
    return assets.ledgerOf(textOf(value, "ledger"));
  } catch (error) {
    throw error instanceof CodedError && error.code === "usage" ? invalid(`ledger: ${error.message}`) : error;
  }
}

function fieldsOf(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(errorMessage(error));
  }
  if (typeof value !== "object" || value === null) throw invalid("it must be a JSON object");
  return value as Record<string, unknown>;
}

/** What a mapping file calls its ledger; throws `CodedError` `mapping_invalid`. */
export function ledgerNamedIn(path: string): string {
  const { ledger } = fieldsOf(readFileSync(path, "utf8"));
  return typeof ledger === "string" ? ledger : "";
}

/** Parses a mapping file; throws `CodedError` `mapping_invalid`. */
export function parseMapping(text: string, assets: Assets = CURRENCIES_ONLY): Mapping {
  const fields = fieldsOf(text);
  const unknown = Object.keys(fields).find((name) => !FIELDS.includes(name));
  if (unknown !== undefined) throw unknownField(unknown, unknown, FIELDS);
  if (fields["version"] !== 1) throw invalid("version must be 1");
  const timeFormat = fields["timeFormat"] ?? "seconds";
  if (timeFormat !== "seconds" && timeFormat !== "iso8601") throw invalid("timeFormat must be seconds or iso8601");
  const timeOrigin = textOf(fields["timeOrigin"] ?? PLAIN_MAPPING.timeOrigin, "timeOrigin");
  if (secondsOf(timeOrigin) === undefined) throw invalid("timeOrigin must be a date as ISO 8601");
  return {
    columns: columnsOf(fields["columns"]),
    timeFormat,
    timeOrigin,
    payerBase: baseOf(fields["payerBase"], "payerBase"),
    payeeBase: baseOf(fields["payeeBase"], "payeeBase"),
    idBase: baseOf(fields["idBase"], "idBase"),
    ledger: ledgerOf(fields["ledger"], assets),
  };
}

const ISO_8601 = /^\d{4}-\d{2}-\d{2}(?<time>[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(?<zone>Z|[+-]\d{2}:\d{2})?)?$/;

/** Seconds since the epoch of a date as ISO 8601; undefined for what is none, and before the epoch. */
function secondsOf(text: string): bigint | undefined {
  const groups = ISO_8601.exec(text)?.groups;
  if (groups === undefined) return undefined;
  // A day without a time is in UTC by the language's own rule; a time without a zone would be in the machine's.
  const ms = Date.parse(groups["time"] !== undefined && groups["zone"] === undefined ? `${text}Z` : text);
  return ms >= 0 ? BigInt(Math.floor(ms / 1_000)) : undefined;
}

/** The mapping of a file, or without one the known mapping that fits the CSV's header. */
export function mappingFor(path: string | undefined, header: readonly string[], assets: Assets): Mapping {
  if (path !== undefined) return parseMapping(readFileSync(path, "utf8"), assets);
  const fitting = KNOWN_MAPPINGS.find(({ columns }) =>
    Object.entries(columns).every(([name, column]) => header.includes(column) || OPTIONAL_COLUMNS.includes(name)),
  );
  if (fitting !== undefined) return fitting;
  throw new CodedError("mapping_needed", `no known columns in "${header.join(",")}": write a --mapping file`);
}

/** Makes payments of records whose first was `header`; throws `CodedError` `csv_invalid` with the line. */
export class RowReader {
  readonly #mapping: Mapping;
  readonly #assets: Assets;
  readonly #places: ReadonlyMap<keyof Columns, number>;
  readonly #width: number;
  readonly #originSeconds: bigint;
  #rows = 0n;

  constructor(mapping: Mapping, header: readonly string[], assets: Assets = CURRENCIES_ONLY) {
    this.#mapping = mapping;
    this.#assets = assets;
    this.#width = header.length;
    this.#originSeconds = secondsOf(mapping.timeOrigin) ?? 0n;
    const places = new Map<keyof Columns, number>();
    for (const [name, column] of Object.entries(mapping.columns) as [keyof Columns, string][]) {
      const place = header.indexOf(column);
      if (place !== header.lastIndexOf(column)) throw new CodedError("csv_invalid", `there are two columns ${column}`);
      if (place !== -1) places.set(name, place);
      else if (!OPTIONAL_COLUMNS.includes(name)) throw new CodedError("csv_invalid", `there is no column ${column}`);
    }
    this.#places = places;
  }

  read(line: number, fields: readonly string[]): PaymentRow {
    const { ledger, idBase, payerBase, payeeBase } = this.#mapping;
    const cardToken = this.#field(fields, "cardToken");
    this.#rows += 1n;
    try {
      if (fields.length !== this.#width) {
        throw new CodedError("csv_invalid", `there are ${fields.length} fields under ${this.#width} columns`);
      }
      const id = this.#places.has("id") ? this.#number(fields, "id") : this.#rows;
      return {
        id: parseId((id + idBase).toString()),
        seconds: this.#seconds(this.#field(fields, "time")),
        payer: parseId((this.#number(fields, "payer") + payerBase).toString()),
        payee: parseId((this.#number(fields, "payee") + payeeBase).toString()),
        amount: this.#assets.parseAmount(this.#field(fields, "amount"), ledger),
        ledger,
        ...(cardToken === "" ? {} : { cardToken }),
      };
    } catch (error) {
      throw new CodedError("csv_invalid", `line ${line}: ${errorMessage(error)}`, { line }, error);
    }
  }

  #field(fields: readonly string[], name: keyof Columns): string {
    const place = this.#places.get(name);
    return place === undefined ? "" : (fields[place] ?? "").trim();
  }

  #number(fields: readonly string[], name: keyof Columns): bigint {
    const text = this.#field(fields, name);
    if (/^\d{1,38}$/.test(text)) return BigInt(text);
    throw new CodedError("csv_invalid", `"${text}" in column ${this.#mapping.columns[name]} is not a number`);
  }

  #seconds(text: string): bigint {
    if (this.#mapping.timeFormat === "seconds") {
      if (/^\d{1,12}$/.test(text)) return this.#originSeconds + BigInt(text);
      throw new CodedError("csv_invalid", `"${text}" is not a number of seconds`);
    }
    const seconds = secondsOf(text);
    if (seconds === undefined) throw new CodedError("csv_invalid", `"${text}" is not a date as ISO 8601 after 1970`);
    return seconds;
  }
}
