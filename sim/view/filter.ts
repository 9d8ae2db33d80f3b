/** Which records are looked at: words that must all be in a record's own words, each with a `-` before it must not. */
import type { Arrow, Model } from "./model.ts";
import { nodeName, wordsOf } from "./words.ts";

export interface Shown {
  readonly records: Uint8Array;
  readonly count: number;
  readonly showsArrow: (arrow: Arrow) => boolean;
}

/** What records are searched by, each in one text; made once. */
export function searchedLines({ records }: Model): readonly string[] {
  return records.map((record) => `${nodeName(record.node)} ${record.what} ${wordsOf(record)}`.toLowerCase());
}

/** What a filter shows of these lines. An arrow is shown when its sending or its end is. */
export function filtered(lines: readonly string[], text: string): Shown {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = words.filter((word) => !word.startsWith("-"));
  const unwanted = words.filter((word) => word.startsWith("-") && word.length > 1).map((word) => word.slice(1));
  const records = new Uint8Array(lines.length);
  let count = 0;
  lines.forEach((line, at) => {
    if (!wanted.every((word) => line.includes(word)) || unwanted.some((word) => line.includes(word))) return;
    records[at] = 1;
    count += 1;
  });
  return { records, count, showsArrow: ({ sentAt, endAt }) => records[sentAt] === 1 || records[endAt] === 1 };
}
