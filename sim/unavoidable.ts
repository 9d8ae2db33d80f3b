/** What was lost in a run that nothing could have kept (`given-up.ts`), as data and in words. */
import type { LogIndex, NodeId } from "../node/base/ids.ts";
import type { Failure, Moment } from "./check/verdict.ts";

/** Who takes no part in the end, and how: `lost` with its disk, `mending` its log for ever, or the code it has stopped with. */
export interface Refusal {
  readonly node: NodeId;
  readonly how: string;
}

/** The cluster could not go on, and nobody is to blame but who destroyed what a quorum of it had. */
export interface UnavoidableHalt extends Moment {
  readonly refusals: readonly Refusal[];
}

/** Committed blocks that no node has any more. */
export interface UnavoidableLoss extends UnavoidableHalt {
  /** The first and the last of each row of blocks. */
  readonly heights: readonly (readonly [first: LogIndex, last: LogIndex])[];
}

/** What became of a run besides its rules; nothing where all could go on with everything. */
export interface Unavoidable {
  /** All rules held, and who cannot go on says so. */
  readonly unavoidableLoss?: UnavoidableLoss;
  /** The same where nothing is lost, and yet nobody can lead any more. */
  readonly unavoidableHalt?: UnavoidableHalt;
}

/** How a run has ended. */
export interface Outcome extends Unavoidable {
  /** Absent when all rules held. */
  readonly failed?: Failure;
}

/** What an outcome may say. */
const OUTCOMES: ReadonlySet<string> = new Set<keyof Outcome>(["failed", "unavoidableLoss", "unavoidableHalt"]);

/** Whether this is the name of something that an outcome may say. */
export function isOutcome(name: string): name is keyof Outcome {
  return OUTCOMES.has(name);
}

/** What nothing could have kept, and how those who cannot go on say so; undefined where there is nothing to be said. */
export function unavoidableText({ unavoidableLoss: loss, unavoidableHalt: halt }: Unavoidable): string | undefined {
  if (loss !== undefined) return lossText(loss);
  return halt === undefined ? undefined : haltText(halt);
}

export function lossText({ heights, ...halt }: UnavoidableLoss): string {
  const rows = heights.map(([first, last]) => (first === last ? `${first}` : `${first} to ${last}`));
  return sinceText(`blocks were lost: ${rows.join(", ")}`, halt);
}

export function haltText(halt: UnavoidableHalt): string {
  return sinceText("no quorum was left, and no block lost", halt);
}

function sinceText(what: string, { atMs, step, refusals }: UnavoidableHalt): string {
  const who = refusals.map(({ node, how }) => `node ${node} ${how}`);
  return `unavoidable: ${what}, from ${atMs} ms, event ${step}, on; ${who.join(", ") || "all go on"}`;
}
