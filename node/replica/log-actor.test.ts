import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { StorageError } from "../../storage/errors.ts";
import { MemoryStore } from "../../storage/state/memory-store.ts";
import type { LogStore, WalRecord } from "../../storage/wal/log-store.ts";
import { must } from "../base/assert.ts";
import { CodedError } from "../base/errors.ts";
import type { Store, StoreChange } from "../base/ports/store.ts";
import type { ConsensusMessage } from "../messages/consensus.ts";
import type { LedgerMessage } from "../messages/ledger.ts";
import type { LogEntry, LogMessage, PersistRequest } from "../messages/log.ts";
import type { RepairMessage } from "../messages/repair.ts";
import { StatusBoard } from "../messages/status.ts";
import { loadHardState } from "./hard-state-store.ts";
import { LogActor } from "./log-actor.ts";
import { contextOf, Later, Listener, recordingLog, TestClock } from "./replica.test-support.ts";

function entry(index: number, term = 1): LogEntry {
  return { index, term, previousHash: new Uint8Array(32), hash: new Uint8Array(32), payload: Uint8Array.of(index) };
}

/** A log and a store whose operations are done when the test says so, each in its own order. */
class Disks {
  readonly log = new Later();
  readonly store = new Later();
  /** What was asked of either, in order. */
  readonly asked: string[] = [];
  /** What is durable, in order. */
  readonly durable: string[] = [];
  storeError: CodedError | undefined;
  logIsFull = false;
  damagedIndex = 0;
  /** Of the one value in the store. */
  damagedKey = "";
  damagedCopies: readonly number[] = [];
  copiesAreWhole = true;
  /** What the store was last told to write. */
  written: readonly StoreChange[] = [];
  #last = 0;

  readonly storePort: Store = {
    get: (key) => {
      if (key === this.damagedKey) throw new StorageError("store_damaged", "a value is damaged", { key });
      return undefined;
    },
    snapshot: () => ({ get: () => undefined, keys: () => [this.damagedKey].filter(Boolean), close: () => {} }),
    write: (changes: readonly StoreChange[], done) => {
      this.written = changes;
      this.#start(this.store, "term and vote", () => done(this.storeError));
    },
  };

  readonly logPort: LogStore = {
    recovery: { records: 0, tornBytes: 0 },
    firstIndex: () => 1,
    lastIndex: () => this.#last,
    durableIndex: () => this.#last,
    term: () => undefined,
    hash: () => undefined,
    read: () => [],
    check: (index) => {
      if (index === this.damagedIndex) throw new StorageError("wal_damaged", "it is damaged", { index });
      return 100;
    },
    repair: () => {},
    checkCopies: () =>
      this.damagedCopies.map(
        (offset) => new StorageError("wal_damaged", "a copy is damaged", { index: 1, offset, isCopy: true }),
      ),
    rewriteCopies: (done) => this.#start(this.log, "copies", () => done(this.copiesAreWhole)),
    append: (records: readonly WalRecord[], done) => {
      this.#last = must(records.at(-1), "there are records").index;
      this.#start(this.log, `append ${records.map(({ index }) => index).join(" ")}`, done);
    },
    truncate: (from, done) => {
      this.#last = from - 1;
      this.#start(this.log, `cut ${from}`, done);
    },
    compactTo: () => {},
    bytesBefore: () => 0,
    reset: () => {},
    isIdle: () => true,
    cachedBytes: () => 0,
    isFull: () => this.logIsFull,
    retry: () => this.asked.push("retry"),
    close: () => {},
  };

  #start(queue: Later, what: string, done: () => void): void {
    this.asked.push(what);
    queue.schedule(() => {
      this.durable.push(what);
      done();
    });
  }
}

const OWNER: StoreChange = { key: "node/owner", value: Uint8Array.of(1, 2, 3) };

/** Term and vote as the store has them when these changes are written. */
function hardStateIn(changes: readonly StoreChange[]): unknown {
  const store = new MemoryStore((run) => run());
  store.write(changes, () => undefined);
  return loadHardState(store);
}

class Bench {
  readonly disks = new Disks();
  readonly consensus = new Listener<ConsensusMessage>("consensus");
  readonly repair = new Listener<RepairMessage>("repair");
  readonly ledger = new Listener<LedgerMessage>("ledger");
  readonly failures: CodedError[] = [];
  readonly hostLog = recordingLog();
  readonly status = new StatusBoard();
  readonly clock = new TestClock();
  readonly #self: Listener<LogMessage>;
  readonly #actor: LogActor;

  constructor() {
    const { context, self } = contextOf<LogMessage>(this.clock);
    this.#self = self;
    this.#actor = new LogActor(context, {
      log: this.disks.logPort,
      hostLog: this.hostLog.log,
      status: this.status,
      store: this.disks.storePort,
      consensus: () => this.consensus,
      repair: () => this.repair,
      ledger: () => this.ledger,
      ...{ hardState: { term: 3, vote: 2 }, owner: OWNER },
      fail: (error) => this.failures.push(error),
    });
  }

  persist(request: Omit<PersistRequest, "type">): void {
    this.#actor.receive({ type: "persist", ...request });
    this.#settle();
  }

  ticks(): void {
    this.#actor.receive({ type: "tick" });
  }

  /** Somebody asks it to read all that it keeps, or it goes on with that. */
  scrubs(type: "scrub" | "scrubOn"): void {
    this.#actor.receive({ type });
  }

  /** One operation of the store, or of the log, is done. */
  completes(disk: "store" | "log"): void {
    this.disks[disk].next();
    this.#settle();
  }

  reported(): number[] {
    return this.consensus.take("persisted").map(({ sequence }) => sequence);
  }

  #settle(): void {
    for (let message = this.#self.messages.shift(); message !== undefined; message = this.#self.messages.shift()) {
      this.#actor.receive(message);
    }
  }
}

const hardState = { term: 2, vote: 1 };

describe("what Raft wants durable", () => {
  test("is reported when it is, and not before", () => {
    const bench = new Bench();
    bench.persist({ sequence: 1, hardState, entries: [entry(1)] });
    expect(bench.reported()).toEqual([]);
    bench.completes("store");
    expect(bench.reported()).toEqual([]);
    bench.completes("log");
    expect(bench.reported()).toEqual([1]);
  });

  test("entries are not handed to the log before their term and vote are durable", () => {
    const bench = new Bench();
    bench.persist({ sequence: 1, hardState, entries: [entry(1)] });
    bench.persist({ sequence: 2, entries: [entry(2)] });
    expect(bench.disks.asked).toEqual(["term and vote"]);
    bench.completes("store");
    expect(bench.disks.asked).toEqual(["term and vote", "append 1", "append 2"]);
  });

  test("a later request is not reported before an earlier one", () => {
    const bench = new Bench();
    bench.persist({ sequence: 1, entries: [entry(1)] });
    bench.persist({ sequence: 2, hardState, entries: [] });
    bench.completes("store");
    expect(bench.reported()).toEqual([]);
    bench.completes("log");
    expect(bench.reported()).toEqual([1, 2]);
  });

  test("appends of several requests are on their way together, so that they can share a sync", () => {
    const bench = new Bench();
    for (const index of [1, 2, 3]) bench.persist({ sequence: index, entries: [entry(index)] });
    expect(bench.disks.log.count).toBe(3);
  });

  test("a truncation goes before the entries that take the place", () => {
    const bench = new Bench();
    bench.persist({ sequence: 1, entries: [entry(1), entry(2), entry(3)] });
    bench.persist({ sequence: 2, truncateFrom: 2, entries: [entry(2, 2)] });
    expect(bench.disks.asked).toEqual(["append 1 2 3", "cut 2", "append 2"]);
    bench.completes("log");
    bench.completes("log");
    expect(bench.reported()).toEqual([1]);
    bench.completes("log");
    expect(bench.reported()).toEqual([2]);
  });

  test("a truncation alone is durable when it is done", () => {
    const bench = new Bench();
    bench.persist({ sequence: 1, entries: [entry(1), entry(2)] });
    bench.completes("log");
    bench.persist({ sequence: 2, truncateFrom: 2, entries: [] });
    expect(bench.reported()).toEqual([1]);
    bench.completes("log");
    expect(bench.reported()).toEqual([2]);
  });

  test("there is nothing to cut behind the end of the log", () => {
    const bench = new Bench();
    bench.persist({ sequence: 1, truncateFrom: 1, entries: [] });
    expect([bench.disks.asked, bench.reported()]).toEqual([[], [1]]);
  });

  test("a completion that nobody waits for stops the node", () => {
    const { context } = contextOf<LogMessage>(new TestClock());
    const { logPort: log, storePort: store } = new Disks();
    const seen = { hostLog: recordingLog().log, status: new StatusBoard() };
    const actor = new LogActor(context, {
      ...seen,
      log,
      store,
      consensus: () => new Listener("consensus"),
      repair: () => new Listener("repair"),
      ledger: () => new Listener("ledger"),
      ...{ hardState: { term: 0, vote: 0 }, owner: OWNER },
      fail: () => {},
    });
    expect(() => actor.receive({ type: "entriesDurable", sequence: 9 })).toThrow("is not open");
  });

  test("whatever the disks do, reports come in order, and each after all its work and all before it", () => {
    const request = fc.record({ term: fc.boolean(), count: fc.nat(2) });
    const step = fc.oneof(request, fc.constantFrom("store" as const, "log" as const));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const bench = new Bench();
        let sequence = 0;
        let last = 0;
        /** For each request: its operations, by the number asked so far when it is handed. */
        const needs = new Map<number, number>();
        const reported: number[] = [];
        for (const what of steps) {
          if (typeof what === "string") {
            if (bench.disks[what].count > 0) bench.completes(what);
          } else if (what.term || what.count > 0) {
            sequence += 1;
            const entries = Array.from({ length: what.count }, (_, offset) => entry(last + 1 + offset));
            last += what.count;
            needs.set(sequence, (what.term ? 1 : 0) + (what.count > 0 ? 1 : 0));
            bench.persist({ sequence, entries, ...(what.term ? { hardState } : {}) });
          }
          reported.push(...bench.reported());
          const done = reported.reduce((sum, of) => sum + (needs.get(of) ?? 0), 0);
          expect(bench.disks.durable.length).toBeGreaterThanOrEqual(done);
        }
        while (bench.disks.store.count + bench.disks.log.count > 0) {
          bench.completes(bench.disks.store.count > 0 ? "store" : "log");
        }
        reported.push(...bench.reported());
        expect(reported).toEqual(Array.from({ length: sequence }, (_, index) => index + 1));
      }),
    );
  });
});

describe("a full disk", () => {
  test("is tried again each tick, and is said once", () => {
    const bench = new Bench();
    bench.ticks();
    bench.disks.logIsFull = true;
    bench.ticks();
    bench.ticks();
    expect(bench.disks.asked).toEqual(["retry", "retry"]);
    expect(bench.status.read()["log"]).toMatchObject({ diskFull: true });
    bench.disks.logIsFull = false;
    bench.ticks();
    expect(bench.disks.asked).toHaveLength(2);
    expect(bench.hostLog.warnings.map(({ event }) => event)).toEqual(["log.disk_full"]);
    expect(bench.failures).toEqual([]);
  });
});

test("what a node keeps is read again in the background; damage is said once a round, and stops nothing", () => {
  const bench = new Bench();
  bench.persist({ sequence: 1, entries: [entry(1), entry(2)] });
  bench.disks.damagedIndex = 2;
  bench.ticks();
  bench.ticks();
  expect(bench.hostLog.warnings).toEqual([{ event: "scrub.damage", fields: { code: "wal_damaged", index: 2 } }]);
  expect(bench.status.read()["log"]).toMatchObject({ scrubbedBytes: 100, scrubRounds: 1, scrubDamaged: 1 });
  expect(bench.failures).toEqual([]);
});

test("what is found damaged is told to those who can mend it", () => {
  const bench = new Bench();
  bench.persist({ sequence: 1, entries: [entry(1), entry(2)] });
  bench.completes("log");
  bench.disks.damagedIndex = 2;
  bench.disks.damagedKey = "checkpoint/1/a/0";
  bench.scrubs("scrub");
  bench.scrubs("scrub"); // it is on its way already
  expect(bench.status.read()["log"]).toMatchObject({ scrubIsAsked: true });
  bench.ticks();
  expect(bench.repair.messages).toEqual([]);
  bench.scrubs("scrubOn");
  expect(bench.repair.take("damaged")).toEqual([{ type: "damaged", height: 2 }]);
  expect(bench.ledger.take("pageDamaged")).toEqual([{ type: "pageDamaged", key: "checkpoint/1/a/0" }]);
  expect(bench.status.read()["log"]).toMatchObject({
    ...{ scrubIsAsked: false, scrubRounds: 1, scrubDamaged: 2 },
    scrubDamage: [
      { code: "wal_damaged", message: "it is damaged" },
      { code: "store_damaged", message: "a value is damaged" },
    ],
  });
});

test("the status says how long appends take", () => {
  const bench = new Bench();
  bench.persist({ sequence: 1, entries: [entry(1)] });
  bench.clock.now += 40;
  bench.completes("log");
  expect(bench.status.read()["log"]).toMatchObject({ lastIndex: 1, appendMs: 40, appendMsLongest: 40 });
});

describe("bug zoo", () => {
  // An error of the disk was logged, and the write counted as done.
  test("rostam 94: after an error of the disk nothing is reported durable, and the node is stopped", () => {
    const bench = new Bench();
    bench.disks.storeError = new CodedError("store_damaged", "the disk is broken");
    bench.persist({ sequence: 1, hardState, entries: [entry(1)] });
    bench.persist({ sequence: 2, entries: [entry(2)] });
    bench.completes("store");
    expect(bench.failures).toEqual([bench.disks.storeError]);
    expect([bench.reported(), bench.disks.asked]).toEqual([[], ["term and vote"]]);
  });
});

describe("what is damaged and in memory anyway", () => {
  /** All is read again, and something is found. */
  function scrubbed(bench: Bench): void {
    bench.scrubs("scrub");
    bench.scrubs("scrubOn");
  }

  test("is written again: term and vote as they were when the node started, or are now", () => {
    const bench = new Bench();
    bench.disks.damagedKey = "raft/state";
    scrubbed(bench);
    expect(hardStateIn(bench.disks.written)).toEqual({ term: 3, vote: 2 });
    expect(bench.status.read()["log"]).toMatchObject({ scrubDamaged: 1, rewriting: 1, rewritten: 0 });
    bench.completes("store");
    expect(bench.status.read()["log"]).toMatchObject({ rewriting: 0, rewritten: 1 });
    // The newest is on its way: it is what counts, and what is written again comes behind it.
    bench.persist({ sequence: 1, hardState: { term: 4, vote: 1 }, entries: [] });
    scrubbed(bench);
    expect(hardStateIn(bench.disks.written)).toEqual({ term: 4, vote: 1 });
    bench.completes("store");
    bench.completes("store");
    expect([bench.reported(), bench.status.read()["log"]]).toMatchObject([[1], { rewriting: 0, rewritten: 2 }]);
    expect([bench.ledger.messages, bench.repair.messages, bench.failures]).toEqual([[], [], []]);
  });

  test("is written again: whose the data is", () => {
    const bench = new Bench();
    bench.disks.damagedKey = OWNER.key;
    scrubbed(bench);
    expect(bench.disks.written).toEqual([OWNER]);
  });

  test("is written again: a copy beside the log, and counts where that could be", () => {
    const bench = new Bench();
    bench.disks.damagedCopies = [512];
    scrubbed(bench);
    expect(bench.disks.asked).toEqual(["copies"]);
    bench.completes("log");
    expect(bench.status.read()["log"]).toMatchObject({ scrubDamaged: 1, rewriting: 0, rewritten: 1 });
    bench.disks.copiesAreWhole = false;
    scrubbed(bench);
    bench.completes("log");
    expect(bench.status.read()["log"]).toMatchObject({ scrubDamaged: 1, rewriting: 0, rewritten: 1 });
    expect(bench.repair.messages).toEqual([]);
  });

  test("is written again once where several copies beside the log are damaged, and all of them count", () => {
    const bench = new Bench();
    bench.disks.damagedCopies = [0, 512];
    scrubbed(bench);
    expect(bench.disks.asked).toEqual(["copies"]);
    expect(bench.status.read()["log"]).toMatchObject({ scrubDamaged: 2, rewriting: 2, rewritten: 0 });
    bench.completes("log");
    expect(bench.status.read()["log"]).toMatchObject({ rewriting: 0, rewritten: 2 });
    scrubbed(bench);
    expect(bench.disks.asked).toEqual(["copies", "copies"]);
  });

  test("stops the node where the store fails", () => {
    const bench = new Bench();
    bench.disks.damagedKey = "raft/state";
    scrubbed(bench);
    bench.disks.storeError = new StorageError("store_failed", "no");
    bench.completes("store");
    expect(bench.failures.map(({ code }) => code)).toEqual(["store_failed"]);
  });
});
