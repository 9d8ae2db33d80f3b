import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toHex } from "../base/bytes.ts";
import { decodeTransaction } from "../wire/transaction.ts";
import { CardWorld, sequenceOf } from "./card-world.test-support.ts";

/** Requests as `POST authorizations`, `GET`, without addresses and keys. */
function requests(world: CardWorld): string[] {
  return world.asked.map(({ request: { method, path } }) => (method === "GET" ? "GET" : `POST ${path.slice(4)}`));
}

function keys(world: CardWorld): Set<string> {
  return new Set(world.asked.map(({ request }) => request.headers["idempotency-key"] ?? request.path.slice(13)));
}

function led(...args: ConstructorParameters<typeof CardWorld>): CardWorld {
  const world = new CardWorld(...args);
  world.lead(0);
  return world;
}

describe("an intent", () => {
  test("is asked, and its answer comes into the log", () => {
    const world = led();
    const id = world.pay();
    world.run(100);
    expect(requests(world)).toEqual(["POST authorizations", "POST captures"]);
    expect(world.payment(id).state).toBe("captured");
    expect(world.report()).toMatchObject({ authorized: 1, captured: 1, capturedAmount: "11", doubled: [] });
  });

  test("that is declined fails its payment with the network's word", () => {
    const world = led();
    const id = world.pay("tok_decline_1");
    world.run(100);
    expect(world.payment(id)).toMatchObject({ state: "failed", failure: "insufficient_funds" });
  });

  test.each(["tok_timeout_1", "tok_late_1"])(
    "that is not answered in time (%s) is asked again, under its key",
    (token) => {
      const world = led();
      const id = world.pay(token);
      world.run(1_900);
      expect(world.payment(id).state).toBe("authorizing");
      world.run(1_000);
      expect(requests(world)).toEqual(["POST authorizations", "POST authorizations", "POST captures"]);
      expect(keys(world).size).toBe(2);
      expect(world.payment(id).state).toBe("captured");
      expect(world.report()).toMatchObject({ authorized: 1, captured: 1, doubled: [] });
    },
  );

  test("that nobody answers is asked with growing pauses, every other time by an inquiry first, and for ever", () => {
    const world = led();
    world.intercept = () => ({ kind: "answer", status: 503, body: "" });
    const id = world.pay();
    world.run(600_000);
    const pauses = world.asked.slice(1).map(({ atMs }, index) => atMs - (world.asked[index]?.atMs ?? 0));
    pauses.forEach((pause, index) => {
      const longest = Math.min(100 * 2 ** (index + 1), 10_000);
      expect(pause).toBeGreaterThanOrEqual(longest / 2);
      expect(pause).toBeLessThanOrEqual(longest + 5);
    });
    expect(requests(world).slice(0, 6)).toEqual([
      ...["POST authorizations", "POST authorizations", "GET", "POST authorizations", "GET", "POST authorizations"],
    ]);
    expect(world.asked.length).toBeGreaterThan(70);
    expect(world.payment(id).state).toBe("authorizing");
    expect(world.logged.filter((event) => event === "channels.no_answer").length).toBeGreaterThan(10);
    world.intercept = () => undefined;
    world.run(20_000);
    expect(world.payment(id).state).toBe("captured");
    expect(keys(world).size).toBe(2);
  });

  test("that an inquiry finds unknown is asked for at once: half the attempts would else be lost on a busy network", () => {
    const world = led();
    world.intercept = ({ method }) => (method === "GET" ? undefined : { kind: "answer", status: 503, body: "" });
    const id = world.pay();
    world.run(2_000);
    expect(requests(world).slice(2, 4)).toEqual(["GET", "POST authorizations"]);
    const [inquired, asked] = world.asked.slice(2, 4).map(({ atMs }) => atMs);
    expect((asked ?? 0) - (inquired ?? 0)).toBeLessThan(50);
    world.intercept = ({ method }) => (method === "GET" ? undefined : { kind: "no_answer", reason: "reset" });
    world.run(60_000);
    expect(world.payment(id).state).toBe("authorizing");
    world.intercept = () => undefined;
    world.run(20_000);
    expect(world.payment(id).state).toBe("captured");
    expect(world.report()).toMatchObject({ authorized: 1, captured: 1, doubled: [] });
  });

  test("is not asked by a node that does not lead", () => {
    const world = new CardWorld();
    world.pay();
    world.run(10_000);
    expect(world.asked).toEqual([]);
  });

  test("waits for its turn while too many are asked, and none of those that are not answered keeps its place", () => {
    const world = led();
    world.intercept = ({ body }) => (body.includes("tok_1") ? undefined : { kind: "no_answer", reason: "reset" });
    for (let count = 0; count < 200; count++) world.pay("tok_poison");
    world.run(0);
    expect(world.asked).toHaveLength(64);
    expect(world.nodes[0]?.status()).toMatchObject({ active: 64, waiting: 136, resting: 0 });
    const id = world.pay();
    world.run(200);
    expect(world.payment(id).state).not.toBe("authorizing");
    expect(world.fatal).toEqual([]);
  });
});

describe("a refusal counts only when nothing is known under the key", () => {
  const unknown = { kind: "answer", status: 404, body: '{"error":"unknown"}' } as const;

  test.each([400, 413, 422])("status %d ends the payment once the inquiry says unknown", (status) => {
    const world = led();
    world.intercept = ({ method }) => (method === "GET" ? unknown : { kind: "answer", status, body: "{}" });
    const id = world.pay();
    world.run(50);
    expect(requests(world)).toEqual(["POST authorizations", "GET"]);
    expect(world.payment(id)).toMatchObject({ state: "failed", failure: `network_${status}` });
  });

  test.each([400, 413, 422])(
    "status %d does not end a void: the money is there still, and it is asked on",
    (status) => {
      const world = led();
      const id = world.pay("tok_1", "manual");
      world.run(50);
      world.intercept = ({ method }) => (method === "GET" ? unknown : { kind: "answer", status, body: "{}" });
      world.void(id);
      world.run(30_000);
      expect(world.payment(id).state).toBe("voiding");
      expect(world.logged.filter((event) => event === "channels.void_refused").length).toBeGreaterThan(3);
      world.intercept = () => undefined;
      world.run(20_000);
      expect(world.payment(id).state).toBe("voided");
      expect(world.report()).toMatchObject({ authorized: 1, voided: 1, doubled: [] });
    },
  );

  test("a void that is declined ends the payment, and each node tells of it", () => {
    const world = led();
    const id = world.pay("tok_1", "manual");
    world.run(50);
    const declined = { outcome: "declined", reason: "unknown_authorization", networkReference: "", amount: "0" };
    world.intercept = () => ({ kind: "answer", status: 200, body: JSON.stringify(declined) });
    world.void(id);
    world.run(1_000);
    expect(world.payment(id).state).toBe("voided");
    expect(world.logged.filter((event) => event === "channels.void_declined")).toHaveLength(world.nodes.length);
    expect(world.nodes.map((node) => node.status()["voidsDeclined"])).toEqual(world.nodes.map(() => 1));
  });

  test("a key that the network knows from another request is decided as it was then", () => {
    const world = led();
    const id = world.pay();
    const [intent] = world.open;
    // The same request as another version of the node would write it.
    const body = JSON.stringify({ payment: id.toString(), amount: "11", cardToken: "tok_1", ledger: 978 });
    const headers = { "idempotency-key": intent?.idempotencyKey };
    world.acquirer.handle({ method: "POST", path: "/v1/authorizations", headers, body });
    world.run(100);
    expect(requests(world)).toEqual(["POST authorizations", "GET", "POST captures"]);
    expect(world.payment(id).state).toBe("captured");
    expect(world.report()).toMatchObject({ authorized: 1, doubled: [] });
  });

  test.each([401, 403, 404, 405, 408, 409, 425, 429, 500, 302])("status %d leaves it open", (status) => {
    const world = led();
    world.intercept = () => ({ kind: "answer", status, body: "<html></html>" });
    const id = world.pay();
    world.run(30_000);
    expect(world.payment(id).state).toBe("authorizing");
    world.intercept = () => undefined;
    world.run(30_000);
    expect(world.payment(id).state).toBe("captured");
  });

  test("while the inquiry is not answered it is repeated, and nothing else is asked", () => {
    const world = led();
    world.intercept = ({ method }) =>
      method === "GET" ? { kind: "no_answer", reason: "reset" } : { kind: "answer", status: 400, body: "" };
    const id = world.pay();
    world.run(5_000);
    expect(new Set(requests(world).slice(1))).toEqual(new Set(["GET"]));
    expect(world.payment(id).state).toBe("authorizing");
  });
});

describe("leaders", () => {
  test("a new leader goes on from the outbox, and the old one's late answer is harmless", () => {
    const world = led();
    const id = world.pay("tok_timeout_1");
    world.run(10);
    world.follow(0);
    world.lead(1);
    world.run(5_000);
    expect(world.asked.map(({ node }) => node)).toEqual([0, 1, 1]);
    expect(world.payment(id).state).toBe("captured");
    expect(world.report()).toMatchObject({ authorized: 1, captured: 1, doubled: [] });
  });

  test("what comes back to a question of an earlier reign concerns nobody", () => {
    const world = led();
    world.intercept = () => "silence";
    world.pay();
    world.run(1_000);
    world.follow(0);
    world.lead(0);
    world.run(1_900);
    expect(world.asked.map(({ atMs }) => atMs)).toEqual([0, 1_000]);
    world.run(300);
    expect(world.asked).toHaveLength(3);
  });

  test("two who both believe to lead ask for the same thing, and one answer is taken", () => {
    const world = led();
    world.lead(1);
    const ids = [world.pay(), world.pay("tok_decline_1"), world.pay("tok_late_1")];
    world.run(10_000);
    expect(ids.map((id) => world.payment(id).state)).toEqual(["captured", "failed", "captured"]);
    expect(world.reported.filter((result) => result === "wrong_state")).not.toEqual([]);
    expect(world.report()).toMatchObject({ authorized: 2, captured: 2, doubled: [] });
  });

  test("two who are answered otherwise: the first answer stands, and each node tells of the second", () => {
    const world = new CardWorld({ contradictPermille: 1_000 });
    world.lead(0);
    world.lead(1);
    const id = world.pay("tok_1", "manual");
    world.run(100);
    expect(world.payment(id).state).toBe("authorized");
    expect(world.reported).toContain("wrong_state");
    expect(world.logged.filter((event) => event === "channels.contradicted")).toHaveLength(world.nodes.length);
    expect(world.nodes.map((node) => node.status()["contradictions"])).toEqual(world.nodes.map(() => 1));
  });

  test("who leads no more asks no more", () => {
    const world = led();
    world.intercept = () => ({ kind: "no_answer", reason: "reset" });
    world.pay();
    world.run(1_000);
    world.follow(0);
    const asked = world.asked.length;
    world.run(60_000);
    expect(world.asked.length).toBe(asked);
    expect(world.nodes[0]?.status()).toMatchObject({ active: 0, waiting: 0, resting: 0 });
  });
});

describe("the actor", () => {
  test("that throws is made anew, and goes on from the outbox", () => {
    const world = led();
    const first = world.pay();
    world.run(2);
    world.crashes = 1;
    const second = world.pay();
    world.run(50);
    expect(world.payment(first).state).toBe("authorizing");
    world.run(500);
    expect([first, second].map((id) => world.payment(id).state)).toEqual(["captured", "captured"]);
    expect(world.logged).toContain("actor.restarting");
    expect(world.fatal).toEqual([]);
    expect(world.report()).toMatchObject({ authorized: 2, captured: 2, doubled: [] });
  });

  test("that was down while its node took the lead knows so when it is back", () => {
    const world = new CardWorld();
    world.crashes = 1;
    world.lead(0);
    const id = world.pay();
    world.run(1);
    world.follow(0);
    world.lead(0);
    world.run(1_000);
    expect(world.payment(id).state).toBe("captured");
  });

  test("that was down while its node lost the lead does not ask", () => {
    const world = led();
    world.crashes = 1;
    world.pay();
    world.run(1);
    world.follow(0);
    world.run(10_000);
    expect(world.asked).toEqual([]);
  });
});

describe("a report", () => {
  test("that is lost is made again, as the same bytes", () => {
    const world = led();
    const lost: string[] = [];
    world.loses = (transaction) => {
      if (sequenceOf(transaction) === 0) return false;
      lost.push(toHex(transaction));
      return lost.length <= 3;
    };
    const id = world.pay();
    world.run(2_900);
    expect(world.payment(id).state).toBe("authorizing");
    world.run(300);
    expect(world.payment(id).state).toBe("captured");
    expect(new Set(lost.slice(0, 4)).size).toBe(1);
  });

  test("that the gateway refuses is made again", () => {
    const world = led();
    world.busy = true;
    const id = world.pay();
    world.run(500);
    world.busy = false;
    world.run(1_100);
    expect(world.payment(id).state).toBe("captured");
  });

  test("whose session was not opened opens it with the next try", () => {
    const world = led();
    const lost: number[] = [];
    world.loses = (transaction) => sequenceOf(transaction) === 0 && lost.push(0) === 1;
    const id = world.pay();
    world.run(500);
    expect(world.reported).toContain("session_unknown");
    world.run(700);
    expect(world.payment(id).state).toBe("captured");
  });

  test("whose session is forgotten goes through another", () => {
    const world = led();
    world.run(10);
    // The cluster has forgotten the sessions that were opened so far: as if their openings had never come.
    const forgotten = new Set<string>();
    world.loses = (transaction) => {
      const { session, sequence } = decodeTransaction(transaction);
      if (sequence === 0 && forgotten.size === 0) forgotten.add(toHex(session));
      return sequence === 0 && forgotten.has(toHex(session));
    };
    const id = world.pay();
    world.run(10_000);
    expect(world.payment(id).state).toBe("captured");
    expect(world.logged).toContain("channels.session_renewed");
    expect(world.reported).toContain("session_unknown");
  });

  test("comes through after however many were lost", () => {
    const world = led();
    world.loses = (transaction) => sequenceOf(transaction) > 0;
    for (let round = 0; round < 6; round++) {
      for (let count = 0; count < 60; count++) world.pay();
      world.run(300);
      world.follow(0);
      world.lead(0);
    }
    world.loses = () => false;
    world.run(60_000);
    expect(world.open).toEqual([]);
    expect(world.report()).toMatchObject({ authorized: 360, captured: 360, doubled: [] });
  });
});

/** What the ledger has captured, the acquirer has; all else that it authorised is authorised still, or voided. */
function expectAgreement(world: CardWorld): void {
  expect(world.fatal).toEqual([]);
  expect(world.open).toEqual([]);
  const answer = world.town.chain.state.query(
    { type: "payments", after: 0, limit: 1_000 },
    { authority: 1, seesAll: true },
  );
  if (answer.type !== "payments") throw new Error("another answer than was asked for");
  const captured = answer.payments.filter(({ state }) => state === "captured");
  const undone = answer.payments.filter((each) => each.networkReference !== "" && each.state !== "captured");
  const open = undone.filter(({ state }) => state === "authorized");
  const sum = captured.reduce((total, { amount }) => total + BigInt(amount), 0n);
  expect(world.report()).toMatchObject({ captured: captured.length, capturedAmount: sum.toString(), doubled: [] });
  expect(world.report().voided).toBe(undone.length - open.length);
  expect(world.report().authorized).toBe(captured.length + undone.length);
}

describe("never two charges", () => {
  const event = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant("pay" as const),
        token: fc.constantFrom("1", "1", "timeout_", "late_", "decline_"),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("manual" as const) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("lead" as const, "follow" as const), node: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("crash" as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("expire" as const) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("lose" as const, "deliver" as const) }) },
  );
  const events = fc.array(fc.tuple(event, fc.constantFrom(1, 20, 300, 3_000)), { minLength: 5, maxLength: 40 });
  const rates = fc.record({
    declinePermille: fc.constantFrom(0, 200),
    timeoutPermille: fc.constantFrom(0, 200),
    latePermille: fc.constantFrom(0, 200),
    unavailablePermille: fc.constantFrom(0, 400),
  });

  test("whatever leaders, actors, the log and the network do; the books agree when they have come to rest", () => {
    fc.assert(
      fc.property(events, rates, fc.nat(1_000), (all, drawn, seed) => {
        const world = led(drawn, seed);
        const manual: bigint[] = [];
        for (const [each, ms] of all) {
          if (each.do === "pay") world.pay(`tok_${each.token}1`);
          else if (each.do === "manual") manual.push(world.pay("tok_1", "manual"));
          else if (each.do === "lead") world.lead(each.node);
          else if (each.do === "follow") world.follow(each.node);
          else if (each.do === "crash") world.crashes = 1;
          else if (each.do === "expire") world.town.chain.now += 7_200n * 1_000_000_000n;
          else world.loses = each.do === "lose" ? () => world.random.below(3) > 0 : () => false;
          for (const id of manual.splice(0, each.do === "manual" ? 0 : 1)) world.capture(id);
          world.run(ms);
        }
        world.crashes = 0;
        world.loses = () => false;
        world.lead(2);
        world.run(400_000);
        expectAgreement(world);
      }),
      { numRuns: 60 },
    );
  });
});
