/**
 * The log against a list. The list knows nothing of stable and unstable parts; the disk below is a list too, and writes reach
 * it late. Every entry has data of its own, so that one put back at the same position with the same term is told apart.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { must } from "../../node/base/assert.ts";
import { TestDisk } from "./cluster.test-support.ts";
import { votersUpTo } from "./configurations.test-support.ts";
import { RaftLog } from "./log.ts";
import type { Entry } from "./messages.ts";
import type { LogWrite } from "./unstable.ts";

const ALONE = votersUpTo(1);
const START = { commit: 0, configuration: ALONE, configurationOf: () => ALONE };

/** The log and its twin, and what one step does to both. Each step does something in every state that allows it. */
class Twins {
  readonly #disk = new TestDisk();
  readonly #log = new RaftLog(this.#disk, START);
  readonly #list: Entry[] = [];
  readonly #writes: LogWrite[] = [];
  #commit = 0;
  #applied = 0;
  #names = 0;

  step(kind: number, detail: number): void {
    const uncommitted = this.#list.length - this.#commit;
    if (kind < 3) this.#append(1 + (detail % 3), detail % 2);
    else if (kind === 3 && uncommitted > 0) this.#truncate(this.#commit + 1 + (detail % uncommitted));
    else if (kind === 4 && uncommitted > 0) this.#commitTo(this.#commit + 1 + (detail % uncommitted));
    else if (kind === 5 && this.#log.hasUnwritten) this.#writes.push(this.#log.takeWrite());
    else if (kind === 6) this.#apply();
    else if (kind > 6 && this.#writes.length > 0) this.#complete();
    this.compare();
  }

  finish(): void {
    while (this.#log.hasUnwritten) this.#writes.push(this.#log.takeWrite());
    while (this.#writes.length > 0) this.#complete();
    this.compare();
    expect([this.#log.stableIndex, this.#disk.log.length]).toEqual([this.#list.length, this.#list.length]);
  }

  compare(): void {
    const log = this.#log;
    const list = this.#list;
    log.assertInvariants();
    expect([log.lastIndex, log.lastTerm, log.commit]).toEqual([list.length, list.at(-1)?.term ?? 0, this.#commit]);
    expect([log.term(0), log.term(list.length + 1)]).toEqual([0, undefined]);
    const stable = log.stableIndex;
    expect(same(this.#disk.log.slice(0, stable), list.slice(0, stable)), "what is stable is on the disk").toBe(true);
    if (list.length > 0) expect(same(log.entries(1, list.length + 1, Number.MAX_SAFE_INTEGER), list)).toBe(true);
    expect(list.every(({ index, term }) => log.term(index) === term)).toBe(true);
    expect(list.every(({ index, term }) => log.matches(index, term) && !log.matches(index, term + 1))).toBe(true);
  }

  #append(count: number, rise: number): void {
    const term = (this.#list.at(-1)?.term ?? 1) + rise;
    const entries = Array.from({ length: count }, (_, offset) => {
      this.#names += 1;
      return { index: this.#list.length + 1 + offset, term, data: Uint8Array.of(this.#names) };
    });
    this.#log.append(entries);
    this.#list.push(...entries);
  }

  #truncate(from: number): void {
    this.#log.truncate(from);
    this.#list.length = from - 1;
  }

  #commitTo(index: number): void {
    this.#commit = index;
    this.#log.commitTo(index);
    this.#log.commitTo(index - 1); // an older one changes nothing
  }

  /** Applied entries can be read back after a crash: they are on the disk, and they are these. */
  #apply(): void {
    const committed = this.#log.takeCommitted();
    if (committed === undefined) return;
    const { from, to } = committed;
    expect([from, to <= this.#commit]).toEqual([this.#applied + 1, true]);
    expect(same(this.#disk.log.slice(from - 1, to), this.#list.slice(from - 1, to))).toBe(true);
    this.#applied = to;
  }

  #complete(): void {
    const { truncateFrom, entries } = must(this.#writes.shift(), "a write is on its way");
    const { log } = this.#disk;
    if (truncateFrom !== undefined) log.length = Math.min(log.length, truncateFrom - 1);
    expect(
      entries.every(({ index }, offset) => index === log.length + 1 + offset),
      "writes leave no gap",
    ).toBe(true);
    log.push(...entries);
    this.#log.completeWrite();
  }
}

/** The very same entries, which share nothing but position and term with others. */
function same(a: readonly Entry[], b: readonly Entry[]): boolean {
  return a.length === b.length && a.every((entry, place) => entry === b[place]);
}

describe("the log is a list of which a prefix is known to be durable", () => {
  test("whatever is appended, cut, written and completed, in any order", () => {
    const steps = fc.array(fc.tuple(fc.nat(9), fc.nat(20)), { maxLength: 60, size: "max" });
    fc.assert(
      fc.property(steps, (run) => {
        const twins = new Twins();
        for (const [kind, detail] of run) twins.step(kind, detail);
        twins.finish();
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
  const log = new RaftLog(disk, START);
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
