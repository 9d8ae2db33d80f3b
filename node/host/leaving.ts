/**
 * How long a node that has stopped itself is waited for. Its exit code can be given only when no thread is in the middle of a
 * call to its disk: one that is slow is waited for as long as it gets anything done, and one that hangs is not. While much is written to the store nothing tells one from the other.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { DiskCalls } from "../../storage/disk-calls.ts";

const POLL_MS = 20;

export interface Patience {
  /** A disk from which nothing has come back for so long hangs. */
  readonly quietMs: number;
  /** Whatever it does, it is waited for no longer. */
  readonly longestMs: number;
}

/** Whether `left` has come to its end in time. */
export async function hasLeft(
  left: Promise<void>,
  calls: Pick<DiskCalls, "completed" | "isUnseen">,
  { quietMs, longestMs }: Patience,
): Promise<boolean> {
  const over = left.then(() => true);
  let { completed } = calls;
  let quiet = 0;
  for (let waited = 0; waited < longestMs && quiet < quietMs; waited += POLL_MS) {
    if (await Promise.race([over, sleep(POLL_MS, false)])) return true;
    quiet = calls.completed === completed && !calls.isUnseen ? quiet + POLL_MS : 0;
    completed = calls.completed;
  }
  return false;
}
