/** What nodes have waiting at rest. */
import { describe, expect, test } from "vitest";
import type { NodeStatus } from "../cluster.ts";
import { stillWaiting } from "./waiting.ts";

const GATEWAY = { questionsOpen: 0, transactionsWaiting: 0, connections: 2 };
const CONSENSUS = { transactionsWaiting: 0, readsWaiting: 0 };
const STATUS: NodeStatus = { gateway: GATEWAY, consensus: CONSENSUS, ledger: { questionsWaiting: 0 } };
const CLIENTS = { connectionsOpen: 2, mayStay: false };

describe("at rest", () => {
  test("nothing waits", () => {
    expect(stillWaiting(1, STATUS, CLIENTS)).toBeUndefined();
  });

  test.each<[string, NodeStatus]>([
    ["a question of a client", { gateway: { ...GATEWAY, questionsOpen: 1 } }],
    ["a client's transaction", { gateway: { ...GATEWAY, transactionsWaiting: 1 } }],
    ["a transaction that is in no block", { consensus: { ...CONSENSUS, transactionsWaiting: 1 } }],
    ["a read", { consensus: { ...CONSENSUS, readsWaiting: 1 } }],
    ["a question to the state", { ledger: { questionsWaiting: 1 } }],
    ["a connection that has ended", { gateway: { ...GATEWAY, connections: 3 } }],
    ["a connection that the node does not know", { gateway: { ...GATEWAY, connections: 1 } }],
    ["what the node does not tell", { ledger: {} }],
  ])("%s is seen", (_what, special) => {
    expect(stillWaiting(1, { ...STATUS, ...special }, CLIENTS)).toMatch(/^node 1/);
  });

  test("where some stay for ever, a transaction of theirs may wait, and nothing else", () => {
    const look = (gateway: NodeStatus[string]): string | undefined =>
      stillWaiting(1, { ...STATUS, gateway }, { ...CLIENTS, mayStay: true });
    expect(look({ ...GATEWAY, transactionsWaiting: 1 })).toBeUndefined();
    expect(look({ ...GATEWAY, transactionsWaiting: 1, questionsOpen: 1 })).toMatch(/questionsOpen/);
  });
});
