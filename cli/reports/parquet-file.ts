/**
 * Parquet: text is UTF8, whole numbers are INT64, times are INT64 with the logical type TIMESTAMP(NANOS, UTC). No column is
 * optional. Rows are written in groups, so that a long report needs no memory for all of them.
 */
import { type ColumnSource, fileWriter, ParquetWriter, type SchemaElement } from "hyparquet-writer";
import { assert } from "../../node/base/assert.ts";
import type { Column } from "./columns.ts";
import type { TableFile } from "./table-file.ts";

/** Rows of a row group. */
const GROUP_ROWS = 50_000;

export class ParquetFile<Row> implements TableFile<Row> {
  readonly #columns: readonly Column<Row>[];
  readonly #writer: ParquetWriter;
  #rows: Row[] = [];

  /** Creates the file, or writes over it. */
  constructor(path: string, columns: readonly Column<Row>[]) {
    this.#columns = columns;
    const root = { name: "root", num_children: columns.length };
    const schema = [root, ...columns.map(elementOf)];
    this.#writer = new ParquetWriter({ writer: fileWriter(path), schema, createdBy: "quorate" });
  }

  add(row: Row): void {
    this.#rows.push(row);
    if (this.#rows.length === GROUP_ROWS) this.#writeGroup();
  }

  close(): void {
    if (this.#rows.length > 0) this.#writeGroup();
    atOnce(this.#writer.finish());
  }

  #writeGroup(): void {
    const columnData = this.#columns.map(
      (column): ColumnSource => ({ name: column.name, data: this.#valuesOf(column) }),
    );
    atOnce(this.#writer.write({ columnData, rowGroupSize: GROUP_ROWS }));
    this.#rows = [];
  }

  #valuesOf(column: Column<Row>): (string | bigint)[] {
    return this.#rows.map((row) => {
      const value = column.value(row);
      return typeof value === "number" ? BigInt(value) : value;
    });
  }
}

/** The library writes files at once; only other targets make it wait. */
function atOnce(written: void | Promise<void>): void {
  assert(written === undefined, "a file is written at once");
}

function elementOf<Row>({ name, type }: Column<Row>): SchemaElement {
  const required = { name, repetition_type: "REQUIRED" } as const;
  if (type === "text") return { ...required, type: "BYTE_ARRAY", converted_type: "UTF8" };
  if (type === "integer") return { ...required, type: "INT64" };
  return { ...required, type: "INT64", logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "NANOS" } };
}
