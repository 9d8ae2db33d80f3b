import fc from "fast-check";
import { expect, test } from "vitest";
import { FairQueue } from "./fair-queue.ts";

function taken(queue: FairQueue<string>): string[] {
  const items: string[] = [];
  for (let item = queue.take(); item !== undefined; item = queue.take()) items.push(item);
  return items;
}

function filled(items: readonly string[]): FairQueue<string> {
  const queue = new FairQueue<string>();
  for (const item of items) queue.add(item.charCodeAt(0), item);
  return queue;
}

test("owners take turns, each with its oldest item", () => {
  const queue = filled(["a1", "a2", "a3", "b1", "c1", "c2"]);
  expect(queue.count).toBe(6);
  expect(taken(queue)).toEqual(["a1", "b1", "c1", "a2", "c2", "a3"]);
  expect([queue.count, queue.take()]).toEqual([0, undefined]);
});

test("who comes later, or comes back, waits for one item of each other at most", () => {
  const queue = filled(["a1", "a2", "a3"]);
  expect(queue.take()).toBe("a1");
  queue.add(2, "b1");
  expect(queue.take()).toBe("a2");
  expect(queue.take()).toBe("b1");
  queue.add(2, "b2");
  expect(taken(queue)).toEqual(["a3", "b2"]);
});

test("what is dropped is gone; the others keep their turns", () => {
  const queue = filled(["a1", "a2", "b1", "c1", "c2"]);
  queue.drop((item) => item === "a1" || item === "b1");
  expect(queue.count).toBe(3);
  expect(taken(queue)).toEqual(["a2", "c1", "c2"]);
});

test("nothing is lost, each owner's items stay in order, and nobody is served twice while another waits", () => {
  const owners = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 60 });
  fc.assert(
    fc.property(owners, (asked) => {
      const queue = new FairQueue<{ readonly owner: number; readonly place: number }>();
      for (const [place, owner] of asked.entries()) queue.add(owner, { owner, place });
      const left = [0, 1, 2, 3, 4].map((one) => asked.filter((owner) => owner === one).length);
      const last = new Map<number, number>();
      for (let round = new Set<number>(); queue.count > 0; ) {
        const item = queue.take();
        if (item === undefined) return expect.unreachable("the count is wrong");
        const { owner, place } = item;
        expect(last.get(owner) ?? -1).toBeLessThan(place);
        last.set(owner, place);
        if (round.has(owner)) {
          // A new round begins when all that had something left were served in the one before.
          expect(left.filter((count, other) => count > 0 && !round.has(other))).toEqual([]);
          round = new Set();
        }
        round.add(owner);
        left[owner] = (left[owner] ?? 0) - 1;
      }
      expect(left).toEqual([0, 0, 0, 0, 0]);
    }),
  );
});
