import fc from "fast-check";
import { expect, test } from "vitest";
import { emptyQueue, type SlotQueue, SlotQueues } from "./slot-queues.ts";

/** The slots of a queue, from the first on: each leaves and comes back at the end. */
function orderOf(queues: SlotQueues, queue: SlotQueue): number[] {
  return Array.from({ length: queue.size }, () => {
    const slot = queue.first;
    queues.requeue(queue, slot);
    return slot;
  });
}

test("queues keep the order in which slots came, as arrays do", () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 90 }), fc.integer({ min: 0, max: 2 }), fc.boolean()));
  fc.assert(
    fc.property(steps, (all) => {
      const queues = new SlotQueues();
      const two = [emptyQueue(), emptyQueue()] as const;
      const arrays: [number[], number[]] = [[], []];
      for (const [slot, to, again] of all) {
        const from = arrays.findIndex((array) => array.includes(slot)) as -1 | 0 | 1;
        if (from >= 0) {
          const of = from as 0 | 1;
          arrays[of] = arrays[of].filter((each) => each !== slot);
          if (again) {
            queues.requeue(two[of], slot);
            arrays[of].push(slot);
            continue;
          }
          queues.leave(two[of], slot);
        }
        if (to === 2) continue;
        queues.enter(two[to as 0 | 1], slot);
        arrays[to as 0 | 1].push(slot);
      }
      expect(two.map((queue) => orderOf(queues, queue))).toEqual(arrays);
      expect(two.map(({ size }) => size)).toEqual(arrays.map(({ length }) => length));
    }),
  );
});
