import { expect, test } from "vitest";
import { pauseAfter } from "./pause.ts";

const firstPauses = (code: string): number[] => [1, 2, 3, 4].map((attempt) => pauseAfter(code, attempt));

test.each(["not_leader", "no_leader", "connection_lost", "timeout"])(
  "after %s the second attempt comes at once",
  (code) => {
    expect(firstPauses(code)).toEqual([0, 20, 40, 60]);
  },
);

test.each(["busy", "disk_full"])("who is %s is given time from the first refusal on", (code) => {
  expect(firstPauses(code)).toEqual([20, 40, 60, 80]);
});

test("a pause never grows beyond a quarter of a second", () => {
  expect([pauseAfter("busy", 1_000), pauseAfter("no_leader", 1_000)]).toEqual([250, 250]);
});
