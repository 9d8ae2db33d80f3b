import { describe, expect, test } from "vitest";
import { Prng } from "../../node/base/prng.ts";
import { MemoryStore } from "./memory-store.ts";
import { describeStore } from "./store.contract.ts";

function fixture() {
  const queue: (() => void)[] = [];
  const store = new MemoryStore((run) => queue.push(run));
  const run = (count: number = Number.POSITIVE_INFINITY): void => {
    for (let i = 0; i < count && queue.length > 0; i++) queue.shift()?.();
  };
  return { store, run };
}

describeStore("MemoryStore", () => {
  const { store, run } = fixture();
  return Promise.resolve({
    store,
    settle: () => Promise.resolve(run()),
    reopen: () => Promise.resolve(store),
    dispose: () => Promise.resolve(),
  });
});

describe("a crash", () => {
  test("keeps what was done, and of what was on its way the first few writes or none, each whole", () => {
    const seen = Array.from({ length: 100 }, (_, seed) => {
      const { store, run } = fixture();
      let completions = 0;
      for (let i = 1; i <= 4; i++) {
        store.write(
          [
            { key: "a", value: Uint8Array.of(i) },
            { key: "b", value: Uint8Array.of(i) },
          ],
          () => {
            completions += 1;
          },
        );
      }
      run(1);
      store.crash(new Prng(seed));
      run();
      expect(completions).toBe(1);
      return `${store.get("a")?.join()} ${store.get("b")?.join()}`;
    });
    expect(new Set(seen)).toEqual(new Set(["1 1", "2 2", "3 3", "4 4"]));
  });

  test("leaves a store that goes on", () => {
    const { store, run } = fixture();
    store.write([{ key: "a", value: Uint8Array.of(1) }], () => {});
    store.crash(new Prng(1));
    store.write([{ key: "a", value: Uint8Array.of(2) }], () => {});
    run();
    expect(store.get("a")).toEqual(Uint8Array.of(2));
  });
});

describe("without space", () => {
  const put = (value: number) => [{ key: "a", value: Uint8Array.of(value) }];

  test("a write fails, and none behind it is ever done, until somebody begins anew", () => {
    const { store, run } = fixture();
    const seen: unknown[] = [];
    store.write(put(1), (error) => seen.push(error?.code));
    run();
    store.isFull = true;
    store.write(put(2), (error) => seen.push(error?.code));
    store.write(put(3), (error) => seen.push(error?.code));
    run();
    store.isFull = false;
    store.write(put(4), (error) => seen.push(error?.code));
    run();
    expect([seen, store.hasFailed, store.get("a")]).toEqual([[undefined, "store_failed"], true, Uint8Array.of(1)]);
    store.crash(new Prng(1));
    store.write(put(5), (error) => seen.push(error?.code));
    run();
    expect([seen.at(-1), store.hasFailed, store.get("a")]).toEqual([undefined, false, Uint8Array.of(5)]);
  });

  test("what has failed may be there afterwards, as far as all before it is", () => {
    const seen = Array.from({ length: 60 }, (_, seed) => {
      const { store, run } = fixture();
      store.isFull = true;
      for (const value of [1, 2]) store.write(put(value), () => {});
      run();
      store.crash(new Prng(seed));
      return store.get("a")?.[0];
    });
    expect(new Set(seen)).toEqual(new Set([undefined, 1, 2]));
  });
});

test("values that cannot be read, one of them or all, are there again afterwards; a snapshot of them, too", () => {
  const { store, run } = fixture();
  const keys = ["a/1", "a/2", "b"];
  store.write(
    keys.map((key) => ({ key, value: Uint8Array.of(1) })),
    () => {},
  );
  run();
  const read = (key: string): unknown => {
    try {
      return store.get(key)?.[0];
    } catch (error) {
      return (error as { readonly code?: string }).code;
    }
  };
  store.failReads((key) => key.startsWith("a/"), true);
  expect([read("b"), read("a/0"), store.isUnreadable]).toEqual([1, undefined, true]);
  expect([read("a/2"), read("a/1"), read("a/2"), store.isUnreadable]).toEqual(["store_damaged", 1, 1, false]);
  expect([...store.unread]).toEqual(["a/2"]);
  store.crash(new Prng(1));
  store.failReads((key) => key.startsWith("a/"), false);
  expect([read("a/1"), read("a/2"), read("b"), store.unread.size]).toEqual(["store_damaged", "store_damaged", 1, 2]);
  expect(() => store.snapshot().get("a/1")).toThrow("cannot be read");
  store.isWatched = true;
  expect(read("a/1")).toBe(1);
  store.isWatched = false;
  store.healReads();
  expect([read("a/1"), store.isDamaged]).toEqual([1, false]);
});
