import { describe, expect, test } from "vitest";
import { neverReached } from "../../sim/never-reached.ts";
import { scenarioOf } from "../../sim/scenario.ts";
import { Summary } from "../../sim/summary.ts";
import { Output } from "../output.ts";
import { type Told, tell } from "./campaign-told.ts";

const SCENARIO = scenarioOf({
  name: "two pauses",
  about: "Somebody pauses, twice.",
  timeline: [{ atMs: 100, everyMs: 100, times: 2, kind: "pause", target: 1, forMs: 50 }],
});

/** What is printed of so many clean seeds of two seconds each. */
function printed(seeds: number, { ran, ...special }: Partial<Omit<Told, "ran">> & { ran?: Partial<Told["ran"]> }) {
  const summary = new Summary();
  const counts = { faults: { crash: 2 }, skipped: { pause: 1 }, reached: {}, stateCount: 1, newStates: [] };
  for (let seed = 1; seed <= seeds; seed++)
    summary.add({ seed, simulatedMs: 2_000, transactions: 10, ...counts, traceHash: "" });
  const figures = summary.read();
  const never = neverReached(figures);
  const nothing = { summary, before: { seeds: 0, simulatedMs: 0 }, unmet: [], guided: undefined, stopped: false };
  const told: Told = {
    figures,
    scenario: undefined,
    never,
    asked: seeds,
    wallMs: 4_000,
    ...special,
    ran: { ...nothing, ...ran },
  };
  const texts: string[] = [];
  const streams = { out: (text: string) => texts.push(text), err: () => undefined, terminal: false, columns: 80 };
  tell(told, new Output(false, streams));
  tell(told, new Output(true, streams));
  const [text = "", json = ""] = texts;
  return { text, json: JSON.parse(json) as Record<string, unknown> };
}

describe("what a campaign says at its end", () => {
  test("how fast it was, and what clean seeds say of others", () => {
    const { text, json } = printed(100, {});
    expect(text).toContain("200 simulated seconds in 4 s, 50 for one\n");
    expect(text).toContain("at most 3.0 % of all seeds fail\n");
    expect(text).toContain("could not be done: pause 100\n");
    expect(json).toMatchObject({ skipped: { pause: 100 }, simulatedSeconds: 200 });
  });

  test.each([
    [60, "200 simulated seconds, 80 of them now in 4 s, 20 for one\n"],
    [100, "200 simulated seconds, all of them before\n"],
  ])("%d seeds that were done before count for nothing in its speed", (seeds, said) => {
    const before = { seeds, simulatedMs: 2_000 * seeds };
    const { text, json } = printed(100, { ran: { before } });
    expect(text).toContain(said);
    expect(json).toMatchObject({ before });
  });

  test("one that was stopped says how much was asked for", () => {
    expect(printed(3, { asked: 400, ran: { stopped: true } }).json).toMatchObject({
      seeds: 3,
      stopped: true,
      asked: 400,
    });
    expect(printed(3, {}).json).not.toHaveProperty("stopped");
  });

  test("varied plans say nothing of other seeds, only the fresh ones do", () => {
    const guided = { fresh: { runs: 50, added: 1 }, varied: { runs: 50, added: 1 } };
    expect(printed(100, { ran: { guided } }).text).toContain("at most 5.8 % of all seeds fail\n");
  });

  test("a scenario's seeds say nothing of drawn ones; whether they were as expected comes first", () => {
    const { text, json } = printed(3, { scenario: SCENARIO });
    expect(text).toMatch(/^two pauses: 3 seeds as expected\n/);
    expect(text).not.toContain("confidence");
    expect(text).toContain("could not be done: pause 3 of 6\n");
    expect(json).toMatchObject({ failureRateMax: null, unmet: [] });
    const unmet = [{ seed: 2, expected: ["elections: 1, and at least 9 expected"] }];
    expect(printed(3, { scenario: SCENARIO, ran: { unmet } }).text).toMatch(
      /^two pauses: 1 of 3 seeds not as expected/,
    );
  });

  test("no seeds say nothing at all", () => {
    expect(printed(0, {}).text).not.toContain("confidence");
  });
});
