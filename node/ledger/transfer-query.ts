/**
 * Finding transfers by what they are. A query is a conjunction of clauses, a clause a choice of conditions. In each
 * segment the rows of the rarest clause are looked up and the rest of the query is tried on them; the tail, which is
 * short, is read through. So an answer misses nothing, and no query walks the history.
 */
import type { RowTable } from "./row-table.ts";
import type { Segment } from "./segment.ts";
import { FIELDS, type Field, type FieldName, keyOf, type RowRange, SegmentOrder } from "./segment-order.ts";

/** A field has this value. */
interface Condition {
  readonly field: FieldName;
  readonly value: Uint32Array;
}

/** One of the conditions holds. */
export type Clause = readonly Condition[];

export interface TransferQuery {
  /** All must hold. */
  readonly clauses: readonly Clause[];
  /** Slots in [from, to). */
  readonly from: number;
  readonly to: number;
  readonly limit: number;
  /** Newest first. */
  readonly reversed: boolean;
  /** Rows that are looked at before the search stops short. */
  readonly triesMax: number;
  /** What else must hold for a slot. */
  readonly wanted?: ((slot: number) => boolean) | undefined;
}

export interface FoundTransfers {
  /** In the query's order. */
  readonly slots: readonly number[];
  /** The slot at which the search goes on; undefined when nothing is left. */
  readonly rest: number | undefined;
  /** Rows that were gone through, whether they were tried or lay outside the slots that were asked for. */
  readonly rowsRead: number;
}

/** A search under way. */
interface Search {
  readonly query: TransferQuery;
  readonly slots: number[];
  tries: number;
  rowsRead: number;
  rest: number | undefined;
}

/** So few rows are tried faster than another clause is looked up; a segment costs as much before any row of it is tried. */
const FEW = 32;

const FIELD_NAMES = Object.keys(FIELDS) as FieldName[];

type Orders = Readonly<Record<FieldName, SegmentOrder>>;

export class TransferIndex {
  readonly #table: RowTable;
  readonly #orders: Orders[] = [];

  constructor(table: RowTable) {
    this.#table = table;
  }

  /** Indexes the segments that are new. */
  update(): void {
    const { segments } = this.#table;
    for (let number = this.#orders.length; number < segments.length; number++) {
      const segment = segments[number] as Segment;
      const orders = FIELD_NAMES.map((name) => [name, new SegmentOrder(segment, FIELDS[name])] as const);
      this.#orders.push(Object.fromEntries(orders) as Orders);
    }
  }

  /** The transfers that a query finds. */
  find(query: TransferQuery): FoundTransfers {
    const { from, to, reversed } = query;
    const search: Search = { query, slots: [], tries: 0, rowsRead: 0, rest: undefined };
    if (from >= to) return search;
    const { segmentRows, segments } = this.#table;
    const first = Math.min(Math.floor(from / segmentRows), segments.length);
    const last = Math.min(Math.floor((to - 1) / segmentRows), segments.length);
    for (let step = 0; step <= last - first && search.rest === undefined; step++) {
      const block = reversed ? last - step : first + step;
      if (block === segments.length) this.#findInTail(search);
      else this.#findInSegment(search, block);
    }
    return search;
  }

  #findInTail(search: Search): void {
    const { query } = search;
    const { tail, tailRows, width, sealedRows: base } = this.#table;
    const from = Math.max(query.from - base, 0);
    const to = Math.min(query.to - base, tailRows);
    for (let step = 0; step < to - from; step++) {
      const row = query.reversed ? to - 1 - step : from + step;
      search.rowsRead += 1;
      if (!mayTry(search, base + row)) return;
      if (fitsInTail(tail, row * width, query.clauses)) take(search, base + row);
    }
  }

  #findInSegment(search: Search, number: number): void {
    const { query } = search;
    const { segments, segmentRows } = this.#table;
    const segment = segments[number] as Segment;
    const base = number * segmentRows;
    const candidates = rarest(this.#orders[number] as Orders, query.clauses, segment.rows);
    const count = candidates?.length ?? segment.rows;
    search.tries += FEW;
    search.rowsRead += FEW;
    for (let step = 0; step < count; step++) {
      search.rowsRead += 1;
      const place = query.reversed ? count - 1 - step : step;
      const row = candidates === undefined ? place : (candidates[place] as number);
      if (base + row < query.from || base + row >= query.to) continue;
      if (!mayTry(search, base + row)) return;
      if (fits(segment, row, query.clauses)) take(search, base + row);
    }
  }
}

/** Whether one more row may be looked at; else the search goes on from there another time. */
function mayTry(search: Search, slot: number): boolean {
  const { limit, triesMax } = search.query;
  if (search.slots.length >= limit || search.tries >= triesMax) search.rest = slot;
  search.tries += 1;
  return search.rest === undefined;
}

function take({ query, slots }: Search, slot: number): void {
  if (query.wanted?.(slot) ?? true) slots.push(slot);
}

/** Whether all clauses hold for a row of the tail. Plain loops: the tail is read through. */
function fitsInTail(tail: Uint32Array, at: number, clauses: readonly Clause[]): boolean {
  for (const clause of clauses) {
    let holds = false;
    for (const { field, value } of clause) if (hasValue(tail, at, FIELDS[field], value)) holds = true;
    if (!holds) return false;
  }
  return true;
}

function hasValue(tail: Uint32Array, at: number, { column, width, mask }: Field, value: Uint32Array): boolean {
  for (let word = 0; word < width; word++) {
    if (((tail[at + column + word] as number) & mask) >>> 0 !== value[word]) return false;
  }
  return true;
}

/** Whether all clauses hold for a row of a segment. */
function fits(segment: Segment, row: number, clauses: readonly Clause[]): boolean {
  return clauses.every((clause) =>
    clause.some(({ field, value }) => segmentHasValue(segment, row, FIELDS[field], value)),
  );
}

function segmentHasValue(segment: Segment, row: number, { column, width, mask }: Field, value: Uint32Array): boolean {
  for (let word = 0; word < width; word++) {
    if ((segment.get(row, column + word) & mask) >>> 0 !== value[word]) return false;
  }
  return true;
}

/** The rows, ascending, of the clause that has fewest; undefined for all. */
function rarest(orders: Orders, clauses: readonly Clause[], rows: number): Uint16Array | undefined {
  let best: readonly RowRange[] | undefined;
  let fewest = rows;
  for (const clause of clauses) {
    if (fewest <= FEW) break;
    const ranges = clause.map(({ field, value }) => orders[field].range(keyOf(FIELDS[field], value)));
    const count = ranges.reduce((sum, { from, to }) => sum + to - from, 0);
    if (count >= fewest) continue;
    fewest = count;
    best = ranges;
  }
  return best === undefined ? undefined : best.map(rowsIn).reduce(merge);
}

function rowsIn({ order, from, to }: RowRange): Uint16Array {
  return order === undefined ? Uint16Array.from({ length: to - from }, (_, row) => row) : order.subarray(from, to);
}

/** Two ascending lists as one. No row is in both: a transfer does not debit and credit the same account. */
function merge(a: Uint16Array, b: Uint16Array): Uint16Array {
  const merged = new Uint16Array(a.length + b.length);
  let i = 0;
  let j = 0;
  for (let place = 0; place < merged.length; place++) {
    const fromA = j >= b.length || (i < a.length && (a[i] as number) < (b[j] as number));
    merged[place] = (fromA ? a[i] : b[j]) as number;
    if (fromA) i += 1;
    else j += 1;
  }
  return merged;
}
