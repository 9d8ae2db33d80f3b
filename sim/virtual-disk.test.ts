import { describe, expect, test } from "vitest";
import { Prng } from "../node/base/prng.ts";
import { describeDisk } from "../storage/disk.contract.ts";
import { describeStore } from "../storage/state/store.contract.ts";
import { Counters } from "./counts.ts";
import { Process } from "./process.ts";
import { Scheduler } from "./scheduler.ts";
import { TraceHash } from "./trace.ts";
import { type DiskOptions, VirtualDisk } from "./virtual-disk.ts";

const OPTIONS: DiskOptions = { writeUs: 100, syncUs: 1_000, storeUs: 5_000, unsynced: { lost: 1, kept: 1, torn: 1 } };

function rethrow(error: unknown): void {
  throw error;
}

function fixture(seed = 1) {
  const scheduler = new Scheduler();
  const counters = new Counters();
  const trace = new TraceHash();
  const running: { process: Process | undefined } = { process: undefined };
  const start = (): Process => {
    running.process = new Process(1, { scheduler, trace, random: new Prng(seed), observe: () => {}, crashed: rethrow });
    return running.process;
  };
  const process = (): Process | undefined => running.process;
  const virtual = new VirtualDisk({ scheduler, random: new Prng(seed), counters, process }, OPTIONS);
  start();
  const run = (untilUs = scheduler.nowUs + 1e9): void => {
    while (scheduler.step(untilUs)) {
      // until nothing is left
    }
  };
  /** What becomes of the process and the disk when the power fails. */
  const crash = (): void => {
    running.process?.kill();
    virtual.crash();
    start();
  };
  return { virtual, scheduler, counters, trace, running, run, crash };
}

describeDisk("VirtualDisk", () => {
  const { virtual, run } = fixture();
  return { disk: virtual.disk, settle: () => Promise.resolve(run()), dispose: () => {} };
});

describeStore("VirtualDisk", () => {
  const { virtual, run } = fixture();
  const { store } = virtual;
  return Promise.resolve({
    ...{ store, settle: () => Promise.resolve(run()) },
    ...{ reopen: () => Promise.resolve(store), dispose: () => Promise.resolve() },
  });
});

describe("virtual disk", () => {
  /** How long so many operations of a kind take, one after the other. */
  function durationUs(kind: "write" | "sync" | "store", count: number, slowness = 1): number {
    const { virtual, scheduler, run } = fixture();
    virtual.slowness = slowness;
    const file = virtual.disk.open("log/a", { create: true });
    let lastUs = 0;
    const done = (): void => {
      lastUs = scheduler.nowUs;
    };
    for (let i = 0; i < count; i++) {
      if (kind === "write") file.write(0, [new Uint8Array(1)], done);
      else if (kind === "sync") file.sync(done);
      else virtual.store.write([], done);
    }
    run(1e9);
    return lastUs;
  }

  test("operations follow each other and take their kind's time", () => {
    // An operation takes a tenth of its mean and an exponential time of that mean: of a thousand, 1.1 means each.
    for (const [kind, meanUs] of [
      ["write", 100],
      ["sync", 1_000],
      ["store", 5_000],
    ] as const) {
      const each = durationUs(kind, 1_000) / meanUs / 1_000;
      expect(each).toBeGreaterThan(1);
      expect(each).toBeLessThan(1.2);
    }
  });

  test("a slow disk takes as many times as long", () => {
    expect(durationUs("sync", 10, 7)).toBe(7 * durationUs("sync", 10));
  });

  test("disk and store do not wait for each other", () => {
    const { virtual, run } = fixture();
    const order: string[] = [];
    virtual.store.write([], () => order.push("store"));
    virtual.disk.open("log/a", { create: true }).write(0, [new Uint8Array(1)], () => order.push("disk"));
    run();
    expect(order).toEqual(["disk", "store"]);
  });

  test("the same seed gives the same times, another seed others", () => {
    const trace = (seed: number): string => {
      const { virtual, run, trace: hash } = fixture(seed);
      const file = virtual.disk.open("log/a", { create: true });
      for (let i = 0; i < 20; i++) file.write(i, [new Uint8Array(1)], () => {});
      run();
      return hash.digest();
    };
    expect(trace(1)).toBe(trace(1));
    expect(trace(1)).not.toBe(trace(2));
  });

  test("a process that is paused hears of its completions when it goes on, one that is dead never", () => {
    const { virtual, run, running, crash } = fixture();
    const file = virtual.disk.open("log/a", { create: true });
    const heard: string[] = [];
    running.process?.pause();
    file.write(0, [new Uint8Array(1)], () => heard.push("write"));
    file.sync(() => heard.push("sync"));
    run(1e6);
    expect(heard).toEqual([]);
    running.process?.resume();
    expect(heard).toEqual(["write", "sync"]);
    file.write(0, [new Uint8Array(1)], () => heard.push("lost"));
    virtual.store.write([], () => heard.push("lost"));
    crash();
    run();
    expect(heard).toEqual(["write", "sync"]);
  });

  test("what was asked for before a crash keeps nobody waiting after it", () => {
    const { virtual, scheduler, run, crash } = fixture();
    const file = virtual.disk.open("log/a", { create: true });
    virtual.slowness = 1_000;
    for (let i = 0; i < 100; i++) file.sync(() => {});
    virtual.slowness = 1;
    crash();
    let doneUs = Number.POSITIVE_INFINITY;
    virtual.disk.open("log/b", { create: true }).sync(() => {
      doneUs = scheduler.nowUs;
    });
    run(1e12);
    expect(doneUs).toBeLessThan(20_000);
  });

  test("a crash takes what was not synced and what was not done, keeps the rest, and counts", () => {
    const { virtual, run, crash, counters } = fixture();
    const file = virtual.disk.open("log/a", { create: true });
    file.write(0, [Uint8Array.of(1)], () => {});
    file.sync(() => {});
    virtual.disk.syncDirectory("log", () => {});
    virtual.store.write([{ key: "a", value: Uint8Array.of(1) }], () => {});
    run();
    for (let i = 0; i < 100; i++) file.write(512 * i, [Uint8Array.of(2)], () => {});
    for (let i = 0; i < 20; i++) virtual.disk.open(`log/new ${i}`, { create: true });
    virtual.store.write([{ key: "a", value: Uint8Array.of(2) }], () => {});
    crash();
    const { lostWrite = 0, tornWrite = 0, keptWrite = 0, lostFile = 0, ...others } = counters.read();
    expect(lostWrite + tornWrite + keptWrite).toBe(100);
    expect(Math.min(lostWrite, tornWrite, keptWrite)).toBeGreaterThan(0);
    expect(lostFile + virtual.disk.list("log").length).toBe(21);
    expect(others).toEqual({});
    expect([[1], [2]]).toContainEqual([...(virtual.store.get("a") ?? [])]);
  });
});

test("a disk that hangs does nothing of what is asked meanwhile, and all of it afterwards, in order", () => {
  const { virtual, scheduler, run } = fixture();
  const done: string[] = [];
  const note = (what: string) => () => done.push(`${what} ${scheduler.nowUs >= 1_000_000}`);
  const file = virtual.disk.open("log/a", { create: true });
  file.write(0, [Uint8Array.of(1)], note("before"));
  virtual.hang(1_000_000);
  file.write(1, [Uint8Array.of(1)], note("write"));
  file.sync(note("sync"));
  virtual.store.write([{ key: "a" }], note("store"));
  run(999_999);
  expect(done).toEqual(["before false"]);
  run();
  expect(done.slice(1).sort()).toEqual(["store true", "sync true", "write true"]);
});

test("while the store alone hangs, the log goes on", () => {
  const { virtual, run } = fixture();
  const done: string[] = [];
  virtual.hang(1_000_000, ["store"]);
  virtual.store.write([{ key: "a" }], () => done.push("store"));
  virtual.disk.open("log/a", { create: true }).write(0, [Uint8Array.of(1)], () => done.push("write"));
  run(999_999);
  expect(done).toEqual(["write"]);
  run();
  expect(done).toEqual(["write", "store"]);
});

test("a place of the log that cannot be read counts as rotten for as long as its file is there", () => {
  const { virtual, run } = fixture();
  expect(virtual.spoilLog(true)).toBe(false);
  const path = "log/0000000000000001.wal";
  const file = virtual.disk.open(path, { create: true });
  file.write(0, [new Uint8Array(4_096).fill(1)], () => {});
  file.sync(() => {});
  run();
  expect([virtual.spoilLog(false), virtual.isRotten]).toEqual([true, false]);
  expect(() => file.read(0, 4_096)).toThrow("cannot be read");
  expect(file.read(0, 4_096)).toHaveLength(4_096);
  expect([virtual.spoilLog(true), virtual.isRotten, virtual.isSpoiled]).toEqual([true, true, true]);
  virtual.disk.vanish(path);
  expect(virtual.isRotten).toBe(false);
});

test("a page that rots cannot be read until it is written again; what says which checkpoint counts is spared", () => {
  const { virtual, run } = fixture();
  expect(virtual.rotPage()).toBe(false);
  const keys = ["checkpoint/1/accounts/0", "checkpoint/meta", "raft/state"];
  virtual.store.write(
    keys.map((key) => ({ key, value: Uint8Array.of(1) })),
    () => {},
  );
  run();
  for (let i = 0; i < 20; i++) expect(virtual.rotPage()).toBe(true);
  expect(() => virtual.store.get("checkpoint/1/accounts/0")).toThrow("is not the one that was written");
  expect([virtual.isRotten, virtual.store.get("checkpoint/meta"), virtual.store.get("raft/state")]).toEqual([
    ...[true, Uint8Array.of(1), Uint8Array.of(1)],
  ]);
  virtual.store.write([{ key: "checkpoint/1/accounts/0", value: Uint8Array.of(2) }], () => {});
  run();
  expect([virtual.isRotten, virtual.store.get("checkpoint/1/accounts/0")]).toEqual([false, Uint8Array.of(2)]);
});

test("a part of the store that cannot be read counts as rotten until it can be; an empty part has nothing to fail", () => {
  const { virtual, run } = fixture();
  const { store } = virtual;
  expect(virtual.failStoreReads("all", true)).toBe(false);
  store.write([{ key: "checkpoint/meta", value: Uint8Array.of(1) }], () => {});
  run();
  expect([virtual.failStoreReads("pages", true), virtual.failStoreReads("records", true)]).toEqual([false, true]);
  expect([virtual.isRotten, virtual.isUnread]).toEqual([true, false]);
  expect(() => store.get("checkpoint/meta")).toThrow("cannot be read");
  store.healReads();
  expect([virtual.isRotten, virtual.isUnread]).toEqual([false, true]);
  store.write([{ key: "checkpoint/1/accounts/0", value: Uint8Array.of(2) }], () => {});
  run();
  virtual.crash();
  expect(virtual.failStoreReads("pages", false)).toBe(true);
  expect(store.get("checkpoint/meta")).toEqual(Uint8Array.of(1));
  expect(() => store.get("checkpoint/1/accounts/0")).toThrow("cannot be read");
  // A page is no reason not to start.
  expect([virtual.isRotten, virtual.isUnread]).toEqual([false, false]);
});
