import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InvariantError } from "../base/assert.ts";
import { INCARNATION_MAX, MEMBER_STATES, type MemberState, type Rumour } from "./frames.ts";
import { Members } from "./members.ts";

const SELF = 1;
function members(): Members {
  const known = new Members(SELF, 2);
  known.setMembers([1, 2, 3]);
  return known;
}

const rumour = (member: number, state: MemberState, incarnation: number): Rumour => ({ member, state, incarnation });

const grave = (each: Rumour): number => each.incarnation * 3 + MEMBER_STATES.indexOf(each.state);

describe("SWIM section 4.2: what overrules what", () => {
  test.each<readonly [MemberState, number, MemberState, number, boolean]>([
    ["alive", 0, "alive", 0, false],
    ["alive", 0, "alive", 1, true],
    ["alive", 1, "alive", 0, false],
    ["alive", 0, "suspect", 0, true],
    ["alive", 1, "suspect", 0, false],
    ["suspect", 0, "alive", 0, false],
    ["suspect", 0, "alive", 1, true],
    ["suspect", 0, "suspect", 0, false],
    ["suspect", 0, "suspect", 1, true],
    ["suspect", 0, "dead", 0, true],
    ["suspect", 1, "dead", 0, false],
    ["dead", 0, "alive", 0, false],
    ["dead", 0, "suspect", 0, false],
    ["dead", 0, "alive", 1, true],
  ])("of %s@%i, hearing %s@%i changes the belief: %s", (state, incarnation, news, newsIncarnation, overrules) => {
    const known = members();
    known.hear(rumour(2, state, incarnation));
    const returned = known.hear(rumour(2, news, newsIncarnation));
    expect(returned).toBe(overrules && news !== state ? news : undefined);
    const expected = overrules ? { state: news, incarnation: newsIncarnation } : { state, incarnation };
    expect(known.get(2)).toMatchObject(expected);
    expect(known.get(3)).toMatchObject({ state: "alive", incarnation: 0 });
  });

  test("rumours may come in any order and any number: the highest incarnation wins, then the gravest state", () => {
    const rumours = fc.array(
      fc.record({ member: fc.constant(2), state: fc.constantFrom(...MEMBER_STATES), incarnation: fc.nat(3) }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(rumours, (heard) => {
        const known = members();
        for (const each of heard) known.hear(each);
        const worst = Math.max(0, ...heard.map(grave));
        expect(grave({ ...known.get(2), member: 2 })).toBe(worst);
      }),
    );
  });
});

describe("refutation", () => {
  test("who hears that it is suspected or dead says so to all, under a higher incarnation than the rumour's", () => {
    for (const state of ["suspect", "dead"] as const) {
      const known = members();
      known.hear(rumour(SELF, state, 4));
      expect(known.incarnation).toBe(5);
      expect(known.takeNews(9)).toEqual([rumour(SELF, "alive", 5)]);
    }
  });

  test("an older suspicion is refuted already, and being called alive changes nothing", () => {
    const known = members();
    known.hear(rumour(SELF, "suspect", 0));
    known.hear(rumour(SELF, "suspect", 0));
    known.hear(rumour(SELF, "alive", 9));
    expect(known.incarnation).toBe(1);
  });

  test("a member cannot be driven beyond what frames carry", () => {
    const known = members();
    known.hear(rumour(SELF, "dead", INCARNATION_MAX));
    known.hear(rumour(SELF, "dead", INCARNATION_MAX));
    expect(known.incarnation).toBe(INCARNATION_MAX);
  });
});

describe("what a node sees for itself", () => {
  test("who speaks lives, whatever was said of it", () => {
    const known = members();
    known.hear(rumour(2, "dead", 3));
    known.heard(2, 500, 12);
    expect(known.get(2)).toEqual({ id: 2, state: "alive", incarnation: 3, height: 12, heardMs: 500 });
    known.heard(2, 600, 7);
    expect(known.get(2)).toMatchObject({ height: 12, heardMs: 600 });
  });

  test("a conclusion keeps the incarnation and is told on", () => {
    const known = members();
    known.hear(rumour(2, "alive", 6));
    known.conclude(2, "suspect");
    expect(known.get(2)).toMatchObject({ state: "suspect", incarnation: 6 });
    expect(known.takeNews(9)).toEqual([rumour(2, "suspect", 6)]);
  });

  test("strangers are no members", () => {
    const known = members();
    expect(known.hear(rumour(7, "dead", 1))).toBeUndefined();
    expect([known.has(7), known.has(SELF), known.has(2)]).toEqual([false, false, true]);
    expect(() => known.get(7)).toThrow(InvariantError);
    expect(known.all().map(({ id }) => id)).toEqual([2, 3]);
  });
});

describe("members that come and go", () => {
  test("who stays keeps what is known of it, who comes is alive, of who goes nothing is left", () => {
    const known = members();
    known.hear(rumour(2, "suspect", 3));
    known.hear(rumour(3, "dead", 5));
    known.setMembers([4, 2, 1]);
    expect(known.all().map(({ id, state, incarnation }) => [id, state, incarnation])).toEqual([
      [4, "alive", 0],
      [2, "suspect", 3],
    ]);
    expect(known.takeNews(9)).toEqual([rumour(2, "suspect", 3)]);
    expect(known.hear(rumour(3, "alive", 6))).toBeUndefined();
    known.setMembers([1, 2, 3]);
    expect(known.get(3)).toEqual({ id: 3, state: "alive", incarnation: 0, height: 0, heardMs: 0 });
  });

  test("what this node says of itself is told on, whoever goes, and also when it is no member", () => {
    const known = members();
    known.hear(rumour(SELF, "dead", 2));
    known.setMembers([2]);
    expect(known.takeNews(9)).toEqual([rumour(SELF, "alive", 3)]);
    expect(known.all().map(({ id }) => id)).toEqual([2]);
  });
});

describe("news", () => {
  test("is told a bounded number of times, the least told first, and only the newest of each member", () => {
    const known = members();
    known.hear(rumour(2, "suspect", 0));
    expect(known.takeNews(1)).toEqual([rumour(2, "suspect", 0)]);
    known.hear(rumour(3, "suspect", 0));
    expect(known.takeNews(1)).toEqual([rumour(3, "suspect", 0)]);
    known.hear(rumour(2, "dead", 0));
    expect(known.takeNews(9)).toEqual([rumour(2, "dead", 0), rumour(3, "suspect", 0)]);
    expect(known.takeNews(9)).toEqual([rumour(2, "dead", 0)]);
    expect(known.takeNews(9)).toEqual([]);
  });

  test("what was known already is no news", () => {
    const known = members();
    known.hear(rumour(2, "alive", 0));
    expect(known.takeNews(9)).toEqual([]);
  });
});
