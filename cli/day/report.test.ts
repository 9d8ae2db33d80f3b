import { describe, expect, test } from "vitest";
import { PAYMENT_STATES } from "../../node/state/payments/payment.ts";
import { type DayFacts, dayResult, dayText, problemsOf } from "./report.ts";

const EUR = 978;
const DIGEST = "5c240a7b230a229a5e688efec3f1a330d510863c5fcbb1cd3bcace36179f5d2c";

const totals = [{ ledger: EUR, debitsPending: "0", debitsPosted: "9", creditsPending: "0", creditsPosted: "9" }];
const summary = {
  paymentsByState: { captured: 1_196, authorizing: 1, review: 2, declined: 1, failed: 4 },
  paymentsByReason: { amount_limit: 1, amount_review: 2, insufficient_funds: 4 },
  totals,
};

function node(id: number, role: string): DayFacts["nodes"][number] {
  return { id, name: `node-${id}`, reachable: true, role, term: 2, leader: 1, height: 998, digest: DIGEST };
}

const GOOD: DayFacts = {
  ...{ source: "payments.csv.gz", ledger: EUR, payers: 618, payees: 218, cardPayments: 120, loadAverage: 1.25 },
  imported: {
    ...{ payments: 1_204, states: { captured: 1_080 }, existing: 0, refused: [], lost: [], seconds: 2.5 },
    ...{ p50Ms: 40.1, p99Ms: 320, maxMs: 401.7, retried: 17 },
  },
  failover: { killed: 3, term: 1, next: { term: 2, failoverMs: 633 } },
  nodes: [node(1, "leader"), node(2, "follower"), node(3, "follower")],
  summaries: [summary, summary, summary],
  window: {
    ...{ id: 1, state: "settled", failure: "", payments: 1_196, gross: "6234500", net: "6234500" },
    ...{ openedAt: "1767225600000000000", closesAt: "1767312000000000000", closedAt: "1767225634000000000" },
    positions: [
      { authority: 2, name: "issuer-1", debit: "6234500", credit: "0", net: "-6234500" },
      { authority: 6, name: "acquirer-1", debit: "0", credit: "5000000", net: "5000000" },
      { authority: 7, name: "acquirer-2", debit: "0", credit: "1234500", net: "1234500" },
    ],
  },
  reckoning: { missing: 0, invented: 0, doubled: 0, captured: 6_234_500n },
};

function page(facts: DayFacts): string {
  return `${dayText(facts, dayResult(facts))}\n`;
}

describe("the page for people", () => {
  test("of a good day", async () => {
    await expect(page(GOOD)).toMatchFileSnapshot("testdata/good-day.txt");
  });

  test("of a day on which everything went wrong", async () => {
    const bad: DayFacts = {
      ...GOOD,
      imported: { ...GOOD.imported, lost: [5n], refused: [{ id: 6n, reason: "not_found (payee)" }] },
      failover: { killed: 3, term: 1, next: undefined },
      nodes: [node(1, "leader"), { ...node(2, "follower"), digest: `0${DIGEST.slice(1)}`, height: 997 }],
      summaries: [{ ...summary, totals: [{ ...(totals[0] as (typeof totals)[0]), debitsPosted: "8" }] }],
      window: undefined,
      reckoning: { missing: 1, invented: 2, doubled: 3, captured: 0n },
    };
    await expect(page(bad)).toMatchFileSnapshot("testdata/bad-day.txt");
  });

  test("does not run beyond 110 columns", () => {
    const longest = Math.max(
      ...page(GOOD)
        .split("\n")
        .map((line) => line.length),
    );
    expect(longest).toBeLessThanOrEqual(110);
  });
});

describe("the object for programs", () => {
  test("has what a check needs", () => {
    expect(dayResult(GOOD)).toEqual({
      ...{ payments: 1_204, accepted: 1_197, reviewed: 2, declined: 1, failed: 4, refused: 0 },
      reasons: summary.paymentsByReason,
      ...{ lost: 0, doubled: 0, invented: 0, debitsEqualCredits: true, failoverMs: 633 },
      nodes: [1, 2, 3].map((id) => ({ id, height: 998, digest: DIGEST })),
      netPositions: [
        { participant: "issuer-1", net: "-6234500" },
        { participant: "acquirer-1", net: "5000000" },
        { participant: "acquirer-2", net: "1234500" },
      ],
      settlement: "settled",
      ...{ paymentsPerSecond: 482, p50Ms: 40.1, p99Ms: 320, maxMs: 401.7, retried: 17 },
    });
  });

  test("counts every state that a payment can have once", () => {
    const paymentsByState = Object.fromEntries(PAYMENT_STATES.map((state) => [state, 1]));
    const { accepted, reviewed, declined, failed } = dayResult({
      ...GOOD,
      summaries: [{ ...summary, paymentsByState }],
    });
    expect(accepted + reviewed + declined + failed).toBe(PAYMENT_STATES.length);
  });

  test("has no failover time where no leader was killed, or no payment followed", () => {
    expect(dayResult({ ...GOOD, failover: undefined }).failoverMs).toBeNull();
    expect(dayResult({ ...GOOD, failover: { killed: 1, term: 1, next: undefined } }).failoverMs).toBeNull();
  });
});

describe("a day is good only when all holds", () => {
  const good = dayResult(GOOD);

  test("which it does on a good day", () => {
    expect(problemsOf(good)).toEqual([]);
  });

  test.each([
    ["lost", { lost: 1 }],
    ["doubled", { doubled: 1 }],
    ["invented", { invented: 1 }],
    ["refused", { refused: 1 }],
    ["debits", { debitsEqualCredits: false }],
    ["heights", { nodes: good.nodes.map((one) => ({ ...one, height: one.id })) }],
    ["states", { nodes: good.nodes.map((one) => ({ ...one, digest: `${one.id}` })) }],
    ["net positions", { netPositions: good.netPositions.slice(1) }],
    ["settlement", { settlement: "failed" }],
  ])("%s", (word, changed) => {
    const problems = problemsOf({ ...good, ...changed });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(word);
  });
});
