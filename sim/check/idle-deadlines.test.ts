/** The rule about deadlines of an idle cluster, looked at every 100 ms as a run does it. */
import { describe, expect, test } from "vitest";
import type { NodeId } from "../../node/base/ids.ts";
import { IdleDeadlines } from "./idle-deadlines.ts";
import { Verdict } from "./verdict.ts";

const LOOK_MS = 100;
const ms = (at: number): bigint => BigInt(at) * 1_000_000n;

/** What the rule says from a time on: when it lets the cluster rest, or that it is broken. */
function restsAt(
  fromMs: number,
  deadlineAt: (nowMs: number) => number | undefined,
  leads: (nowMs: number) => NodeId = () => 1,
  aheadMs: (leader: NodeId) => number = () => 0,
): number | string | undefined {
  const verdict = new Verdict(() => ({ atMs: 0, step: 0 }));
  const rule = new IdleDeadlines(verdict);
  for (let nowMs = fromMs; nowMs < fromMs + 60_000; nowMs += LOOK_MS) {
    const deadline = deadlineAt(nowMs);
    const leader = leads(nowMs);
    const clock = { leader, wallMs: nowMs + aheadMs(leader) };
    const isWaiting = rule.isWaiting(deadline === undefined ? undefined : ms(deadline), clock, nowMs);
    if (verdict.failure !== undefined) return verdict.failure.checker;
    if (!isWaiting) return nowMs;
  }
  return undefined;
}

describe("deadlines of an idle cluster", () => {
  test("where none is near it may rest at once", () => {
    expect(restsAt(0, () => undefined)).toBe(0);
    expect(restsAt(0, () => 3_600_000)).toBe(0);
  });

  test("one that is near is waited for, and none behind it", () => {
    expect(restsAt(0, (nowMs) => (nowMs < 3_200 ? 3_000 : undefined))).toBe(3_200);
    expect(restsAt(0, (nowMs) => (nowMs < 3_200 ? 3_000 : 4_000))).toBe(3_200);
  });

  test("one that nobody meets breaks the rule, and so does one that was long due", () => {
    expect(restsAt(0, () => 3_000)).toBe("liveness");
    expect(restsAt(100_000, () => 3_000)).toBe("liveness");
  });

  test("one that is met late enough breaks it, and a little late does not", () => {
    expect(restsAt(0, (nowMs) => (nowMs < 5_600 ? 3_000 : undefined))).toBe("liveness");
    expect(restsAt(0, (nowMs) => (nowMs < 4_900 ? 3_000 : undefined))).toBe(4_900);
  });

  test("a new leader whose clock is ahead is given its time, and one whose clock is behind need do nothing", () => {
    const ahead = (leader: NodeId): number => (leader === 2 ? 30_000 : 0);
    const second = (nowMs: number): NodeId => (nowMs < 1_000 ? 1 : 2);
    expect(restsAt(0, (nowMs) => (nowMs < 2_000 ? 3_000 : undefined), second, ahead)).toBe(2_000);
    expect(
      restsAt(
        0,
        () => 3_000,
        second,
        (leader) => -ahead(leader),
      ),
    ).toBe(1_000);
  });
});
