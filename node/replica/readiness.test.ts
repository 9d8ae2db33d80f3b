import { expect, test } from "vitest";
import { isReady } from "./readiness.ts";

test.each([
  ["answers and lacks little", { active: true, match: 36 }, { commit: 100, firstIndex: 1 }, true],
  ["lacks too much", { active: true, match: 35 }, { commit: 100, firstIndex: 1 }, false],
  ["has nothing of a log that is short", { active: true, match: 0 }, { commit: 20, firstIndex: 1 }, true],
  ["does not answer", { active: false, match: 100 }, { commit: 100, firstIndex: 1 }, false],
  ["can be sent what it lacks", { active: true, match: 40 }, { commit: 50, firstIndex: 41 }, true],
  ["needs a checkpoint for what it lacks", { active: true, match: 40 }, { commit: 50, firstIndex: 42 }, false],
  ["is new to a short log that has forgotten", { active: true, match: 0 }, { commit: 20, firstIndex: 16 }, false],
] as const)("a node that %s", (_, progress, log, ready) => {
  expect(isReady(progress, log)).toBe(ready);
});
