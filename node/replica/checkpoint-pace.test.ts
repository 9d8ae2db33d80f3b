import fc from "fast-check";
import { expect, test } from "vitest";
import { CHECKPOINT_LOG_BYTES } from "../base/limits.ts";
import { CheckpointStride, checkpointsDue, writeDelayMs } from "./checkpoint-pace.ts";

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

/** Which of those that fall due, by their numbers, a node takes whose writes each last `lasts` numbers, from `from` on. */
function taken(lasts: (number: number) => number, from: number, until: number): number[] {
  const stride = new CheckpointStride();
  const numbers: number[] = [];
  let writtenAt = 0;
  for (let number = from; number <= until; number++) {
    if (numbers.length > 0 && number === writtenAt) stride.written();
    if (!stride.isDue(number - 1, number) || number < writtenAt) continue;
    stride.begun();
    numbers.push(number);
    writtenAt = number + lasts(number);
  }
  return numbers;
}

test("a node takes all that it has written before the next", () => {
  expect(taken(() => 1, 1, 10)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test("slow nodes take those of the same numbers wherever they begin, and none that faster ones do not take", () => {
  for (let from = 1; from <= 40; from++) {
    const late = (numbers: number[]): number[] => numbers.filter((number) => number > 48 && number <= 64);
    expect(late(taken(() => 2, from, 64))).toEqual([50, 52, 54, 56, 58, 60, 62, 64]);
    expect(late(taken(() => 3, from, 64))).toEqual([52, 56, 60, 64]);
    expect(late(taken(() => 4, from, 64))).toEqual([52, 56, 60, 64]);
    expect(late(taken(() => 5, from, 64))).toEqual([56, 64]);
  }
});

test("a node that was slow for a moment soon takes all again, and none is slower than one in sixteen", () => {
  const numbers = taken((number) => (number === 3 ? 4 : 1), 1, 30);
  expect(numbers).toEqual([1, 2, 3, 8, 12, 16, 20, 22, 24, 26, 28, 29, 30]);
  expect(taken(() => 1_000, 1, 3_000)).toEqual([1, 1_008, 2_016]);
});

test("one of two numbers that fall due with the same block counts", () => {
  const stride = new CheckpointStride();
  stride.begun();
  stride.isDue(0, 1);
  stride.written();
  expect([stride.isDue(2, 3), stride.isDue(3, 5), stride.isDue(4, 4)]).toEqual([false, true, false]);
});

test("nodes write in turns a tenth of a second apart, and all of a large cluster in half a second", () => {
  const delays = (nodes: number): number[] => Array.from({ length: nodes }, (_, turn) => writeDelayMs(turn, nodes));
  expect(delays(3)).toEqual([0, 100, 200]);
  expect(delays(9)).toEqual([0, 55, 110, 165, 220, 275, 330, 385, 440]);
});

test("however accounts grow and long writes last, the next is taken within sixteen of those that are rarest", () => {
  const CHECKPOINT_BLOCKS = 2;
  const LONGEST_GAP = 16 * 4 * CHECKPOINT_BLOCKS;
  const stretch = fc.record({
    blocks: fc.integer({ min: 1, max: 60 }),
    accounts: fc.constantFrom(0, 1, 5_000, 100_000, 1_000_000),
    bytes: fc.constantFrom(1, CHECKPOINT_LOG_BYTES / 7, CHECKPOINT_LOG_BYTES),
    writeBlocks: fc.constantFrom(0, 1, 3, 20, 100),
  });
  const property = fc.property(fc.array(stretch, { minLength: 1, maxLength: 30 }), (stretches) => {
    const stride = new CheckpointStride();
    let at = { height: 0, logBytes: 0, accounts: 0 };
    let [writtenAt, idleSince, rarer] = [0, 0, 0];
    for (const { blocks, accounts, bytes, writeBlocks } of stretches) {
      for (let block = 0; block < blocks; block++) {
        const before = checkpointsDue(at, CHECKPOINT_BLOCKS);
        at = { height: at.height + 1, logBytes: at.logBytes + bytes, accounts: at.accounts + accounts };
        const due = checkpointsDue(at, CHECKPOINT_BLOCKS);
        // Where they become rarer, the count falls, and what is the next begins anew.
        if (due < before) rarer = at.height;
        if (at.height === writtenAt) {
          stride.written();
          idleSince = at.height;
        }
        if (stride.isDue(before, due) && at.height >= writtenAt) {
          stride.begun();
          writtenAt = at.height + writeBlocks + 1;
        }
        if (at.height > writtenAt) expect(at.height - Math.max(idleSince, rarer)).toBeLessThanOrEqual(LONGEST_GAP);
      }
    }
  });
  fc.assert(property, { numRuns: 300 });
});
