/** An open loop: each item is started when it is due, however many are under way and whatever has become of them. */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

/** `dueAt`: when an item is due, milliseconds of `performance.now`; never falling. Resolves when all are done. */
export async function paced<T>(
  items: readonly T[],
  dueAt: (index: number) => number,
  act: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const running: Promise<void>[] = [];
  for (let index = 0; index < items.length; await sleep(1)) {
    for (; index < items.length && dueAt(index) <= performance.now(); index++) {
      running.push(act(items[index] as T, index));
    }
  }
  await Promise.all(running);
}
