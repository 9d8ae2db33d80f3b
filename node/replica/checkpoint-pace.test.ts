import { expect, test } from "vitest";
import { CHECKPOINT_LOG_BYTES } from "../base/limits.ts";
import { checkpointsDue } from "./checkpoint-pace.ts";

/** Heights up to 20 at which one falls due, where there is one each two blocks of 1 byte, or of `bytes`. */
function due(accounts: (height: number) => number, bytes = 1): number[] {
  const at = (height: number): number =>
    checkpointsDue({ height, logBytes: height * bytes, accounts: accounts(height) }, 2);
  return Array.from({ length: 20 }, (_, before) => before + 1).filter((height) => at(height) > at(height - 1));
}

test("checkpoints fall due each so many blocks, and less often the more accounts there are, up to four times", () => {
  expect(due(() => 10_000)).toEqual([2, 4, 6, 8, 10, 12, 14, 16, 18, 20]);
  expect(due(() => 262_144)).toEqual([4, 8, 12, 16, 20]);
  expect(due(() => 1_000_000)).toEqual([8, 16]);
  expect(due(() => 100_000_000)).toEqual([8, 16]);
});

test("and earlier where blocks are large", () => {
  expect(due(() => 100_000_000, CHECKPOINT_LOG_BYTES / 5)).toEqual([5, 8, 10, 15, 16, 20]);
});

test("and where the accounts become more they become rarer on the way", () => {
  expect(due((height) => height * 30_000)).toEqual([2, 4, 6, 8, 12, 16]);
});
