import { describe, expect, test } from "vitest";
import { TimeScale } from "./time-scale.ts";

describe("the scale of time", () => {
  test("all of the run is seen at first, and places are there and back", () => {
    const scale = new TimeScale(10_000);
    scale.place(100, 500);
    expect([scale.x(0), scale.x(10_000)]).toEqual([100, 600]);
    expect(scale.us(scale.x(1_234))).toBeCloseTo(1_234);
  });

  test("zooming keeps the moment where it is; nothing outside of the run is ever seen", () => {
    const scale = new TimeScale(10_000);
    scale.place(0, 1_000);
    const before = scale.x(4_000);
    scale.zoom(0.25, 4_000);
    expect(scale.x(4_000)).toBeCloseTo(before);
    expect(scale.toUs - scale.fromUs).toBeCloseTo(2_500);
    scale.pan(-1_000_000);
    expect(scale.fromUs).toBe(0);
    scale.zoom(1_000, 0);
    expect([scale.fromUs, scale.toUs]).toEqual([0, 10_000]);
    scale.zoom(1e-9, 5_000);
    expect(scale.toUs - scale.fromUs).toBe(50);
  });

  test("a run that grows moves nothing until what happened last is shown", () => {
    const scale = new TimeScale(100);
    scale.reach(10_000);
    expect([scale.fromUs, scale.toUs]).toEqual([0, 100]);
    scale.showLast(1_000);
    expect([scale.fromUs, scale.toUs]).toEqual([9_000, 10_000]);
    scale.showLast(Number.POSITIVE_INFINITY);
    expect([scale.fromUs, scale.toUs]).toEqual([0, 10_000]);
  });

  test("a moment in sight moves nothing, one out of sight comes into the middle", () => {
    const scale = new TimeScale(10_000);
    scale.show(2_000, 1_000);
    scale.reveal(2_500);
    expect(scale.fromUs).toBe(2_000);
    scale.reveal(8_000);
    expect([scale.fromUs, scale.toUs]).toEqual([7_500, 8_500]);
  });
});
