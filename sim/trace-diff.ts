/** Where two traces part: the first record in which they differ, and what stood around it. */
import { traceLine } from "./trace-file.ts";
import type { TraceRecord } from "./trace-recorder.ts";

export interface TraceDifference {
  /** Place of the first difference among the records, from 0. */
  readonly at: number;
  /** Lines that both have before it. */
  readonly common: readonly string[];
  /** What each goes on with; empty where one has ended. */
  readonly left: readonly string[];
  readonly right: readonly string[];
}

/** The first difference of two traces, with so many lines around it; undefined when there is none. */
export function firstDifference(
  left: readonly TraceRecord[],
  right: readonly TraceRecord[],
  context: number,
): TraceDifference | undefined {
  const longest = Math.max(left.length, right.length);
  for (let at = 0; at < longest; at++) {
    if (lineAt(left, at) === lineAt(right, at)) continue;
    const from = Math.max(0, at - context);
    const after = at + 1 + context;
    return {
      at,
      common: left.slice(from, at).map(traceLine),
      left: left.slice(at, after).map(traceLine),
      right: right.slice(at, after).map(traceLine),
    };
  }
  return undefined;
}

function lineAt(records: readonly TraceRecord[], at: number): string | undefined {
  const record = records[at];
  return record === undefined ? undefined : traceLine(record);
}
