import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SESSION_WINDOW } from "../base/limits.ts";
import { SequenceWindow } from "./sequence-window.ts";

const LONG_MS = 60_000;

/** A session as the cluster keeps it: it executes a number, or says that it is too new or too old. */
class Session {
  readonly #executed = new Set<number>();
  #highest = 0;

  execute(sequence: number): void {
    expect(this.#executed.has(sequence)).toBe(false);
    expect(sequence).toBeLessThanOrEqual(this.#highest + SESSION_WINDOW);
    expect(sequence).toBeGreaterThan(this.#highest - SESSION_WINDOW);
    this.#executed.add(sequence);
    this.#highest = Math.max(this.#highest, sequence);
  }
}

describe("sequence numbers", () => {
  test("run from 1, one by one", async () => {
    const window = new SequenceWindow();
    expect(await Promise.all([1, 2, 3].map(() => window.take(LONG_MS)))).toEqual([1, 2, 3]);
    expect(window.inFlight).toBe(3);
    for (const sequence of [1, 2, 3]) window.settle(sequence, true);
    expect(window.inFlight).toBe(0);
  });

  test("wait for the oldest, not for the number of open ones", async () => {
    const window = new SequenceWindow();
    const given: (number | undefined)[] = [];
    for (let i = 0; i < 200; i++) void window.take(LONG_MS).then((sequence) => given.push(sequence));
    await Promise.resolve();
    expect(given).toHaveLength(128);
    for (let sequence = 2; sequence <= 128; sequence++) window.settle(sequence, true);
    await Promise.resolve();
    expect(given).toHaveLength(128);
    window.settle(1, true);
    await Promise.resolve();
    expect(given).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
  });

  test("whoever waits too long is told so, and takes no number with him", async () => {
    const window = new SequenceWindow();
    for (let i = 0; i < 128; i++) await window.take(LONG_MS);
    await expect(window.take(5)).rejects.toMatchObject({ code: "timeout" });
    const next = window.take(LONG_MS);
    window.settle(1, true);
    expect(await next).toBe(129);
  });

  test("end when a whole window of them was never executed, and not while one may still be", async () => {
    const window = new SequenceWindow();
    for (let i = 1; i <= SESSION_WINDOW; i++) {
      expect(await window.take(LONG_MS)).toBe(i);
      if (i > 1) window.settle(i - 1, false);
    }
    const next = window.take(LONG_MS);
    window.settle(SESSION_WINDOW, false);
    expect(await next).toBeUndefined();
    expect(await window.take(LONG_MS)).toBeUndefined();
  });

  test("end when the cluster has forgotten the session", async () => {
    const window = new SequenceWindow();
    for (let i = 0; i < 128; i++) await window.take(LONG_MS);
    const waiting = window.take(LONG_MS);
    window.spend();
    expect(await waiting).toBeUndefined();
  });

  test("are never refused, in whatever order answers come and whichever requests vanish", async () => {
    const step = fc.record({
      take: fc.nat(40),
      settle: fc.array(fc.tuple(fc.nat(200), fc.boolean()), { maxLength: 60 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const window = new SequenceWindow();
        const session = new Session();
        const open: number[] = [];
        const collect = (sequence: number | undefined): void => {
          if (sequence !== undefined) open.push(sequence);
        };
        for (const { take, settle } of steps) {
          for (let i = 0; i < take; i++) void window.take(LONG_MS).then(collect);
          await Promise.resolve();
          for (const [choice, executed] of settle) {
            const [sequence] = open.splice(choice % Math.max(open.length, 1), 1);
            if (sequence === undefined) break;
            if (executed) session.execute(sequence);
            window.settle(sequence, executed);
            await Promise.resolve();
          }
        }
        window.spend(); // lets go who still waits
      }),
      { numRuns: 200 },
    );
  });
});
