/**
 * A table of the replicated state: rows in dense slots, never removed, replaced as a whole when they change.
 *
 * The table knows which rows changed in this block (they go into the effects that the state digest covers) and which
 * pages changed since the last checkpoint. Encoding a row is part of the protocol.
 */
import { must } from "../base/assert.ts";
import { DirtyPages, type Paged } from "../base/paged.ts";
import { pack, unpack } from "../wire/msgpack.ts";
import { check, list, type Schema } from "../wire/schema.ts";

/** How a row looks in checkpoints and in effects. */
export interface RowFormat<Row> {
  /** A list of msgpack values; u128 as 16 bytes. */
  readonly encode: (row: Row) => readonly unknown[];
  /** Checks and takes back what `encode` made. */
  readonly decode: Schema<Row>;
}

/** What the state machine needs of a table, whatever its rows are. */
export interface StateTable extends Paged {
  /** The rows changed since the last call, encoded; undefined where there are none. */
  takeEffects(): Uint8Array | undefined;
}

export class Table<Row> implements StateTable {
  readonly name: string;
  readonly #rowsPerPage: number;
  readonly #format: RowFormat<Row>;
  readonly #rows: Row[] = [];
  readonly #dirty = new DirtyPages();
  #changed = new Set<number>();

  constructor(name: string, rowsPerPage: number, format: RowFormat<Row>) {
    this.name = name;
    this.#rowsPerPage = rowsPerPage;
    this.#format = format;
  }

  get size(): number {
    return this.#rows.length;
  }

  /** The row in a slot that exists. */
  row(slot: number): Row {
    return must(this.#rows[slot], `${this.name} has no slot ${slot}`);
  }

  rows(): readonly Row[] {
    return this.#rows;
  }

  /** Adds a row and tells its slot. */
  add(row: Row): number {
    const slot = this.#rows.length;
    this.#rows.push(row);
    this.#touch(slot);
    return slot;
  }

  replace(slot: number, row: Row): void {
    must(this.#rows[slot], `${this.name} has no slot ${slot}`);
    this.#rows[slot] = row;
    this.#touch(slot);
  }

  takeEffects(): Uint8Array | undefined {
    if (this.#changed.size === 0) return undefined;
    const slots = [...this.#changed].sort((a, b) => a - b);
    this.#changed = new Set();
    return pack([this.name, slots.map((slot) => [slot, this.#format.encode(this.row(slot))])]);
  }

  pageCount(): number {
    return Math.ceil(this.#rows.length / this.#rowsPerPage);
  }

  dirtyPages(): readonly number[] {
    return this.#dirty.sorted();
  }

  encodePage(page: number): Uint8Array {
    const from = page * this.#rowsPerPage;
    return pack(this.#rows.slice(from, from + this.#rowsPerPage).map((row) => this.#format.encode(row)));
  }

  markClean(): void {
    this.#dirty.clear();
  }

  decodePage(page: number, bytes: Uint8Array): void {
    // What the genesis had put here is part of the first page.
    if (page === 0) {
      this.#rows.length = 0;
      this.#changed.clear();
      this.#dirty.clear();
    }
    for (const row of check(list(this.#format.decode, this.#rowsPerPage), unpack(bytes), "malformed_body")) {
      this.#rows.push(row);
    }
  }

  restored(): void {
    // Rows are all there is; whoever keeps an index over them rebuilds it.
  }

  #touch(slot: number): void {
    this.#changed.add(slot);
    this.#dirty.mark(Math.floor(slot / this.#rowsPerPage));
  }
}
