/** What the page and the worker that simulates for it say to each other. */
import type { Failure } from "../check/verdict.ts";
import type { Progress } from "../run.ts";
import type { TraceRecord } from "../trace-recorder.ts";

/** Which run: a seed, perhaps with a planted bug, or the text of a plan file. All is as somebody has written it. */
export type Asked = { readonly seed: string; readonly mutant?: string } | { readonly plan: string };

export interface Begun {
  readonly what: "begun";
  readonly seed: number;
  readonly mutant?: string;
  readonly nodes: number;
  /** The text of the plan's file. */
  readonly plan: string;
  /** The first line of the trace's file. */
  readonly traceHead: string;
}

interface Went {
  readonly what: "went";
  readonly records: readonly TraceRecord[];
  /** After the last of the records. */
  readonly progress: Progress;
}

export interface Ended {
  readonly what: "ended";
  /** Absent when all rules held. */
  readonly failed?: Failure;
  readonly traceHash: string;
}

export type Told =
  /** There is no such run; the text is what the command line says. */
  { readonly what: "refused"; readonly text: string } | Begun | Went | Ended;
