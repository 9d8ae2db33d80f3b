import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Scheduler } from "./scheduler.ts";

describe("scheduler", () => {
  test("runs events by time, and events of one time in the order they were scheduled", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 200 }), (delays) => {
        const scheduler = new Scheduler();
        const ran: number[] = [];
        for (const [index, delay] of delays.entries()) scheduler.after(delay, () => ran.push(index));
        while (scheduler.step(1_000)) {
          // until nothing is left
        }
        const expected = delays.map((_, index) => index);
        expected.sort((a, b) => (delays[a] as number) - (delays[b] as number) || a - b);
        expect(ran).toEqual(expected);
      }),
    );
  });

  test("an event may schedule another at the same moment, which runs after those already there", () => {
    const scheduler = new Scheduler();
    const ran: string[] = [];
    scheduler.after(5, () => {
      ran.push("first");
      scheduler.after(0, () => ran.push("third"));
    });
    scheduler.after(5, () => ran.push("second"));
    while (scheduler.step(10)) {
      // until nothing is left
    }
    expect(ran).toEqual(["first", "second", "third"]);
    expect(scheduler.nowUs).toBe(10);
  });

  test("a cancelled event does not run, and time stops at the limit", () => {
    const scheduler = new Scheduler();
    let ran = 0;
    const event = scheduler.after(5, () => {
      ran += 1;
    });
    scheduler.after(50, () => {
      ran += 10;
    });
    event.run = undefined;
    expect(scheduler.step(20)).toBe(false);
    expect([ran, scheduler.nowUs]).toEqual([0, 20]);
    expect(scheduler.step(50)).toBe(true);
    expect(ran).toBe(10);
  });
});
