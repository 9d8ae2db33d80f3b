import { describe, expect, test } from "vitest";
import type { ActorContext } from "../actor/actor.ts";
import { StatusBoard } from "../messages/status.ts";
import type { StateEvent } from "../state/events.ts";
import type { Verdict } from "../state/risk/rules.ts";
import { RiskActor, type RiskMessage } from "./risk-actor.ts";

function nothing(): void {
  // Only warnings are looked at.
}

function world() {
  const alerts: unknown[] = [];
  const status = new StatusBoard();
  const log = {
    debug: nothing,
    info: nothing,
    warn: (_: string, fields?: object) => alerts.push(fields),
    error: nothing,
  };
  const actor = new RiskActor({} as ActorContext<RiskMessage>, { log, status });
  let id = 0n;
  const decide = (verdict: Verdict, special: Partial<Extract<StateEvent, { type: "paymentChanged" }>> = {}): void => {
    id += 1n;
    const event = {
      type: "paymentChanged",
      id,
      created: true,
      state: "captured",
      verdict,
      reasons: [],
      ...special,
    } as const;
    const notice = {
      type: "applied",
      height: 1,
      timestamp: 0n,
      digest: new Uint8Array(32),
      blockHash: new Uint8Array(32),
      historyRoot: new Uint8Array(32),
      nextDeadline: undefined,
    } as const;
    actor.receive({ ...notice, events: [event] });
  };
  return { actor, alerts, decide, read: () => status.read()["risk"] };
}

describe("the risk actor", () => {
  test("counts verdicts and reasons once a payment, when it is created", () => {
    const { decide, read } = world();
    decide("accept");
    decide("review", { state: "review", reasons: ["amount_review", "velocity_count"] });
    decide("review", { created: false, state: "rejected", reasons: ["amount_review"] });
    decide("decline", { state: "declined", reasons: ["velocity_count"] });
    expect(read()).toEqual({
      ...{ accept: 1, review: 1, decline: 1, alerting: false },
      reasons: { amount_review: 1, velocity_count: 2 },
    });
  });

  test("raises an alert once when a fifth of the newest thousand is flagged, and again after it was calm", () => {
    const { decide, alerts, read } = world();
    const many = (count: number, verdict: Verdict): void => {
      for (let i = 0; i < count; i++) decide(verdict);
    };
    many(199, "decline");
    many(800, "accept");
    expect(alerts).toEqual([]);
    decide("review");
    expect(alerts).toEqual([{ flagged: 200, of: 1_000, thresholdPermille: 200 }]);
    many(50, "review");
    expect(alerts).toHaveLength(1);
    expect(read()).toMatchObject({ alerting: true });
    many(1_000, "accept");
    expect(read()).toMatchObject({ alerting: false });
    many(200, "decline");
    expect(alerts).toHaveLength(2);
  });

  test("does not care who leads", () => {
    const { actor, read } = world();
    actor.receive({ type: "lead", openIntents: [] });
    actor.receive({ type: "follow" });
    expect(read()).toMatchObject({ accept: 0 });
  });
});
