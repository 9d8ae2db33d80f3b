import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InFlight } from "./in-flight.ts";
import type { Entry } from "./messages.ts";
import { Pace } from "./pace.ts";
import { Progress } from "./progress.ts";

function entriesFrom(first: number, count: number, bytes = 1): Entry[] {
  return Array.from({ length: count }, (_, at) => ({ index: first + at, term: 1, data: new Uint8Array(bytes) }));
}

/** A follower that has acknowledged 5 and takes appends as they come; at most three at a time. */
function replicating(): Progress {
  const progress = new Progress(6, new InFlight(3, 100), new Pace(100));
  progress.acknowledge(5);
  return progress;
}

describe("appends on their way", () => {
  test("are bounded in number and in bytes, and freed by position, against a list", () => {
    const steps = fc.array(fc.tuple(fc.boolean(), fc.nat(8), fc.nat(6)), { maxLength: 30 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 12 }), steps, (countMax, bytesMax, run) => {
        const inFlight = new InFlight(countMax, bytesMax);
        let list: { last: number; bytes: number }[] = [];
        let last = 0;
        for (const [adds, step, bytes] of run) {
          if (adds) {
            last += step;
            inFlight.add(last, bytes);
            list.push({ last, bytes });
          } else {
            inFlight.freeTo(last - step);
            list = list.filter((append) => append.last > last - step);
          }
          const total = list.reduce((sum, append) => sum + append.bytes, 0);
          expect(inFlight.count).toBe(list.length);
          expect(inFlight.isFull).toBe(list.length >= countMax || total >= bytesMax);
        }
        inFlight.clear();
        expect([inFlight.count, inFlight.isFull]).toEqual([0, false]);
      }),
    );
  });
});

describe("progress of a follower", () => {
  test("begins with a probe: one append, and then silence until an answer", () => {
    const progress = new Progress(6, new InFlight(3, 100), new Pace(100));
    expect(progress).toMatchObject({ state: "probe", match: 0, next: 6, paused: false });
    progress.sent([], 0);
    expect(progress.paused).toBe(true);
    progress.resume();
    expect(progress).toMatchObject({ next: 6, paused: false, mayCarryEntries: false });
    progress.sent([], 0);
    expect(progress).toMatchObject({ next: 6, paused: true });
    expect(progress.reject(5, 3)).toBe(true);
    expect(progress).toMatchObject({ next: 4, paused: false, mayCarryEntries: true });
  });

  test("what a follower knows of the commit is no more than it is sent", () => {
    const progress = new Progress(6, new InFlight(3, 100), new Pace(100));
    progress.sent([], 9);
    expect(progress.commitSent).toBe(5);
    progress.acknowledge(5);
    progress.sent(entriesFrom(6, 2), 9);
    expect(progress.commitSent).toBe(7);
  });

  test("an acknowledgement of a probe opens the pipeline", () => {
    const progress = replicating();
    expect(progress).toMatchObject({ state: "replicate", match: 5, next: 6, paused: false });
  });

  test("a pipeline runs ahead until it is full, and an acknowledgement frees what it covers", () => {
    const progress = replicating();
    for (const first of [6, 8, 10]) progress.sent(entriesFrom(first, 2), 0);
    expect(progress).toMatchObject({ next: 12, paused: true, inFlightCount: 3 });
    expect(progress.acknowledge(9)).toBe(true);
    expect(progress).toMatchObject({ match: 9, paused: false, inFlightCount: 1 });
    expect(progress.acknowledge(9)).toBe(false);
    expect(progress.acknowledge(7)).toBe(false);
    expect(progress.match).toBe(9);
  });

  test("a heartbeat's answer lets one append out of a full pipeline, which must be empty", () => {
    const progress = replicating();
    for (const first of [6, 7, 8]) progress.sent(entriesFrom(first, 1), 0);
    progress.resume();
    expect(progress).toMatchObject({ paused: false, mayCarryEntries: false });
    progress.sent([], 7);
    expect(progress).toMatchObject({ paused: true, inFlightCount: 3, commitSent: 7 });
  });

  test("an empty append takes no place in the pipeline", () => {
    const progress = replicating();
    for (let i = 0; i < 9; i++) progress.sent([], i);
    expect(progress).toMatchObject({ paused: false, inFlightCount: 0, next: 6 });
  });

  test("a refusal in a pipeline goes back to what is known to agree", () => {
    const progress = replicating();
    progress.sent(entriesFrom(6, 3), 0);
    expect(progress.reject(8, 7)).toBe(true);
    expect(progress).toMatchObject({ state: "probe", match: 5, next: 6, paused: false, inFlightCount: 0 });
  });

  test("a refusal of what has been acknowledged since is stale", () => {
    const progress = replicating();
    progress.sent(entriesFrom(6, 3), 0);
    progress.acknowledge(8);
    expect(progress.reject(7, 6)).toBe(false);
    expect(progress).toMatchObject({ state: "replicate", match: 8, next: 9 });
  });

  test("a refusal of a probe steps back to where the logs may agree, never behind what is known, and always back", () => {
    const cases = fc.record({ match: fc.nat(20), lead: fc.integer({ min: 1, max: 20 }), limit: fc.nat(60) });
    fc.assert(
      fc.property(cases, ({ match, lead, limit }) => {
        const next = match + 1 + lead;
        const progress = new Progress(next, new InFlight(1, 1), new Pace(1));
        if (match > 0) {
          progress.acknowledge(match); // now replicating, behind match
          progress.sent(entriesFrom(match + 1, lead), 0);
          progress.reject(next - 1, 0);
          expect(progress.next).toBe(match + 1);
          return;
        }
        expect(progress.reject(next, limit)).toBe(false); // about another append
        expect(progress.reject(next - 1, limit)).toBe(true);
        expect(progress.next).toBe(Math.max(1, Math.min(next - 1, limit + 1)));
        expect(progress.next).toBeLessThan(next);
      }),
    );
  });

  test("without a checkpoint nothing is sent: no sign of life and no late refusal changes that, an acknowledgement does", () => {
    const progress = replicating();
    progress.sent(entriesFrom(6, 2), 0);
    progress.awaitCheckpoint();
    progress.resume();
    expect(progress.reject(7, 3)).toBe(false);
    expect(progress).toMatchObject({ state: "snapshot", paused: true, match: 5, inFlightCount: 0 });
    expect(progress.acknowledge(4)).toBe(false);
    expect(progress.acknowledge(20)).toBe(true);
    expect(progress).toMatchObject({ state: "replicate", paused: false, match: 20, next: 21 });
  });

  test("what is acknowledged never goes back, and next stays ahead of it, whatever the answers", () => {
    const answers = fc.array(fc.tuple(fc.nat(4), fc.nat(30), fc.nat(30)), { maxLength: 40 });
    fc.assert(
      fc.property(answers, (run) => {
        const progress = new Progress(10, new InFlight(2, 10), new Pace(10));
        for (const [kind, a, b] of run) {
          const before = progress.match;
          if (kind === 0) progress.acknowledge(a);
          else if (kind === 1) progress.reject(a, b);
          else if (kind === 2) progress.resume();
          else if (kind === 4) progress.awaitCheckpoint();
          else if (!progress.paused)
            progress.sent(progress.mayCarryEntries ? entriesFrom(progress.next, b % 3) : [], a);
          expect(progress.match).toBeGreaterThanOrEqual(before);
          expect(progress.next).toBeGreaterThan(progress.match);
          expect(progress.inFlightCount).toBeLessThanOrEqual(2);
        }
      }),
    );
  });
});
