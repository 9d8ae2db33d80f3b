/** An open loop: each item is started when it is due, however many are under way and whatever is becoming of them. */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * `dueAt`: when an item is due, milliseconds of `performance.now`; never falling. Resolves when all are done; when one fails,
 * starts no more and rejects with what the first one failed with.
 */
export async function paced<T>(
  items: readonly T[],
  dueAt: (index: number) => number,
  act: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  // Each is listened to from its start: a rejection that nobody waits for yet would end the process.
  const start = async (index: number): Promise<void> => {
    try {
      await act(items[index] as T, index);
    } catch (error) {
      failures.push(error);
    }
  };
  const running: Promise<void>[] = [];
  for (let index = 0; index < items.length && failures.length === 0; await sleep(1)) {
    for (; index < items.length && dueAt(index) <= performance.now(); index++) running.push(start(index));
  }
  if (failures.length === 0) await Promise.all(running);
  if (failures.length > 0) throw failures[0];
}
