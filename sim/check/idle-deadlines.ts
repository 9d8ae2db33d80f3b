/**
 * Deadlines of a cluster that is idle: a block does what is due, and where nobody pays the leader itself must see to it that
 * one comes. So what is soon due when everything else has come to rest is waited for; that it is done is a part of `liveness`.
 *
 * Due is what the leader's wall clock says, for that is where log time comes from.
 */
import type { LogTime, NodeId } from "../../node/base/ids.ts";
import type { Verdict } from "./verdict.ts";

/** Timeouts of holds are some seconds; what is due later than this is not waited for. */
const SOON_MS = 4_000;
/** A leader looks at its clock once a second, and has its block committed in less. */
const LATE_MS = 2_000;
const NS_PER_MS = 1_000_000n;

/** Who leads, and what its wall clock says. */
export interface LeaderClock {
  readonly leader: NodeId;
  readonly wallMs: number;
}

export class IdleDeadlines {
  readonly #verdict: Verdict;
  /** The first that was soon due; those behind it are not waited for. */
  #awaited: LogTime | undefined;
  /** Since when the same leader has seen it pass; a new one may have a clock that is far ahead. */
  #due: { readonly leader: NodeId; readonly sinceMs: number } | undefined;

  constructor(verdict: Verdict) {
    this.#verdict = verdict;
  }

  /** Whether something is soon due, or due, that is not done; asked again and again while all else is at rest. */
  isWaiting(deadline: LogTime | undefined, { leader, wallMs }: LeaderClock, nowMs: number): boolean {
    const untilMs = deadline === undefined ? Number.POSITIVE_INFINITY : Number(deadline / NS_PER_MS) - wallMs;
    if (deadline === undefined || untilMs > SOON_MS) return false;
    this.#awaited ??= deadline;
    if (deadline > this.#awaited) return false;
    if (untilMs > 0) {
      this.#due = undefined;
      return true;
    }
    if (this.#due?.leader !== leader) this.#due = { leader, sinceMs: nowMs };
    const lateMs = nowMs - this.#due.sinceMs;
    this.#verdict.expect(
      lateMs <= LATE_MS,
      "liveness",
      () => `what was due at ${deadline} is not done, and node ${leader}, which leads, has known it for ${lateMs} ms`,
    );
    return true;
  }
}
