import { describe, expect, test } from "vitest";
import { Prng } from "../node/base/prng.ts";
import { Process } from "./process.ts";
import { Scheduler } from "./scheduler.ts";
import { TraceHash } from "./trace.ts";
import { ClockError, EPOCH_MS, VirtualClock } from "./virtual-clock.ts";

function world(error = new ClockError()) {
  const scheduler = new Scheduler();
  const process = new Process(1, {
    ...{ scheduler, trace: new TraceHash(), random: new Prng(1) },
    observe: () => {},
    crashed: (failure) => {
      throw failure as Error;
    },
  });
  const run = (ms: number): void => {
    while (scheduler.step(ms * 1_000)) {
      // until then
    }
  };
  return { scheduler, process, clock: new VirtualClock(scheduler, process, error), error, run };
}

describe("virtual clock", () => {
  test("a timer fires once, when its time has come, and not when it was cancelled", () => {
    const { clock, run } = world();
    const fired: number[] = [];
    clock.setTimer(10, () => fired.push(clock.monotonicMs()));
    clock.setTimer(20, () => fired.push(-1)).cancel();
    run(9);
    expect(fired).toEqual([]);
    run(100);
    expect(fired).toEqual([10]);
  });

  test("a coarse wall clock goes on in steps, also before the epoch, and timers keep the other", () => {
    const { clock, error, run } = world(new ClockError(1_000, { wallStepMs: 1_000, wallOffsetMs: 250 }));
    const fired: number[] = [];
    for (const ms of [700, 800]) clock.setTimer(ms, () => fired.push(clock.wallMs() - EPOCH_MS, clock.monotonicMs()));
    run(900);
    expect(fired).toEqual([0, 700, 1_000, 800]);
    error.wallOffsetMs = -3_250;
    expect(clock.wallMs() - EPOCH_MS).toBe(-3_000);
  });

  test("a slow clock's timers are late and its time is behind; a fast one's are early and ahead", () => {
    for (const [rate, firesAtMs] of [
      [500, 200],
      [2_000, 50],
    ] as const) {
      const { clock, scheduler, run } = world(new ClockError(rate));
      let fired = 0;
      clock.setTimer(100, () => {
        fired = scheduler.nowMs;
      });
      run(1_000);
      expect([fired, clock.monotonicMs()]).toEqual([firesAtMs, rate]);
    }
  });

  test("the wall clock is true, or as slow as the other; a jump adds to either", () => {
    for (const [drifts, shown] of [
      [false, 1_000],
      [true, 500],
    ] as const) {
      const { clock, error, run } = world(new ClockError(500, { wallDrifts: drifts }));
      run(1_000);
      expect(clock.wallMs()).toBe(EPOCH_MS + shown);
      error.wallOffsetMs = -70;
      expect(clock.wallMs()).toBe(EPOCH_MS + shown - 70);
    }
  });

  test("a change of rate never turns monotonic time back", () => {
    const { clock, scheduler, error, run } = world();
    let before = 0;
    for (const rate of [100, 1_600, 1, 1_000]) {
      run(scheduler.nowMs + 1_000);
      expect(clock.monotonicMs()).toBeGreaterThanOrEqual(before);
      before = clock.monotonicMs();
      error.setRate(rate, scheduler.nowUs);
      expect(clock.monotonicMs()).toBe(before);
    }
    run(scheduler.nowMs + 1_000);
    expect(clock.monotonicMs()).toBe(1_000 + 100 + 1_600 + 1 + 1_000);
  });

  test("the wall clock jumps both ways and is not slowed", () => {
    const { clock, error, run } = world(new ClockError(500));
    run(1_000);
    expect(clock.wallMs()).toBe(EPOCH_MS + 1_000);
    error.wallOffsetMs -= 5_000;
    expect(clock.wallMs()).toBe(EPOCH_MS - 4_000);
    error.wallOffsetMs += 7_000;
    expect(clock.wallMs()).toBe(EPOCH_MS + 3_000);
  });

  test("a wall clock is off from the beginning, and drifts by its own rate however starved the node is", () => {
    const error = new ClockError(1_200, { wallDrifts: true, wallOffsetMs: -3_000 });
    const { clock, scheduler, run } = world(error);
    expect(clock.wallMs()).toBe(EPOCH_MS - 3_000);
    run(1_000);
    error.setRate(120, scheduler.nowUs);
    run(2_000);
    expect(clock.wallMs()).toBe(EPOCH_MS - 600);
    expect(clock.monotonicMs()).toBe(1_320);
  });

  test("timers of a killed process do not fire", () => {
    const { clock, process, run } = world();
    let fired = 0;
    clock.setTimer(10, () => {
      fired += 1;
    });
    process.kill();
    run(100);
    expect(fired).toBe(0);
  });

  test("what is put off runs with the event that put it off, before time goes on", () => {
    const { clock, process, scheduler, run } = world();
    const ran: (string | number)[] = [];
    scheduler.after(5_000, () =>
      process.run("peer", () => {
        clock.defer(() => ran.push("deferred", scheduler.nowMs));
        ran.push("event");
      }),
    );
    run(100);
    expect(ran).toEqual(["event", "deferred", 5]);
  });
});
