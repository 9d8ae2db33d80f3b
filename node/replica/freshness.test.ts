import { expect, test } from "vitest";
import { Freshness } from "./freshness.ts";

test("a state is as fresh as the newest question whose index it has reached", () => {
  const freshness = new Freshness();
  expect(freshness.isWithin(1_000_000, 9, 50)).toBe(false); // nothing is known yet
  freshness.confirmed(5, 100);
  expect([freshness.isWithin(50, 4, 150), freshness.isWithin(50, 5, 150), freshness.isWithin(49, 5, 150)]).toEqual([
    ...[false, true, false],
  ]);
  freshness.confirmed(8, 200);
  expect([freshness.isWithin(150, 7, 250), freshness.isWithin(100, 7, 250)]).toEqual([true, false]);
  expect([freshness.isWithin(50, 8, 250), freshness.isWithin(0, 8, 200)]).toEqual([true, true]);
});

test("an answer that comes late, to a question that was asked before, makes nothing fresher or older", () => {
  const freshness = new Freshness();
  freshness.confirmed(8, 200);
  freshness.confirmed(5, 100);
  expect([freshness.isWithin(50, 8, 250), freshness.isWithin(50, 5, 150)]).toEqual([true, false]);
});

test("what a state far behind does not use takes no more and more room", () => {
  const freshness = new Freshness();
  for (let i = 1; i <= 100_000; i++) freshness.confirmed(i, i);
  expect(freshness.isWithin(36, 64, 100)).toBe(true);
  expect(freshness.isWithin(35, 100_000, 100)).toBe(false);
});
