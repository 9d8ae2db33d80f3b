/** Payments out of a CSV file. */
import { CodedError } from "../../node/base/errors.ts";
import { type Assets, CURRENCIES_ONLY } from "../amounts.ts";
import { readCsv } from "./csv.ts";
import { mappingFor, RowReader } from "./mapping.ts";
import type { PaymentRow } from "./payment-row.ts";

const SECONDS_PER_DAY = 86_400n;

export interface ReadOptions {
  readonly mapping?: string | undefined;
  /** At most so many payments. */
  readonly limit?: number | undefined;
  /** Only the payments of the file's first day (UTC); the file must be sorted by time. */
  readonly firstDay: boolean;
  /** What the mapping may name; without them currencies only. */
  readonly assets?: Assets;
}

function dayOf({ seconds }: PaymentRow): bigint {
  return seconds / SECONDS_PER_DAY;
}

/** The payments of a file in its order; throws `CodedError`. */
export async function readPayments(
  path: string,
  { mapping, limit, firstDay, assets = CURRENCIES_ONLY }: ReadOptions,
): Promise<PaymentRow[]> {
  const rows: PaymentRow[] = [];
  const ids = new Set<bigint>();
  let reader: RowReader | undefined;
  for await (const { line, fields } of readCsv(path)) {
    if (reader === undefined) {
      reader = new RowReader(mappingFor(mapping, fields, assets), fields, assets);
      continue;
    }
    const row = reader.read(line, fields);
    const last = rows.at(-1);
    if (firstDay && last !== undefined) {
      if (row.seconds < last.seconds) throw invalid(line, "the payments are not sorted by time");
      if (dayOf(row) !== dayOf(last)) break;
    }
    if (ids.has(row.id)) throw invalid(line, `payment ${row.id} is there already`);
    ids.add(row.id);
    rows.push(row);
    if (rows.length === limit) break;
  }
  if (rows.length === 0) throw new CodedError("csv_invalid", `${path} has no payments`);
  return rows;
}

function invalid(line: number, reason: string): CodedError {
  return new CodedError("csv_invalid", `line ${line}: ${reason}`, { line });
}
