import { describe, expect, test } from "vitest";
import type { Happening, TraceRecord } from "../trace-recorder.ts";
import { Filter } from "./filter.ts";
import { layoutOf, rowsOf } from "./layout.ts";
import { lastUpTo, Model, standAt } from "./model.ts";
import { linksText } from "./words.ts";

const STAND = { role: "follower", term: 1, commit: 3, last: 4, applied: 3, members: "1 2" } as const;

/** Records at these times, at these nodes. */
function records(...happenings: readonly (readonly [us: number, node: number, happening: Happening])[]): TraceRecord[] {
  return happenings.map(([us, node, happening], index) => ({ id: index + 1, us, node, ...happening }));
}

describe("the model of a trace", () => {
  const happened = records(
    [0, 1, { what: "start" }],
    [0, 2, { what: "start" }],
    [10, 1, { what: "stand", ...STAND, role: "candidate", term: 2 }],
    [20, 1, { what: "send", frame: 1, to: 2, message: "vote term=2" }],
    [21, 1, { what: "send", frame: 2, to: 2, message: "vote term=2" }],
    [25, 2, { what: "arrive", frame: 1, from: 1, message: "vote term=2" }],
    [26, 1, { what: "lost", frame: 2, to: 2, message: "vote term=2", why: "blocked" }],
    [30, 1, { what: "stand", ...STAND, role: "leader", term: 2 }],
    [31, 2, { what: "arrive", frame: 1, from: 1, message: "vote term=2" }],
    [40, 1, { what: "stand", ...STAND, role: "leader", term: 2, last: 9 }],
    [45, 0, { what: "cut", links: [[1, 2]] }],
    [46, 0, { what: "fault", fault: { kind: "pause", target: 2, forMs: 1 } }],
    [50, 1, { what: "crash" }],
    [70, 1, { what: "start" }],
    [75, 0, { what: "heal", links: [[1, 2]] }],
    [80, 1, { what: "send", frame: 3, to: 2, message: "append" }],
    [90, 0, { what: "quiet" }],
    [100, 0, { what: "end", traceHash: "0" }],
  );
  const model = new Model(2);
  model.add(happened);
  const [first] = model.lanes;

  test("frames are arrows from where they were sent to where they came first, were lost, or the trace ends", () => {
    expect(model.arrows.map(({ fate, sentUs, endUs }) => [fate, sentUs, endUs])).toEqual([
      ["arrived", 20, 25],
      ["lost", 21, 26],
      ["open", 80, 100],
    ]);
    expect(model.longestUs).toBe(20);
  });

  test("roles and crashes are bands; a leader whose log grows still leads", () => {
    expect(first).toMatchObject({
      campaigning: [{ fromUs: 10, toUs: 30, text: "term 2" }],
      leading: [{ fromUs: 30, toUs: 50, text: "term 2" }],
      down: [{ fromUs: 50, toUs: 70 }],
      paused: [],
    });
  });

  test("cuts last until they are healed, other faults as long as they say, and none longer than faults do", () => {
    expect(model.faults).toEqual([
      { fromUs: 45, toUs: 75, text: "1 > 2" },
      { fromUs: 46, toUs: 90, text: "pause n2" },
    ]);
  });

  test("how a node stood is that of its last record up to there", () => {
    if (first === undefined) throw new Error("there is a lane");
    expect(standAt(first, 1)).toBeUndefined();
    expect(standAt(first, 8)).toMatchObject({ role: "leader", last: 4 });
    expect(standAt(first, 9)).toMatchObject({ role: "leader", last: 9 });
    expect(standAt(first, 13)).toBeUndefined();
  });

  test("is the same whether records come at once or one by one", () => {
    const grown = new Model(2);
    for (const record of happened) grown.add([record]);
    for (const name of ["records", "lanes", "arrows", "faults", "longestUs", "endUs", "lastIndex"] as const)
      expect(grown[name]).toEqual(model[name]);
  });

  test("while records come, what goes on goes on until the last of them", () => {
    const grown = new Model(2);
    grown.add(happened.slice(0, 12));
    expect(grown.lanes[0]?.leading).toEqual([{ fromUs: 30, toUs: 46, text: "term 2" }]);
    expect(grown.faults.map(({ toUs }) => toUs)).toEqual([46, 46]);
  });

  test("a filter wants all of its words, and none of those with a minus", () => {
    const filter = new Filter();
    const shown = (text: string): number[] => {
      filter.set(text);
      return model.records.flatMap((_, at) => (filter.shows(at) ? [at] : []));
    };
    filter.add(model.records.slice(0, 7));
    filter.set("n2 arrive");
    filter.add(model.records.slice(7));
    expect(filter.count).toBe(2);
    expect([0, 1].map((place) => filter.showsArrow(model.arrows[place] as never))).toEqual([true, false]);
    expect(shown("")).toHaveLength(model.records.length);
    expect(shown("n2 arrive")).toEqual([5, 8]);
    expect(shown("n1 send -vote")).toEqual([15]);
  });
});

describe("small things that are drawn with", () => {
  test("who does not hear whom", () => {
    const both = [1, 2].flatMap((one) => [[one, 3] as const, [3, one] as const]);
    expect(linksText(both)).toBe("1 2 | 3");
    expect(
      linksText([
        [1, 101],
        [1, 102],
        [101, 1],
        [102, 1],
      ]),
    ).toBe("1 | clients");
    const among = [1, 2, 3].flatMap((from) => [1, 2, 3].map((to) => [from, to] as const));
    expect(linksText(among.filter(([from, to]) => from !== to))).toBe("1 | 2 | 3");
    expect(linksText(among.filter(([from, to]) => from < to))).toBe("1 > 2 3, 2 > 3");
  });

  test("bands share a row where none lies over another", () => {
    expect(
      rowsOf([
        { fromUs: 0, toUs: 10 },
        { fromUs: 5, toUs: 6 },
        { fromUs: 7, toUs: 9 },
        { fromUs: 10, toUs: 11 },
      ]),
    ).toEqual([0, 1, 1, 0]);
  });

  test("rows follow each other from top to bottom", () => {
    const { faults, lanes, chart, axis } = layoutOf(1_000, 800, 5, 2);
    const boxes = [faults, ...lanes, chart, axis];
    for (let place = 1; place < boxes.length; place++) {
      const before = boxes[place - 1] as { top: number; height: number };
      expect(boxes[place]?.top).toBeGreaterThanOrEqual(before.top + before.height);
    }
  });

  test("the last that is within, by halving", () => {
    expect([0, 1, 5, 9].map((limit) => lastUpTo(5, (place) => place < limit))).toEqual([-1, 0, 4, 4]);
  });
});
