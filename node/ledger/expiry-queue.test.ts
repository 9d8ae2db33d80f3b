/** The expiry queue against a sorted array. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ExpiryQueue } from "./expiry-queue.ts";
import { setU64, u64At } from "./words.ts";

test("entries come out by time, then by slot", () => {
  const times = fc.constantFrom(1n, 2n, 0xffff_ffffn, 0x1_0000_0000n, 0x1_0000_0001n, 2n ** 62n);
  const entry = fc.record({ time: times, slot: fc.nat(500) });
  const step = fc.oneof({ weight: 2, arbitrary: entry }, { weight: 1, arbitrary: fc.constant("pop" as const) });
  const property = fc.property(fc.array(step, { maxLength: 200, size: "max" }), (steps) => {
    const queue = new ExpiryQueue();
    let sorted: { time: bigint; slot: number }[] = [];
    const at = new Uint32Array(2);
    const expectFirst = (): void => {
      expect(queue.count).toBe(sorted.length);
      if (queue.count === 0) return;
      queue.copyTime(at, 0);
      expect({ time: u64At(at, 0), slot: queue.slot }).toEqual(sorted[0]);
    };
    for (const one of steps) {
      if (one !== "pop") {
        setU64(at, 0, one.time);
        queue.push(at, 0, one.slot);
        sorted = [...sorted, one].sort((a, b) => Number(a.time - b.time) || a.slot - b.slot);
      } else if (queue.count > 0) {
        queue.pop();
        sorted = sorted.slice(1);
      }
      expectFirst();
    }
  });
  fc.assert(property, { numRuns: 40 });
});
