import { describe, expect, test } from "vitest";
import { encodePlan } from "./plan-file.ts";
import { type RunPlan, runSeed } from "./run.ts";
import { firstDifference } from "./trace-diff.ts";
import { decodeTrace, isTrace, traceHead, traceLine } from "./trace-file.ts";
import type { TraceRecord } from "./trace-recorder.ts";

const SEED = 5;

function recorded(seed: number): { readonly records: TraceRecord[]; readonly plan: RunPlan; readonly hash: string } {
  const records: TraceRecord[] = [];
  const { plan, traceHash } = runSeed(seed, { record: (record) => records.push(record) });
  return { records, plan, hash: traceHash };
}

const { records, plan, hash } = recorded(SEED);
const text = [traceHead(plan), ...records.map(traceLine), ""].join("\n");

describe("recording a run", () => {
  test("changes nothing, and gives the same records each time, numbered from one", () => {
    expect(hash).toBe(runSeed(SEED).traceHash);
    expect(recorded(SEED).records).toEqual(records);
    expect(records.map(({ id }) => id)).toEqual(records.map((_, index) => index + 1));
    expect(records.at(-1)).toMatchObject({ what: "end", traceHash: hash });
  });

  test("where the simulator itself breaks, the trace says so and has an end, too", () => {
    const seen: TraceRecord[] = [];
    const { failed } = runSeed(SEED, {
      record: (record) => {
        seen.push(record);
        if (record.what === "fault") throw new Error("broken");
      },
    });
    expect(failed).toMatchObject({ checker: "simulator", message: expect.stringContaining("broken") });
    expect(seen.slice(-2).map(({ what }) => what)).toEqual(["failed", "end"]);
  });

  test("each frame that was sent arrives, is lost, or is on its way at the end; none comes out of nothing", () => {
    const sent = new Map<number, TraceRecord>();
    const kinds = new Set<string>();
    for (const record of records) {
      kinds.add(record.what);
      if (record.what === "send") sent.set(record.frame, record);
      if (record.what !== "arrive" && record.what !== "lost") continue;
      const send = sent.get(record.frame);
      expect(send?.us).toBeLessThanOrEqual(record.us);
      expect(send).toMatchObject(
        record.what === "arrive" ? { node: record.from, to: record.node } : { node: record.node, to: record.to },
      );
    }
    for (const kind of ["step", "send", "arrive", "lost", "stand", "start", "crash", "log", "fault", "cut", "heal"])
      expect(kinds).toContain(kind);
  });

  test("events have the numbers that the verdict and the trace hash count by", () => {
    const steps = records.flatMap((record) => (record.what === "step" ? [record.step] : []));
    expect(steps).toEqual(steps.map((_, index) => index + 1));
  });
});

describe("traces as files", () => {
  test("are read as they were written", () => {
    expect(isTrace(text)).toBe(true);
    expect(decodeTrace(text)).toEqual({ plan, records });
  });

  test.each([
    ["another version", text.replace('"quorateTrace":3', '"quorateTrace":2'), /line 1: .*2/],
    ["no trace at all", "hello\n", /line 1/],
    ["a plan", encodePlan(plan), /line 1: this is no trace/],
    ["a line that was cut off", `${text.slice(0, text.length - 20)}\n`, new RegExp(`line ${records.length + 1}`)],
    [
      "a trace whose last line is gone",
      text.slice(0, text.lastIndexOf("\n", text.length - 2) + 1),
      /: the trace is cut off/,
    ],
    ["a trace of nothing", `${traceHead(plan)}\n`, /line 1: the trace is cut off/],
    ["a record without a number", `${traceHead(plan)}\n{"id":1,"us":2,"what":"quiet"}\n`, /line 2: node/],
    [
      "a record of nothing known",
      `${traceHead(plan)}\n{"id":1,"us":2,"node":0,"what":"rain"}\n`,
      /line 2: what must be/,
    ],
    ["a record without its links", `${traceHead(plan)}\n{"id":1,"us":2,"node":0,"what":"cut"}\n`, /line 2: links/],
  ])("%s is refused with its line", (_, bad, why) => {
    expect(() => decodeTrace(bad)).toThrow(why);
  });
});

describe("the difference of two traces", () => {
  test("there is none between a run and itself", () => {
    expect(firstDifference(records, records, 3)).toBeUndefined();
  });

  test("is the first record that differs, with those around it", () => {
    const other = records.map((record) => (record.id === 50 ? { ...record, us: record.us + 1 } : record));
    const { at, common, left, right } = firstDifference(records, other, 2) ?? { common: [], left: [], right: [] };
    expect(at).toBe(49);
    expect(common).toEqual(records.slice(47, 49).map(traceLine));
    expect(left).toEqual(records.slice(49, 52).map(traceLine));
    expect(right).toEqual(other.slice(49, 52).map(traceLine));
  });

  test("a trace that ends early differs where it ends", () => {
    const difference = firstDifference(records, records.slice(0, 10), 1);
    expect(difference).toMatchObject({ at: 10, right: [] });
  });
});
