/** What the page says of a run. */
import { heldText } from "../html.ts";
import type { Progress } from "../run.ts";
import type { Outcome } from "../unavoidable.ts";
import type { Begun } from "./messages.ts";

/** What stands there before anything was run: a title, and lines below it. */
export const WELCOME: readonly [title: string, lines: readonly string[]] = [
  "Whole clusters of the production node, in this page",
  [
    "Choose a seed and run it, or drop a plan file here.",
    "A seed gives the same run here as on the command line, event for event; the trace hash says so.",
  ],
];

/** Which run it is. */
export function whichText({ seed, mutant, giveUpLastCopy }: Begun): string {
  const planted = mutant === undefined ? "" : ` with ${mutant}`;
  return `seed ${seed}${planted}${giveUpLastCopy ? ", the last copy given up" : ""}`;
}

export function verdictText({ failed, ...unavoidable }: Outcome): string {
  if (failed === undefined) return heldText(unavoidable);
  const { checker, message, atMs, step } = failed;
  return `${checker} at event ${step}, ${atMs} ms: ${message}`;
}

/** `tookMs` is how long the run took in the real world, when it is over. */
export function figuresText({ simulatedMs, events, elections, transactions }: Progress, tookMs?: number): string {
  const figures = [
    `${(simulatedMs / 1_000).toFixed(2)} simulated s`,
    counted(events, "event"),
    counted(elections, "election"),
    counted(transactions, "transaction"),
  ];
  if (tookMs !== undefined && tookMs > 0) figures.push(`in ${(tookMs / 1_000).toFixed(2)} s`);
  return figures.join(" · ");
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
