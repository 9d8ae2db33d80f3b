/**
 * The records that are whole in a damaged log, and where they stand: flat, as the index of a sound one is, so that a log
 * takes no more memory to be mended than to be opened.
 */
import type { WalRecord } from "./log-store.ts";
import { RecordColumns } from "./record-columns.ts";
import type { SurveyedSegment } from "./survey.ts";

export interface FoundRecord extends Pick<WalRecord, "index" | "term" | "hash"> {
  readonly segment: SurveyedSegment;
  readonly offset: number;
}

export class FoundRecords {
  /** Files by their place in `#segments`. */
  readonly #columns = new RecordColumns();
  readonly #segments: SurveyedSegment[] = [];
  readonly #places = new Map<SurveyedSegment, number>();

  set(index: number, record: Pick<WalRecord, "term" | "hash">, segment: SurveyedSegment, offset: number): void {
    this.#columns.set(index, record, this.#placeOf(segment), offset);
  }

  get(index: number): FoundRecord | undefined {
    const [term, hash] = [this.#columns.term(index), this.#columns.hash(index)];
    const [file, offset] = [this.#columns.file(index), this.#columns.offset(index)];
    if (term === undefined || hash === undefined || file === undefined || offset === undefined) return undefined;
    return { index, term, hash, segment: this.#segments[file] as SurveyedSegment, offset };
  }

  hash(index: number): Uint8Array | undefined {
    return this.#columns.hash(index);
  }

  delete(index: number): void {
    this.#columns.delete(index);
  }

  deleteFrom(from: number): void {
    this.#columns.deleteFrom(from);
  }

  deleteBefore(index: number): void {
    this.#columns.deleteBefore(index);
  }

  #placeOf(segment: SurveyedSegment): number {
    const known = this.#places.get(segment);
    if (known !== undefined) return known;
    this.#places.set(segment, this.#segments.length);
    return this.#segments.push(segment) - 1;
  }
}
