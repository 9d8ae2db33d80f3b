import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Pace } from "./pace.ts";

describe("the pace of a follower that is far behind", () => {
  test("is what a tick brings, from tick to tick, and one append more at most", () => {
    const ticks = fc.array(fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 20 }), {
      minLength: 1,
      maxLength: 50,
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), ticks, (bytesPerTick, wanted) => {
        const pace = new Pace(bytesPerTick);
        let sent = 0;
        wanted.forEach((appends, tick) => {
          for (const bytes of appends) {
            if (!pace.isOpen) break;
            pace.spend(bytes);
            sent += bytes;
          }
          expect(sent).toBeLessThan((tick + 1) * bytesPerTick + 50);
          const wasOpen = pace.isOpen;
          expect(pace.tick(0)).toBe(!wasOpen && pace.isOpen);
        });
      }),
    );
  });

  test("is never below the pace at which the log grows: who lacks much comes to have all", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 100 }), (bytesPerTick, growth) => {
        const pace = new Pace(bytesPerTick);
        let lacks = 1_000;
        for (let tick = 0; tick < 2_000 && lacks > 0; tick++) {
          for (; pace.isOpen && lacks > 0; lacks--) pace.spend(1);
          lacks += growth;
          pace.tick(growth);
          if (lacks === growth) lacks = 0; // all but what has just come
        }
        expect(lacks).toBe(0);
      }),
    );
  });

  test("has no bound for a tick in which all may wait for the follower, and its bound again afterwards", () => {
    const pace = new Pace(10);
    pace.spend(1_000);
    expect(pace.lift()).toBe(true);
    pace.spend(1_000_000);
    expect([pace.isOpen, pace.tick(0)]).toEqual([true, false]);
    pace.spend(10);
    expect(pace.isOpen).toBe(false);
  });

  test("is not saved up while nothing is wanted", () => {
    const pace = new Pace(10);
    for (let tick = 0; tick < 100; tick++) pace.tick(0);
    pace.spend(10);
    expect(pace.isOpen).toBe(false);
  });
});
