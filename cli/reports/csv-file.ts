/** CSV as RFC 4180 has it: a header, lines ended by CR LF, quotes around fields that need them. UTF-8. */
import { closeSync, openSync, writeFileSync } from "node:fs";
import type { Column } from "./columns.ts";
import type { TableFile } from "./table-file.ts";

const END = "\r\n";
const FLUSH_CHARACTERS = 1 << 20;

export class CsvFile<Row> implements TableFile<Row> {
  readonly #columns: readonly Column<Row>[];
  readonly #file: number;
  #text = "";

  /** Creates the file, or writes over it. */
  constructor(path: string, columns: readonly Column<Row>[]) {
    this.#columns = columns;
    this.#file = openSync(path, "w");
    this.#text = line(columns.map(({ name }) => name));
  }

  add(row: Row): void {
    this.#text += line(this.#columns.map((column) => `${column.value(row)}`));
    if (this.#text.length >= FLUSH_CHARACTERS) this.#flush();
  }

  close(): void {
    this.#flush();
    closeSync(this.#file);
  }

  #flush(): void {
    // Writes all of it: `writeSync` may write less than it is given.
    writeFileSync(this.#file, this.#text);
    this.#text = "";
  }
}

function line(fields: readonly string[]): string {
  return `${fields.map(quoted).join(",")}${END}`;
}

function quoted(field: string): string {
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
