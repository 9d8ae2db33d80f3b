import { expect, test } from "vitest";
import { RESERVE_BYTES } from "../../storage/wal/log-writer.ts";
import { CheckpointRoom } from "./checkpoint-room.ts";
import { recordingLog } from "./replica.test-support.ts";

function fixture() {
  const disk = { free: 0, freeBytes: (): number => disk.free };
  const { log, warnings } = recordingLog();
  const room = new CheckpointRoom(disk, log);
  /** Whether a checkpoint of so many bytes has room. */
  const has = (bytes: number, free: number, givenUp = 0): boolean => {
    disk.free = free;
    const changes = [{ key: "k", value: new Uint8Array(bytes - 1) }];
    return room.mayHaveRoom(givenUp) && room.hasRoomFor(changes, { height: 1, givenUp });
  };
  return { has, warnings };
}

test("room is wanted for a log, a table and the tables that are merged with it, and the reserve", () => {
  const { has } = fixture();
  expect(has(1_000, RESERVE_BYTES + 5_999)).toBe(false);
  expect(has(1_000, RESERVE_BYTES + 6_000)).toBe(true);
});

test("after a large one the small ones want room for it, too, until it must have been merged", () => {
  const { has } = fixture();
  const small = RESERVE_BYTES + 600;
  expect(has(1_000, RESERVE_BYTES + 6_000)).toBe(true);
  for (let more = 0; more < 3; more++) {
    expect(has(100, small)).toBe(false);
    expect(has(100, RESERVE_BYTES + 4_200)).toBe(true);
  }
  expect(has(100, small)).toBe(true);
});

test("what has not fitted is not made again before there is room for as much", () => {
  const { has, warnings } = fixture();
  expect([has(1_000, RESERVE_BYTES), has(10, RESERVE_BYTES + 60)]).toEqual([false, false]);
  expect(has(10, RESERVE_BYTES + 6_000)).toBe(true);
  expect(warnings).toEqual([
    { event: "checkpoint.no_room", fields: { free: RESERVE_BYTES, needed: RESERVE_BYTES + 6_000 } },
  ]);
});

test("where the log gives up what is written, that is all that room is wanted for, though much has been written before", () => {
  const { has } = fixture();
  expect(has(9_000, RESERVE_BYTES + 54_000)).toBe(true);
  expect(has(1_000, RESERVE_BYTES + 2_000, 1_999)).toBe(false);
  expect(has(1_000, RESERVE_BYTES + 1_999, 2_000)).toBe(false);
  expect(has(1_000, RESERVE_BYTES + 2_000, 2_000)).toBe(true);
});

const QUARTER = RESERVE_BYTES / 4;

test.each<[string, before: number, bytes: number, givenUp: number, hasRoom: boolean]>([
  ["a quarter of the reserve before, and a small one", QUARTER, 1_000, 2_000, true],
  ["more than that before, and a small one", QUARTER + 501, 1_000, 2_003, false],
  ["the same where the log gives up what is lacking", QUARTER + 501, 1_000, 2_004, true],
  ["half the reserve before, where the log gives up as much as the reserve", 2 * QUARTER, 1_000, RESERVE_BYTES, true],
  ["the same where it gives up a byte less", 2 * QUARTER, 1_000, RESERVE_BYTES - 1, false],
  ["half the reserve, and none before", 0, 2 * QUARTER, 4 * QUARTER, true],
  ["a byte more", 0, 2 * QUARTER + 1, 4 * QUARTER + 2, false],
  ["the same where the log gives up what is merged without the reserve", 0, 2 * QUARTER + 1, 4 * QUARTER + 4, true],
])("without room for merging beside the reserve: %s", (_, before, bytes, givenUp, hasRoom) => {
  const { has } = fixture();
  if (before > 0) expect(has(before, 10 * RESERVE_BYTES)).toBe(true);
  expect(has(bytes, RESERVE_BYTES + 2 * bytes, givenUp)).toBe(hasRoom);
});

test("a log that gives up space and has a disk to itself does not fill it", () => {
  const { has } = fixture();
  const [disk, perRound, changed] = [RESERVE_BYTES + 5_500, 300, 1_000];
  let [log, tables, taken] = [0, 0, 0];
  for (let round = 0; round < 100; round++) {
    log += perRound;
    const free = disk - log - tables;
    expect(free).toBeGreaterThan(RESERVE_BYTES);
    if (!has(changed, free, log)) continue;
    [log, tables, taken] = [0, changed, taken + 1];
  }
  expect(taken).toBeGreaterThan(10);
});
