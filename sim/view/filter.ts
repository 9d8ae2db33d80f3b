/** Which records are looked at: words that must all be in a record's own words, each with a `-` before it must not. */
import type { TraceRecord } from "../trace-recorder.ts";
import type { Arrow } from "./model.ts";
import { nodeName, wordsOf } from "./words.ts";

export class Filter {
  /** What records are searched by, each in one text; made once. */
  readonly #lines: string[] = [];
  #shown: boolean[] = [];
  #wanted: readonly string[] = [];
  #unwanted: readonly string[] = [];
  /** How many records are shown. */
  count = 0;

  add(records: readonly TraceRecord[]): void {
    for (const record of records) {
      const line = `${nodeName(record.node)} ${record.what} ${wordsOf(record)}`.toLowerCase();
      this.#lines.push(line);
      this.#judge(line);
    }
  }

  set(text: string): void {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    this.#wanted = words.filter((word) => !word.startsWith("-"));
    this.#unwanted = words.filter((word) => word.startsWith("-") && word.length > 1).map((word) => word.slice(1));
    this.#shown = [];
    this.count = 0;
    for (const line of this.#lines) this.#judge(line);
  }

  /** Whether the record at a place is shown. */
  shows(at: number): boolean {
    return this.#shown[at] === true;
  }

  /** An arrow is shown when its sending or its end is. */
  showsArrow({ sentAt, endAt }: Arrow): boolean {
    return this.shows(sentAt) || this.shows(endAt);
  }

  #judge(line: string): void {
    const shown =
      this.#wanted.every((word) => line.includes(word)) && !this.#unwanted.some((word) => line.includes(word));
    this.#shown.push(shown);
    if (shown) this.count += 1;
  }
}
