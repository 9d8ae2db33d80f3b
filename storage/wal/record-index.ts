/** What stands where in the log: consecutive records behind where it begins, each with its term and its hash. */
import type { LogStart, WalRecord } from "./log-store.ts";
import { RecordColumns } from "./record-columns.ts";

export interface RecordPlace {
  /** First index of the segment. */
  readonly segment: number;
  readonly offset: number;
}

export class RecordIndex {
  /** Undefined for a log that begins at index 1. */
  #start: LogStart | undefined;
  #lastIndex: number;
  /** Files by their first index. */
  readonly #columns: RecordColumns;

  constructor(start?: LogStart, columns: RecordColumns = new RecordColumns()) {
    this.#start = start;
    this.#lastIndex = start?.index ?? 0;
    this.#columns = columns;
  }

  get firstIndex(): number {
    return (this.#start?.index ?? 0) + 1;
  }

  get lastIndex(): number {
    return this.#lastIndex;
  }

  /** Adds the record behind the last. */
  add(record: Pick<WalRecord, "term" | "hash">, segment: number, offset: number): void {
    this.#lastIndex += 1;
    this.#columns.set(this.#lastIndex, record, segment, offset);
  }

  term(index: number): number | undefined {
    return this.#columns.term(index) ?? this.#before(index)?.term;
  }

  /** A copy of the record's hash. */
  hash(index: number): Uint8Array | undefined {
    return this.#columns.hash(index) ?? this.#before(index)?.hash.slice();
  }

  place(index: number): RecordPlace | undefined {
    const [segment, offset] = [this.#columns.file(index), this.#columns.offset(index)];
    return segment === undefined || offset === undefined ? undefined : { segment, offset };
  }

  /** Forgets the records from `from` on. */
  truncate(from: number): void {
    this.#columns.deleteFrom(from);
    this.#lastIndex = from - 1;
  }

  /** Forgets the records up to where the log begins now. */
  compact(start: LogStart): void {
    this.#columns.deleteBefore(start.index + 1);
    this.#start = start;
  }

  /** Forgets all records: the log is empty and begins there. */
  reset(start: LogStart): void {
    this.#columns.deleteFrom(0);
    this.#start = start;
    this.#lastIndex = start.index;
  }

  #before(index: number): LogStart | undefined {
    return this.#start?.index === index ? this.#start : undefined;
  }
}
