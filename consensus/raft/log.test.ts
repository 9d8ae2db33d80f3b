/**
 * The log against a list. The list knows nothing of stable and unstable parts; the disk below is a list too, and writes reach
 * it late. Every entry has data of its own, so that one put back at the same position with the same term is told apart.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { must } from "../../node/base/assert.ts";
import { viewOf } from "../../node/base/bytes.ts";
import { TestDisk } from "./cluster.test-support.ts";
import { RaftLog } from "./log.ts";
import type { Entry } from "./messages.ts";
import type { LogWrite } from "./unstable.ts";

interface Model {
  readonly list: Entry[];
  commit: number;
  applied: number;
  /** Names for entries; each is used once. */
  names: number;
  readonly disk: TestDisk;
  readonly writes: LogWrite[];
}

class LogCommand implements fc.Command<Model, RaftLog> {
  readonly #name: string;
  readonly #possible: (model: Model) => boolean;
  readonly #run: (model: Model, log: RaftLog) => void;

  constructor(name: string, possible: (model: Model) => boolean, run: (model: Model, log: RaftLog) => void) {
    this.#name = name;
    this.#possible = possible;
    this.#run = run;
  }

  check(model: Readonly<Model>): boolean {
    return this.#possible(model);
  }

  run(model: Model, log: RaftLog): void {
    this.#run(model, log);
    compare(model, log);
  }

  toString(): string {
    return this.#name;
  }
}

function newEntries(model: Model, count: number, rise: number): Entry[] {
  const term = (model.list.at(-1)?.term ?? 1) + rise;
  return Array.from({ length: count }, (_, offset) => {
    model.names += 1;
    const data = new Uint8Array(4);
    viewOf(data).setUint32(0, model.names, true);
    return { index: model.list.length + 1 + offset, term, data };
  });
}

const append = fc.tuple(fc.integer({ min: 1, max: 3 }), fc.nat(1)).map(
  ([count, rise]) =>
    new LogCommand(
      `append ${count} of a term ${rise} later`,
      () => true,
      (model, log) => {
        const entries = newEntries(model, count, rise);
        log.append(entries);
        model.list.push(...entries);
      },
    ),
);

const truncate = fc.nat(20).map(
  (back) =>
    new LogCommand(
      `truncate ${back}`,
      ({ list, commit }) => list.length > commit,
      (model, log) => {
        const from = model.commit + 1 + (back % (model.list.length - model.commit));
        log.truncate(from);
        model.list.length = from - 1;
      },
    ),
);

const take = fc.constant(
  new LogCommand(
    "take a write",
    () => true,
    (model, log) => {
      if (log.hasUnwritten) model.writes.push(log.takeWrite());
    },
  ),
);

const complete = fc.constant(
  new LogCommand("complete the oldest write", ({ writes }) => writes.length > 0, completeOldest),
);

function completeOldest(model: Model, log: RaftLog): void {
  const { truncateFrom, entries } = must(model.writes.shift(), "a write is on its way");
  if (truncateFrom !== undefined) model.disk.log.length = Math.min(model.disk.log.length, truncateFrom - 1);
  for (const entry of entries) {
    expect(entry.index, "writes leave no gap").toBe(model.disk.log.length + 1);
    model.disk.log.push(entry);
  }
  log.completeWrite();
}

const commit = fc.nat(20).map(
  (on) =>
    new LogCommand(
      `commit ${on} on`,
      ({ list, commit: before }) => list.length > before,
      (model, log) => {
        model.commit += 1 + (on % (model.list.length - model.commit));
        log.commitTo(model.commit);
        log.commitTo(model.commit - 1); // an older one changes nothing
      },
    ),
);

const apply = fc.constant(
  new LogCommand(
    "apply",
    () => true,
    (model, log) => {
      const committed = log.takeCommitted();
      if (committed === undefined) return;
      expect(committed.from).toBe(model.applied + 1);
      expect(committed.to).toBeLessThanOrEqual(model.commit);
      // Applied entries can be read back after a crash: they are on the disk, and they are these.
      expect(model.disk.log.slice(committed.from - 1, committed.to)).toEqual(
        model.list.slice(committed.from - 1, committed.to),
      );
      model.applied = committed.to;
    },
  ),
);

/** The very same entries, which share nothing but their position and term with others. */
function same(a: readonly Entry[], b: readonly Entry[]): boolean {
  return a.length === b.length && a.every((entry, place) => entry === b[place]);
}

function compare({ list, commit: committed, disk }: Model, log: RaftLog): void {
  log.assertInvariants();
  expect([log.lastIndex, log.lastTerm, log.commit]).toEqual([list.length, list.at(-1)?.term ?? 0, committed]);
  expect([log.term(0), log.term(list.length + 1)]).toEqual([0, undefined]);
  const stable = log.stableIndex;
  expect(same(disk.log.slice(0, stable), list.slice(0, stable)), "what is called stable is on the disk").toBe(true);
  if (list.length > 0) expect(same(log.entries(1, list.length + 1, Number.MAX_SAFE_INTEGER), list)).toBe(true);
  expect(list.every(({ index, term }) => log.term(index) === term)).toBe(true);
  expect(list.every(({ index, term }) => log.matches(index, term) && !log.matches(index, term + 1))).toBe(true);
}

const commands = fc.commands([append, append, truncate, take, complete, complete, commit, apply], {
  maxCommands: 60,
  size: "max",
});

describe("the log is a list of which a prefix is known to be durable", () => {
  test("whatever is appended, cut, written and completed, in any order", () => {
    fc.assert(
      fc.property(commands, (run) => {
        const disk = new TestDisk();
        const model: Model = { list: [], commit: 0, applied: 0, names: 0, disk, writes: [] };
        const log = new RaftLog(disk, 0);
        fc.modelRun(() => ({ model, real: log }), run);
        while (log.hasUnwritten) model.writes.push(log.takeWrite());
        while (model.writes.length > 0) completeOldest(model, log);
        expect(log.stableIndex).toBe(model.list.length);
        expect(disk.log).toEqual(model.list);
      }),
      { numRuns: 300 },
    );
  });
});

/** Terms of a log: they never decrease. */
const rising = fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 12 }).map((terms) => terms.sort((x, y) => x - y));

/** A log of these terms, of which the first `durable` are on the disk. */
function logOf(terms: readonly number[], durable: number): RaftLog {
  const disk = new TestDisk();
  const entries = terms.map((term, index) => ({ index: index + 1, term, data: new Uint8Array(index % 4) }));
  disk.log.push(...entries.slice(0, durable));
  const log = new RaftLog(disk, 0);
  log.append(entries.slice(durable));
  return log;
}

const logs = rising.chain((terms) => fc.tuple(fc.constant(terms), fc.nat(terms.length)));

describe("questions about the log, by looking at each entry", () => {
  test("the last position up to a limit whose term is at most a term", () => {
    fc.assert(
      fc.property(logs, fc.nat(12), fc.nat(30), ([terms, durable], at, term) => {
        const limit = Math.min(at, terms.length);
        const naive = terms.slice(0, limit).findLastIndex((has) => has <= term) + 1;
        expect(logOf(terms, durable).lastIndexUpToTerm(limit, term)).toBe(naive);
      }),
    );
  });

  test("§5.3: no position behind the hint agrees with a log that has that entry", () => {
    fc.assert(
      fc.property(logs, rising, fc.nat(12), ([terms, durable], leader, at) => {
        const previousIndex = Math.min(at, leader.length);
        const previousTerm = leader[previousIndex - 1] ?? 0;
        const { hintIndex, hintTerm } = logOf(terms, durable).conflictHint(previousIndex, previousTerm);
        expect(hintTerm).toBe(terms[hintIndex - 1] ?? 0);
        expect(hintIndex).toBeLessThanOrEqual(previousIndex);
        for (let index = hintIndex + 1; index <= previousIndex; index++) {
          expect(terms[index - 1] === undefined || terms[index - 1] !== leader[index - 1]).toBe(true);
        }
      }),
    );
  });

  test("§5.4.1: which of two logs is more up to date", () => {
    fc.assert(
      fc.property(logs, rising, ([terms, durable], other) => {
        const [own, theirs] = [terms.at(-1) ?? 0, other.at(-1) ?? 0];
        const upToDate = theirs > own || (theirs === own && other.length >= terms.length);
        expect(logOf(terms, durable).isUpToDate(other.length, theirs)).toBe(upToDate);
      }),
    );
  });

  test("entries of a range, as many as fit and at least one", () => {
    fc.assert(
      fc.property(logs, fc.nat(12), fc.nat(12), fc.nat(12), ([terms, durable], a, b, bytesMax) => {
        const from = Math.min(a, terms.length - 1) + 1;
        const to = Math.min(terms.length, from + b) + 1;
        if (terms.length === 0 || from >= to) return;
        const expected = [from];
        let bytes = (from - 1) % 4;
        for (let index = from + 1; index < to; index++) {
          bytes += (index - 1) % 4;
          if (bytes > bytesMax) break;
          expected.push(index);
        }
        expect(
          logOf(terms, durable)
            .entries(from, to, bytesMax)
            .map(({ index }) => index),
        ).toEqual(expected);
      }),
    );
  });

  test("an append contradicts what is committed when it names another term at a committed position", () => {
    fc.assert(
      fc.property(rising, rising, fc.nat(12), fc.nat(12), (terms, said, committed, at) => {
        const log = logOf(terms, terms.length);
        const commitIndex = Math.min(committed, terms.length);
        log.commitTo(commitIndex);
        const previousIndex = Math.min(at, said.length);
        const entries = said.slice(previousIndex).map((term, offset) => {
          return { index: previousIndex + 1 + offset, term, data: new Uint8Array(0) };
        });
        const positions = Array.from({ length: said.length + 1 }, (_, index) => index).slice(previousIndex);
        const differs = positions.some(
          (index) => index > 0 && index <= commitIndex && terms[index - 1] !== said[index - 1],
        );
        expect(log.contradictsCommitted(previousIndex, said[previousIndex - 1] ?? 0, entries)).toBe(differs);
      }),
    );
  });

  test("what is committed is never cut, and nothing is committed that is not there", () => {
    const log = logOf([1, 1, 2], 1);
    log.commitTo(2);
    expect(() => log.truncate(2)).toThrow("committed entries are never cut");
    expect(() => log.commitTo(4)).toThrow("what is committed is in the log");
    expect(() => log.append([{ index: 4, term: 1, data: new Uint8Array(0) }])).toThrow("terms never decrease");
    expect(() => log.append([{ index: 5, term: 2, data: new Uint8Array(0) }])).toThrow("without gaps");
  });
});
