import { describe, expect, test } from "vitest";
import type { Clock } from "../base/ports/clock.ts";
import { LeaseClock } from "./lease-clock.ts";

function clocks(): { monotonic: number; wall: number; clock: Clock } {
  const state = { monotonic: 5_000, wall: 1_000_000 };
  const never = (): never => {
    throw new Error("no timer is wanted");
  };
  const clock: Clock = {
    monotonicMs: () => state.monotonic,
    wallMs: () => state.wall,
    setTimer: never,
    defer: never,
  };
  return Object.assign(state, { clock });
}

describe("the time that leases are measured by", () => {
  test.each([
    { what: "both go on", monotonic: 40, wall: 40, passed: 40 },
    {
      what: "the machine was suspended, and the monotonic clock stood still",
      monotonic: 1,
      wall: 9_000,
      passed: 9_000,
    },
    { what: "the wall clock was set back", monotonic: 40, wall: -3_600_000, passed: 40 },
    { what: "the wall clock was set forward", monotonic: 40, wall: 3_600_000, passed: 3_600_000 },
    { what: "the wall clock is slow", monotonic: 40, wall: 39, passed: 40 },
  ])("$what", ({ monotonic, wall, passed }) => {
    const both = clocks();
    const lease = new LeaseClock(both.clock);
    both.monotonic += 7;
    both.wall += 7;
    const before = lease.nowMs();
    both.monotonic += monotonic;
    both.wall += wall;
    expect(lease.nowMs() - before).toBe(passed);
    expect(lease.nowMs() - before).toBe(passed);
  });
});
