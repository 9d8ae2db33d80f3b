import { describe, expect, test } from "vitest";
import type { TraceRecord } from "../trace-recorder.ts";
import type { Told } from "./messages.ts";
import { Playback } from "./playback.ts";

/** A piece of a run with records at these milliseconds. */
function went(...atMs: readonly number[]): Told {
  const records = atMs.map((ms): TraceRecord => ({ id: ms, us: 1_000 * ms, node: 1, what: "start" }));
  return {
    what: "went",
    records,
    progress: { simulatedMs: atMs.at(-1) ?? 0, events: 0, elections: 0, transactions: 0 },
  };
}

const ENDED: Told = { what: "ended", traceHash: "0" };

/** What is seen at a time: the milliseconds of records, and what else is told. */
function seen(playback: Playback, nowMs: number): readonly (number | string)[] {
  return playback
    .take(nowMs)
    .flatMap((told): readonly (number | string)[] =>
      told.what === "went" ? told.records.map(({ us }) => us / 1_000) : [told.what],
    );
}

describe("the pace at which a run is seen", () => {
  test("as fast as it comes, all that has come", () => {
    const playback = new Playback();
    for (const told of [went(1, 2), went(30), ENDED]) playback.add(told);
    expect(seen(playback, 0)).toEqual([1, 2, 30, "ended"]);
    expect(playback.empty).toBe(true);
  });

  test("at a tenth, as much as there is time for, in the middle of a piece, too", () => {
    const playback = new Playback();
    playback.pace = 0.1;
    for (const told of [went(1, 2), went(3, 4, 10), ENDED]) playback.add(told);
    expect([1_000, 1_010, 1_035, 1_045, 1_099].map((nowMs) => seen(playback, nowMs))).toEqual([
      [],
      [1],
      [2, 3],
      [4],
      [],
    ]);
    expect(playback.empty).toBe(false);
    expect(seen(playback, 1_100)).toEqual([10, "ended"]);
  });

  test("time that passes while the run has told nothing more is not made up for", () => {
    const playback = new Playback();
    playback.pace = 1;
    playback.add(went(5));
    expect([0, 100].map((nowMs) => seen(playback, nowMs))).toEqual([[], [5]]);
    playback.add(went(50, 90));
    expect([110, 145, 200].map((nowMs) => seen(playback, nowMs))).toEqual([[], [50], [90]]);
  });

  test("a pace that changes holds from there on", () => {
    const playback = new Playback();
    playback.pace = 0.01;
    playback.add(went(1, 500));
    expect([0, 200].map((nowMs) => seen(playback, nowMs))).toEqual([[], [1]]);
    playback.pace = Number.POSITIVE_INFINITY;
    expect(seen(playback, 201)).toEqual([500]);
  });
});
