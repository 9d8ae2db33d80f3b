/** How long a client waits before it sends the same bytes again. */
const STEP_MS = 20;
const MAX_MS = 250;

/**
 * Milliseconds before the next attempt, when attempt number `attempt` (from 1) has failed with `code`. The second comes at
 * once: who says `not_leader` knows the next leader by then, and a lost connection says nothing of other nodes. Who is
 * busy, or has no space, is given time.
 */
export function pauseAfter(code: string, attempt: number): number {
  return Math.min(STEP_MS * (code === "busy" || code === "disk_full" ? attempt : attempt - 1), MAX_MS);
}
