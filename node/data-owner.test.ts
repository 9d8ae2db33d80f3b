import { expect, test } from "vitest";
import { MemoryStore } from "../storage/state/memory-store.ts";
import type { CodedError } from "./base/errors.ts";
import { claimStore } from "./data-owner.ts";

const CLUSTER = new Uint8Array(16).fill(1);
const OTHER = new Uint8Array(16).fill(2);

function refuse(error: CodedError): never {
  throw error;
}

function foreign(message: string): Error {
  return expect.objectContaining({
    code: "data_foreign",
    message: expect.stringContaining(message) as string,
  }) as Error;
}

test("a new store is marked, and taken again by its owner only", () => {
  const store = new MemoryStore((run) => run());
  expect(claimStore(store, { clusterId: CLUSTER, node: 1 }, refuse)).toEqual({ isNew: true });
  expect(claimStore(store, { clusterId: CLUSTER, node: 1 }, refuse)).toEqual({ isNew: false });
  expect(() => claimStore(store, { clusterId: CLUSTER, node: 2 }, refuse)).toThrow(foreign("node 1, not to node 2"));
  expect(() => claimStore(store, { clusterId: OTHER, node: 1 }, refuse)).toThrow(foreign("cluster 0101"));
});

test("the mark is written before the first vote: a crash that keeps the vote keeps the mark", () => {
  const started: (() => void)[] = [];
  const store = new MemoryStore((run) => started.push(run));
  claimStore(store, { clusterId: CLUSTER, node: 1 }, refuse);
  store.write([{ key: "raft/state", value: new Uint8Array(12) }], () => undefined);
  started[0]?.();
  expect(claimStore(store, { clusterId: CLUSTER, node: 1 }, refuse).isNew).toBe(false);
  expect(store.get("raft/state")).toBeUndefined();
});

test("a mark that cannot be written stops the node", () => {
  const failed = { code: "store_failed" } as CodedError;
  class Failing extends MemoryStore {
    override write(_: unknown, done: (error?: CodedError) => void): void {
      done(failed);
    }
  }
  const store = new Failing(() => undefined);
  const told: CodedError[] = [];
  claimStore(store, { clusterId: CLUSTER, node: 1 }, (error) => told.push(error));
  expect(told).toEqual([failed]);
});
