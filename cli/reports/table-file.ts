/** A report as a file, row by row. */
import type { Column } from "./columns.ts";
import { CsvFile } from "./csv-file.ts";
import { ParquetFile } from "./parquet-file.ts";

export const FORMATS = ["csv", "parquet"] as const;
export type Format = (typeof FORMATS)[number];

export interface TableFile<Row> {
  add(row: Row): void;
  /** Writes what is left; without it the file is not whole. */
  close(): void;
}

/** Opens a file for rows of a report, or writes over it. */
function openTable<Row>(format: Format, path: string, columns: readonly Column<Row>[]): TableFile<Row> {
  return format === "csv" ? new CsvFile(path, columns) : new ParquetFile(path, columns);
}

/** Writes a whole report; returns how many rows it has. */
export function writeTable<Row>(
  format: Format,
  path: string,
  columns: readonly Column<Row>[],
  rows: Iterable<Row>,
): number {
  const file = openTable(format, path, columns);
  let count = 0;
  for (const row of rows) {
    file.add(row);
    count += 1;
  }
  file.close();
  return count;
}
