import { describe, expect, test } from "vitest";
import { sha256 } from "../../sim/virtual-crypto.ts";
import { OUTBOX_OPEN_MAX } from "../base/limits.ts";
import { CLUSTER_ID, EUR } from "./chain.test-support.ts";
import { type NewIntent, Outbox } from "./outbox.ts";

const QUESTION: NewIntent = {
  ...{ action: "authorize", payment: 7n, amount: 100n, ledger: EUR, cardToken: "tok_1" },
  ...{ networkReference: "", openedAt: 1n },
};

function outbox(clusterId = CLUSTER_ID): Outbox {
  return new Outbox(sha256, clusterId);
}

function restored(from: Outbox): Outbox {
  const again = outbox();
  for (let page = 0; page < from.table.pageCount(); page++) again.table.decodePage(page, from.table.encodePage(page));
  again.restored();
  return again;
}

describe("the outbox", () => {
  test("numbers intents from 1, and knows them when they are closed, too", () => {
    const it = outbox();
    const [first, second] = [it.open(QUESTION), it.open({ ...QUESTION, payment: 8n })];
    expect([first.id, second.id]).toEqual([1n, 2n]);
    it.close(1n, "approved");
    expect(it.openIntents().map(({ id }) => id)).toEqual([2n]);
    expect([it.isOpen(1n), it.isOpen(2n), it.isOpen(3n)]).toEqual([false, true, false]);
    expect(it.intent(1n)).toMatchObject({ payment: 7n });
    expect([it.intent(0n), it.intent(3n)]).toEqual([undefined, undefined]);
  });

  test("gives each action on each payment a key of its own, the same whenever and wherever it is asked for, in one line of clusters", () => {
    const questions: readonly NewIntent[] = [
      QUESTION,
      { ...QUESTION, action: "capture" },
      { ...QUESTION, action: "void" },
      { ...QUESTION, payment: 8n },
    ];
    const keysOf = (it: Outbox, asked = questions): string[] => asked.map((one) => it.open(one).idempotencyKey);
    const keys = keysOf(outbox());
    expect(new Set(keys).size).toBe(questions.length);
    expect(keysOf(outbox(), questions.toReversed())).toEqual(keys.toReversed());
    expect(outbox(new Uint8Array(16)).open(QUESTION).idempotencyKey).not.toBe(keys[0]);
  });

  test("closes an intent once", () => {
    const it = outbox();
    it.open(QUESTION);
    it.close(1n, "declined");
    expect(() => it.close(1n, "approved")).toThrow("intent 1 is not open");
    expect(() => it.close(2n, "approved")).toThrow("intent 2 is not open");
  });

  test("is full at its bound, and has room again when one is closed", () => {
    const it = outbox();
    for (let count = 1; count < OUTBOX_OPEN_MAX; count++) it.open(QUESTION);
    expect(it.full).toBe(false);
    it.open(QUESTION);
    expect(it.full).toBe(true);
    it.close(5n, "approved");
    expect(it.full).toBe(false);
  });

  test("comes back from its pages with what was open, in order", () => {
    const it = outbox();
    for (let count = 0; count < 200; count++) it.open({ ...QUESTION, payment: BigInt(count) });
    for (const id of [1n, 64n, 65n, 200n]) it.close(id, "approved");
    const again = restored(it);
    expect(again.openIntents()).toEqual(it.openIntents());
    expect(again.open(QUESTION)).toEqual(it.open(QUESTION));
  });
});
