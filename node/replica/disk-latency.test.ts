import { expect, test } from "vitest";
import { DiskLatency } from "./disk-latency.ts";

test("the longest time is remembered for one to two minutes", () => {
  const latency = new DiskLatency(0);
  latency.add(9, 10);
  latency.add(3, 20);
  expect([latency.last, latency.longest(30)]).toEqual([3, 9]);
  latency.add(5, 60_000);
  expect(latency.longest(119_000)).toBe(9);
  expect(latency.longest(120_000)).toBe(5);
  expect(latency.longest(400_000)).toBe(0);
  expect(latency.last).toBe(5);
});
