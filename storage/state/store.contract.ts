/** What every store must do, whatever it is made of. */
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { equalBytes } from "../../node/base/bytes.ts";
import type { CodedError } from "../../node/base/errors.ts";
import type { Store, StoreChange, StoreSnapshot } from "../../node/base/ports/store.ts";

export interface StoreUnderTest {
  readonly store: Store;
  /** Lets what was started go on until it is over. */
  readonly settle: () => Promise<void>;
  /** Ends the process that uses the store, and opens it in another. */
  readonly reopen: () => Promise<Store>;
  readonly dispose: () => Promise<void>;
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const put = (key: string, ...values: number[]): StoreChange => ({ key, value: bytes(...values) });

function valuesOf(store: Store, ...keys: string[]): (number[] | undefined)[] {
  return keys.map((key) => {
    const value = store.get(key);
    return value === undefined ? undefined : [...value];
  });
}

function checkpointIn(snapshot: StoreSnapshot): unknown[] {
  return snapshot.keys("checkpoint/").map((key) => [key, [...(snapshot.get(key) ?? [])]]);
}

async function writing({ settle }: StoreUnderTest, store: Store, changes: readonly StoreChange[]): Promise<void> {
  const results: (CodedError | undefined)[] = [];
  store.write(changes, (error) => results.push(error));
  expect(results).toEqual([]);
  await settle();
  expect(results).toEqual([undefined]);
}

/** Runs the suite; `create` gives an empty store each time. */
export function describeStore(name: string, create: () => Promise<StoreUnderTest>): void {
  describe(`${name} as a store`, () => {
    const used: StoreUnderTest[] = [];
    const fresh = async (): Promise<StoreUnderTest> => {
      const under = await create();
      used.push(under);
      return under;
    };

    afterEach(async () => {
      for (const { dispose } of used.splice(0)) await dispose();
    });

    test("gives what was written, and nothing for other keys", async () => {
      const under = await fresh();
      const { store } = under;
      await writing(under, store, [put("raft/state", 1, 2), put("a", 3), put("empty")]);
      expect(valuesOf(store, "raft/state", "a", "empty", "b", "raft", "")).toEqual([
        ...[[1, 2], [3], []],
        ...[undefined, undefined, undefined],
      ]);
    });

    test("overwrites and deletes; deleting what is not there is nothing", async () => {
      const under = await fresh();
      const { store } = under;
      await writing(under, store, [put("a", 1), put("b", 2)]);
      await writing(under, store, [put("a", 3), { key: "b" }, { key: "c" }]);
      expect(valuesOf(store, "a", "b", "c")).toEqual([[3], undefined, undefined]);
    });

    test("of several changes of a key in one write the last counts", async () => {
      const under = await fresh();
      const { store } = under;
      await writing(under, store, [put("a", 1), put("a", 2), put("b", 1), { key: "b" }, { key: "c" }, put("c", 9)]);
      expect(valuesOf(store, "a", "b", "c")).toEqual([[2], undefined, [9]]);
    });

    test("a write is seen whole when it is done, and not before", async () => {
      const under = await fresh();
      const { store } = under;
      await writing(under, store, [put("a", 1), put("b", 1)]);
      let seen: unknown;
      store.write([put("a", 2), put("b", 2)], () => {
        seen = valuesOf(store, "a", "b");
      });
      expect(valuesOf(store, "a", "b")).toEqual([[1], [1]]);
      await under.settle();
      expect(seen).toEqual([[2], [2]]);
    });

    test("writes are done in the order they were started", async () => {
      const under = await fresh();
      const { store } = under;
      const seen: string[] = [];
      for (let i = 0; i < 20; i++) {
        store.write([put("n", i)], () => seen.push(`${i}: ${valuesOf(store, "n").join("")}`));
      }
      await under.settle();
      expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => `${i}: ${i}`));
    });

    test("a write of nothing is done in its turn", async () => {
      const under = await fresh();
      const { store } = under;
      const seen: string[] = [];
      store.write([put("a", 1)], () => seen.push("first"));
      store.write([], () => seen.push("nothing"));
      await under.settle();
      expect(seen).toEqual(["first", "nothing"]);
    });

    test("what was given may be changed afterwards, and what was taken, too", async () => {
      const under = await fresh();
      const { store } = under;
      const given = [bytes(1), bytes(2)];
      store.write([{ key: "a", value: given[0] as Uint8Array }], () => {});
      store.write([{ key: "b", value: given[1] as Uint8Array }], () => {});
      for (const array of given) array.fill(9);
      await under.settle();
      store.get("a")?.fill(9);
      expect(valuesOf(store, "a", "b")).toEqual([[1], [2]]);
    });

    test("a snapshot shows the newest write that is done, whatever is written afterwards, until it is closed", async () => {
      const under = await fresh();
      const { store } = under;
      await writing(under, store, [put("checkpoint/a", 1), put("checkpoint/b", 2), put("raft/state", 3)]);
      store.write([put("checkpoint/a", 9), { key: "checkpoint/b" }, put("checkpoint/c", 9)], () => {});
      const first = store.snapshot();
      const before = [
        ["checkpoint/a", [1]],
        ["checkpoint/b", [2]],
      ];
      expect(checkpointIn(first)).toEqual(before);
      await under.settle();
      const second = store.snapshot();
      for (let i = 0; i < 5; i++) await writing(under, store, [put("checkpoint/a", i), put("raft/state", i)]);
      expect(checkpointIn(first)).toEqual(before);
      first.get("checkpoint/a")?.fill(7);
      expect([first.get("checkpoint/c"), checkpointIn(first)]).toEqual([undefined, before]);
      first.close();
      first.close();
      expect(checkpointIn(second)).toEqual([
        ["checkpoint/a", [9]],
        ["checkpoint/c", [9]],
      ]);
      second.close();
      expect([store.snapshot().keys(""), valuesOf(store, "checkpoint/a")]).toEqual([
        ["checkpoint/a", "checkpoint/c", "raft/state"],
        [[4]],
      ]);
    });

    test("all keys with a prefix are replaced by one write", async () => {
      const under = await fresh();
      const { store } = under;
      await writing(under, store, [put("checkpoint/a", 1), put("checkpoint/b", 2), put("checkpoints", 3)]);
      const old = store.snapshot();
      const deletes = old.keys("checkpoint/").map((key) => ({ key }));
      old.close();
      await writing(under, store, [...deletes, put("checkpoint/b", 4), put("checkpoint/d", 5)]);
      const now = store.snapshot();
      expect(now.keys("checkpoint")).toEqual(["checkpoint/b", "checkpoint/d", "checkpoints"]);
      now.close();
    });

    test("another process finds what was done", async () => {
      const under = await fresh();
      const big = new Uint8Array(100_000).fill(7);
      await writing(under, under.store, [put("a", 1), put("b", 2), { key: "big", value: big }]);
      await writing(under, under.store, [put("a", 3), { key: "b" }]);
      const store = await under.reopen();
      expect(valuesOf(store, "a", "b")).toEqual([[3], undefined]);
      expect(equalBytes(store.get("big") ?? new Uint8Array(0), big)).toBe(true);
      await writing(under, store, [put("b", 4)]);
      expect(valuesOf(await under.reopen(), "a", "b")).toEqual([[3], [4]]);
    });

    test("any sequence of writes and restarts gives what it gives on a map", async () => {
      const key = fc.constantFrom("a", "b", "checkpoint/x/1", "checkpoint/x/10");
      const value = fc.option(fc.uint8Array({ maxLength: 40 }), { nil: undefined });
      const changes = fc.array(fc.tuple(key, value), { maxLength: 5 });
      const step = fc.oneof(
        { weight: 6, arbitrary: changes },
        { weight: 1, arbitrary: fc.constant("reopen" as const) },
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 10 }), async (steps) => {
          const under = await fresh();
          let { store } = under;
          const model = new Map<string, number[]>();
          for (const one of steps) {
            if (one === "reopen") {
              store = await under.reopen();
            } else {
              await writing(
                under,
                store,
                one.map(([at, data]) => (data === undefined ? { key: at } : { key: at, value: data })),
              );
              for (const [at, data] of one) {
                if (data === undefined) model.delete(at);
                else model.set(at, [...data]);
              }
            }
            for (const at of ["a", "b", "checkpoint/x/1", "checkpoint/x/10"]) {
              expect(valuesOf(store, at)).toEqual([model.get(at)]);
            }
          }
        }),
        { numRuns: 8 },
      );
    });
  });
}
