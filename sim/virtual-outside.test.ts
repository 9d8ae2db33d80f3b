import { describe, expect, test } from "vitest";
import type { OutsideRequest } from "../node/base/ports/outside.ts";
import { Prng } from "../node/base/prng.ts";
import { Counters } from "./counts.ts";
import { Process } from "./process.ts";
import { Scheduler } from "./scheduler.ts";
import { TraceHash } from "./trace.ts";
import { VirtualOutside } from "./virtual-outside.ts";

const AUTHORIZE: OutsideRequest = {
  endpoint: "card",
  method: "POST",
  path: "/v1/authorizations",
  headers: { "idempotency-key": "00112233445566778899aabbccddeeff" },
  body: JSON.stringify({ payment: "1", amount: "500", ledger: 978, cardToken: "tok-1" }),
  timeoutMs: 1_000,
};

function world() {
  const scheduler = new Scheduler();
  const [counters, random] = [new Counters(), new Prng(1)];
  const rates = {
    declinePermille: 0,
    timeoutPermille: 0,
    latePermille: 0,
    unavailablePermille: 0,
    contradictPermille: 0,
  };
  const outside = new VirtualOutside({ scheduler, random, counters }, { delayUs: 1_000, ...rates });
  const deps = { scheduler, trace: new TraceHash(), random, observe: () => undefined, crashed: () => undefined };
  const port = outside.port(new Process(1, deps));
  const heard: string[] = [];
  const ask = (): void => port.request(AUTHORIZE, ({ kind }) => heard.push(`${scheduler.nowMs} ${kind}`));
  const run = (): void => {
    while (scheduler.step(10_000_000)) {
      // until nothing is left
    }
  };
  return { outside, ask, run, heard, counters };
}

describe("the world outside", () => {
  test("a request is answered by the card network", () => {
    const { ask, run, heard } = world();
    ask();
    run();
    expect(heard).toHaveLength(1);
    expect(heard[0]).toMatch(/^\d+ answer$/);
  });

  test("while the network is down nothing arrives: no answer comes, and nothing was done", () => {
    const { outside, ask, run, heard, counters } = world();
    const before = outside.acquirer.report();
    outside.isDown = true;
    ask();
    run();
    expect(heard).toEqual(["1000 no_answer"]);
    expect(outside.acquirer.report()).toEqual(before);
    expect(counters.read()).toEqual({ outsideTimeout: 1 });
  });
});
