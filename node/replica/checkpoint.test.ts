import { describe, expect, test } from "vitest";
import { MemoryStore } from "../../storage/state/memory-store.ts";
import { must } from "../base/assert.ts";
import type { StoreChange } from "../base/ports/store.ts";
import { Prng } from "../base/prng.ts";
import { type Account, encodeAccounts, encodeTransfers } from "../ledger/records.ts";
import { StateMachine } from "../state/state-machine.ts";
import { decodeBlock } from "../wire/block.ts";
import { pack } from "../wire/msgpack.ts";
import { decodeResult } from "../wire/results.ts";
import { loadCheckpointMeta, META_KEY, restoreCheckpoint, takeCheckpoint } from "./checkpoint.ts";
import { adminTransaction, chainOf, GENESIS, Later, sha256 } from "./replica.test-support.ts";

function account(id: bigint): Account {
  const balances = { debitsPending: 0n, debitsPosted: 0n, creditsPending: 0n, creditsPosted: 0n };
  const userData = { userData128: 0n, userData64: 0n, userData32: 0 };
  return { id, ...balances, ...userData, ledger: 978, code: 1, flags: 0, timestamp: 0n };
}

function accountsOf(from: number, count: number): Uint8Array {
  return encodeAccounts(Array.from({ length: count }, (_, offset) => account(BigInt(from + offset))));
}

function transferOf(debitAccountId: bigint, creditAccountId: bigint): Uint8Array {
  const rest = { pendingId: 0n, userData128: 0n, userData64: 0n, userData32: 0, timeout: 0, flags: 0, timestamp: 0n };
  return encodeTransfers([{ id: 1n, debitAccountId, creditAccountId, amount: 5n, ledger: 978, code: 1, ...rest }]);
}

const BANK_KEY = sha256(Uint8Array.of(7));

/** Opens a session, then makes accounts, many at first. */
const BLOCKS = chainOf(1, [
  [adminTransaction(0, { kind: "sessionOpen" })],
  [adminTransaction(1, { kind: "createAccounts", batch: accountsOf(1, 4_000) })],
  [adminTransaction(2, { kind: "createAccounts", batch: accountsOf(5_000, 1) })],
  [adminTransaction(3, { kind: "createAuthority", body: { name: "bank", keys: [BANK_KEY], threshold: 1, roles: [] } })],
  // Finds accounts, an authority and a session by what is derived from the pages.
  [
    adminTransaction(4, { kind: "createTransfers", batch: transferOf(1n, 4_000n) }),
    adminTransaction(5, { kind: "createAuthority", body: { name: "bank", keys: [BANK_KEY], threshold: 1, roles: [] } }),
  ],
]);

function machine(): StateMachine {
  return new StateMachine({ genesis: GENESIS, sha256 });
}

/** Applies blocks, and returns the statuses of their transactions. */
function apply(state: StateMachine, from: number, to: number): string[] {
  const applied = BLOCKS.slice(from - 1, to).map((block) => state.apply(decodeBlock(sha256, block)));
  return applied.flatMap(({ results }) => results.map((result) => decodeResult(result).status));
}

function isMeta(key: string): boolean {
  return key === "checkpoint/meta";
}

function storeWith(...checkpoints: readonly (readonly StoreChange[])[]): MemoryStore {
  const store = new MemoryStore((run) => run());
  for (const changes of checkpoints) store.write(changes, () => {});
  return store;
}

describe("a checkpoint", () => {
  test("there is none in a new store", () => {
    const store = storeWith();
    expect([loadCheckpointMeta(store), restoreCheckpoint(store, machine())]).toEqual([undefined, false]);
  });

  test("brings the state back, and it goes on as if nothing had happened", () => {
    const state = machine();
    apply(state, 1, 3);
    const store = storeWith(takeCheckpoint(state));
    const back = machine();
    expect(restoreCheckpoint(store, back)).toBe(true);
    expect([back.height, back.digest]).toEqual([3, state.digest]);
    expect(loadCheckpointMeta(store)).toMatchObject({ height: 3, digest: state.digest });
    expect(apply(state, 4, 5)).toEqual(["ok", "ok", "already_exists"]);
    apply(back, 4, 5);
    expect(back.digest).toEqual(state.digest);
    back.checkInvariants();
  });

  test("writes only what has changed since the last one, and all of them together bring the state back", () => {
    const state = machine();
    apply(state, 1, 2);
    const first = takeCheckpoint(state);
    apply(state, 3, 3);
    const second = takeCheckpoint(state);
    apply(state, 4, 4);
    const third = takeCheckpoint(state);
    for (const changes of [second, third]) expect(changes.length).toBeLessThan(first.length / 2);
    const back = machine();
    restoreCheckpoint(storeWith(first, second, third), back);
    expect([back.height, back.digest]).toEqual([4, state.digest]);
    apply(state, 5, 5);
    apply(back, 5, 5);
    expect(back.digest).toEqual(state.digest);
  });
});

test.each([
  [[2, "older"], "store_foreign_format", "format 2, this program format"],
  [[99], "store_foreign_format", "format 99, this program format"],
  [["no version"], "checkpoint_damaged", "checkpoint/meta"],
])("the checkpoint of another version is refused, and is not taken for a damaged one: %j", (meta, code, text) => {
  const store = storeWith([{ key: META_KEY, value: pack(meta) }]);
  expect(() => loadCheckpointMeta(store)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(text) }),
  );
});

describe("bug zoo", () => {
  // etcd 3.5 wrote the data and the index up to which it was applied in two steps.
  test("etcd 13766: a crash while a checkpoint is written leaves the old one or the new one whole", () => {
    const state = machine();
    apply(state, 1, 2);
    const first = takeCheckpoint(state);
    const old = state.digest;
    apply(state, 3, 5);
    const second = takeCheckpoint(state);
    const heights = new Set<number>();
    for (let seed = 0; seed < 10; seed++) {
      const later = new Later();
      const store = new MemoryStore(later.schedule);
      store.write(first, () => {});
      later.all();
      store.write(second, () => {});
      store.crash(new Prng(seed));
      const back = machine();
      restoreCheckpoint(store, back);
      expect(back.digest).toEqual(back.height === 2 ? old : state.digest);
      heights.add(back.height);
    }
    expect(heights).toEqual(new Set([2, 5]));
  });
});

describe("a damaged checkpoint is refused with a code", () => {
  const changes = (): readonly StoreChange[] => {
    const state = machine();
    apply(state, 1, 3);
    return takeCheckpoint(state);
  };
  const pages = changes().map(({ key }) => key);

  test.each(pages.filter((key) => !isMeta(key)))("%s is missing", (key) => {
    const store = storeWith(changes(), [{ key }]);
    expect(() => restoreCheckpoint(store, machine())).toThrow(expect.objectContaining({ code: "checkpoint_damaged" }));
  });

  test.each(pages)("%s is something else", (key) => {
    const store = storeWith(changes(), [{ key, value: Uint8Array.of(0xc1, 1, 2) }]);
    expect(() => restoreCheckpoint(store, machine())).toThrow(expect.objectContaining({ code: "checkpoint_damaged" }));
  });

  test("it belongs to another height", () => {
    const state = machine();
    apply(state, 1, 2);
    const older = must(
      takeCheckpoint(state).find(({ key }) => isMeta(key)),
      "a checkpoint describes itself",
    );
    const store = storeWith(changes(), [older]);
    expect(() => restoreCheckpoint(store, machine())).toThrow(expect.objectContaining({ code: "checkpoint_damaged" }));
  });
});
