/** What the page and the worker that simulates for it say to each other. */
import type { Progress } from "../run.ts";
import type { TraceRecord } from "../trace-recorder.ts";
import type { Outcome } from "../unavoidable.ts";
import type { RunLink } from "./run-link.ts";

/**
 * Which run: a seed, perhaps with a planted bug or with faults that may destroy the last copy of something, or the text of a
 * plan file, which says that itself. All is as somebody has written it.
 */
export type Asked = RunLink | { readonly plan: string };

export interface Begun {
  readonly what: "begun";
  readonly seed: number;
  readonly mutant?: string;
  readonly giveUpLastCopy: boolean;
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

export interface Ended extends Outcome {
  readonly what: "ended";
  readonly traceHash: string;
}

export type Told =
  /** There is no such run; the text is what the command line says. */
  { readonly what: "refused"; readonly text: string } | Begun | Went | Ended;
