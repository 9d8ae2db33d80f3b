import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { must } from "../../node/base/assert.ts";
import { compareBytes, utf8, viewOf } from "../../node/base/bytes.ts";
import type { Cipher } from "../../node/base/ports/cipher.ts";
import { Prng } from "../../node/base/prng.ts";
import { testCipher, watchedCipher } from "../cipher.test-support.ts";
import { encodeMark, MARK_BYTES } from "./format.ts";
import {
  contents,
  DIRECTORY,
  type DiskEvent,
  describeRecord,
  diskWith,
  type Image,
  type OpenLog,
  openLog,
  patched,
  payloadOf,
  record,
  records,
  SteppedDisk,
  startAt,
  WatchedDisk,
} from "./log-fixture.contract.ts";
import type { LogStart, WalRecord } from "./log-store.ts";
import type { Wal } from "./wal.ts";

/** The polynomial of records and marks. */
const ISO_3309 = 0xedb8_8320;

/** A log as text: the index before its first record, and its records. */
interface Contents {
  readonly start: number;
  readonly texts: readonly string[];
}

/** What a node starts with, each time: nothing, or a new cipher of its data key. */
type NewCipher = () => Cipher | undefined;

/**
 * The longest valid prefix, read the plain way by somebody who knows the format from the README only: where the log begins,
 * files from there on in order, in each the header, then records and marks, up to the first byte that is not as it must be.
 */
function longestPrefix(image: Image, cipher?: Cipher): Contents {
  const { index: start, replacing } = storedStart(image.get("start"));
  const found: WalRecord[] = [];
  for (const name of replacing ? [] : [...image.keys()].sort()) {
    const bytes = image.get(name) as Uint8Array;
    const next = start + found.length + 1;
    if (name === "start" || Number.parseInt(name, 16) < next) continue;
    if (Number.parseInt(name, 16) !== next || !soundHeader(bytes, next)) break;
    const view = viewOf(bytes);
    const sum = (from: number, to: number): boolean =>
      view.getUint32(from, true) === plainCrc(bytes.subarray(from + 4, to), ISO_3309);
    for (let at = 32; at + 24 <= bytes.length; ) {
      const magic = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
      if (magic === "QWAM" && view.getUint32(at + 8, true) === at && sum(at, at + 24)) {
        at += 24;
        continue;
      }
      const length = at + 104 <= bytes.length && magic === "QWAR" ? view.getUint32(at + 8, true) : bytes.length;
      const end = at + 104 + Math.ceil(length / 8) * 8;
      if (end > bytes.length || view.getUint32(at + 12, true) !== at || !sum(at, end)) break;
      found.push({
        index: Number(view.getBigUint64(at + 16, true)),
        term: Number(view.getBigUint64(at + 24, true)),
        previousHash: bytes.slice(at + 40, at + 72),
        hash: bytes.slice(at + 72, at + 104),
        payload: bytes.slice(at + 104, at + 104 + length),
      });
      at = end;
    }
  }
  const texts = found.map((stored) => describeRecord(cipher === undefined ? stored : opened(stored, cipher)));
  return { start, texts };
}

/** What the newer of two copies says; a log without one begins at index 1. */
function storedStart(bytes: Uint8Array | undefined): { readonly index: number; readonly replacing: boolean } {
  const copies = [0, 512].map((at) => bytes?.subarray(at, at + 72) ?? new Uint8Array(0));
  const whole = copies.filter(
    (copy) => copy.length === 72 && viewOf(copy).getUint32(68, true) === plainCrc(copy.subarray(0, 68)),
  );
  const newest = whole.reduce<Uint8Array | undefined>(
    (best, copy) => (best === undefined || numberOf(copy) > numberOf(best) ? copy : best),
    undefined,
  );
  if (newest === undefined) return { index: 0, replacing: false };
  return { index: Number(viewOf(newest).getBigUint64(16, true)), replacing: newest[64] === 1 };
}

/** A record whose payload was sealed, with what it is bound to as the README has it. */
function opened(stored: WalRecord, cipher: Cipher): WalRecord {
  const associated = new Uint8Array(80);
  const view = viewOf(associated);
  view.setBigUint64(0, BigInt(stored.index), true);
  view.setBigUint64(8, BigInt(stored.term), true);
  associated.set(stored.previousHash, 16);
  associated.set(stored.hash, 48);
  return { ...stored, payload: must(cipher.open(stored.payload, associated), "a sound record opens") };
}

function numberOf(copy: Uint8Array): bigint {
  return viewOf(copy).getBigUint64(8, true);
}

function soundHeader(bytes: Uint8Array, firstIndex: number): boolean {
  const expected = new Uint8Array(32);
  const view = viewOf(expected);
  expected.set(utf8("QWAL"));
  view.setUint32(4, 4, true);
  view.setBigUint64(8, BigInt(firstIndex), true);
  view.setUint32(16, plainCrc(expected.subarray(0, 16)), true);
  expected.set(bytes.subarray(20, 28), 20); // the id of the data key
  view.setUint32(28, plainCrc(expected.subarray(0, 28)), true);
  return compareBytes(bytes.subarray(0, 32), expected) === 0;
}

function plainCrc(bytes: Uint8Array, polynomial = 0x82f6_3b78): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) * polynomial);
  }
  return ~crc >>> 0;
}

/** A log as a list. */
interface State {
  /** What stands before its first record. */
  readonly start: LogStart | undefined;
  readonly records: readonly WalRecord[];
  /** Records before this one may have been given up. */
  mayBeginAt: number;
}

/** What a log would be after each thing that was asked of it, and how much of that was acknowledged. */
class Model {
  /** The log after each operation; the first is what this life began with. */
  readonly states: State[];
  acknowledged = 0;

  constructor(start: LogStart | undefined, found: readonly WalRecord[]) {
    this.states = [{ start, records: found, mayBeginAt: 0 }];
  }

  get now(): State {
    return this.states.at(-1) as State;
  }

  get lastIndex(): number {
    return (this.now.start?.index ?? 0) + this.now.records.length;
  }

  /** Notes that the log holds other records. */
  hold(changed: readonly WalRecord[]): () => void {
    return this.become({ ...this.now, records: changed });
  }

  /** Notes an operation; the function returned is its completion. */
  become(state: State): () => void {
    const number = this.states.push(state) - 1;
    return () => {
      expect(number).toBe(this.acknowledged + 1);
      this.acknowledged = number;
    };
  }

  /**
   * What a crash may leave: all that was acknowledged, and of what was on its way any beginning. Between two states in a
   * row one is a beginning of the other, and so is everything between them.
   */
  allows(recovered: Contents): boolean {
    if (isState(recovered, this.states[this.acknowledged] as State)) return true;
    return this.states.slice(this.acknowledged + 1).some((state, i) => {
      const before = this.states[this.acknowledged + i] as State;
      if (state.start !== before.start) return isState(recovered, state) || isState(recovered, before);
      const [short, long] = before.records.length < state.records.length ? [before, state] : [state, before];
      const count = recovered.start - (state.start?.index ?? 0) + recovered.texts.length;
      return count >= short.records.length && isState(recovered, { ...long, records: long.records.slice(0, count) });
    });
  }
}

function isState({ start, texts }: Contents, state: State): boolean {
  const dropped = start - (state.start?.index ?? 0);
  if (dropped < 0 || (dropped > 0 && start >= state.mayBeginAt)) return false;
  return sameTexts(texts, state.records.slice(dropped).map(describeRecord));
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i]);
}

type Step =
  | { readonly kind: "append"; readonly sizes: readonly number[] }
  | { readonly kind: "truncate"; readonly keep: number }
  | { readonly kind: "compact"; readonly to: number }
  | { readonly kind: "reset"; readonly to: number }
  | { readonly kind: "run"; readonly count: number }
  | { readonly kind: "failSync" }
  | { readonly kind: "refuseWrite" }
  | { readonly kind: "room"; readonly free: number }
  | { readonly kind: "kill" }
  | { readonly kind: "crash"; readonly seed: number };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("append" as const), sizes: fc.array(fc.nat(300), { maxLength: 4 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("truncate" as const), keep: fc.nat(999) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("compact" as const), to: fc.nat(1_100) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("reset" as const), to: fc.nat(1_500) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("run" as const), count: fc.integer({ min: 1, max: 8 }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "failSync" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "refuseWrite" as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("room" as const), free: fc.constantFrom(0, 2 ** 40) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "kill" as const }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("crash" as const), seed: fc.nat() }) },
);

/** One disk, one log after the other on it. */
class Lives {
  readonly #stepped = new SteppedDisk();
  readonly #newCipher: NewCipher;
  #log: OpenLog;
  #model = new Model(undefined, []);
  #branch = 0;

  constructor(newCipher: NewCipher) {
    this.#newCipher = newCipher;
    this.#log = openLog(this.#stepped.disk, { cipher: newCipher() });
  }

  take(step: Step): void {
    const { wal, fatal } = this.#log;
    switch (step.kind) {
      case "append":
        this.#append(step.sizes);
        break;
      case "truncate": {
        const { start, records: before } = this.#model.now;
        const base = start?.index ?? 0;
        const keep = Math.floor((step.keep / 1_000) * (wal.lastIndex() + 1 - wal.firstIndex())) + wal.firstIndex() - 1;
        if (keep < wal.lastIndex()) wal.truncate(keep + 1, this.#model.hold(before.slice(0, keep - base)));
        break;
      }
      case "compact":
        wal.compactTo(Math.floor((step.to / 1_000) * wal.lastIndex()));
        expect(wal.firstIndex() - 1).toBeLessThanOrEqual(wal.durableIndex());
        for (const state of this.#model.states) state.mayBeginAt = Math.max(state.mayBeginAt, wal.firstIndex());
        break;
      case "reset":
        this.#reset(Math.max(1, wal.firstIndex() - 1, Math.floor((step.to / 1_000) * wal.lastIndex())));
        break;
      case "run":
        this.#stepped.run(step.count);
        if (fatal.length > 0) this.#restart();
        break;
      case "failSync":
        this.#stepped.disk.failNext("sync", "disk_io");
        break;
      case "refuseWrite":
        this.#stepped.disk.failNext("write", "disk_full");
        break;
      case "room":
        this.#stepped.disk.free = step.free;
        wal.retry();
        break;
      case "kill":
        this.#restart();
        break;
      case "crash":
        this.crash(step.seed);
        break;
    }
  }

  #append(sizes: readonly number[]): void {
    const { start, records: before } = this.#model.now;
    const { lastIndex } = this.#model;
    this.#branch += 1;
    const added = sizes.map((size, i) => {
      const previousBranch = i === 0 ? (before.at(-1)?.term ?? start?.term ?? 0) : this.#branch;
      return record(lastIndex + i + 1, payloadOf(this.#branch + i, size), this.#branch, previousBranch);
    });
    this.#log.wal.append(added, this.#model.hold([...before, ...added]));
  }

  #reset(index: number): void {
    this.#branch += 1;
    const start = startAt(index, this.#branch);
    this.#log.wal.reset(start, this.#model.become({ start, records: [], mayBeginAt: 0 }));
    const { wal } = this.#log;
    expect([wal.firstIndex(), wal.lastIndex(), wal.durableIndex()]).toEqual([index + 1, index, index]);
    expect([wal.term(index), wal.hash(index)]).toEqual([start.term, start.hash]);
  }

  /** The process ends and another one starts: what the system has in memory is still there. */
  #restart(): void {
    this.#log.wal.close();
    this.#recover();
  }

  crash(seed: number): void {
    this.#stepped.disk.crash(new Prng(seed));
    this.#recover();
  }

  /** A sync that fails while the log is opened refuses the node; an operator tries once more. */
  #open(): OpenLog {
    try {
      return openLog(this.#stepped.disk, { cipher: this.#newCipher() });
    } catch (error) {
      expect(error).toMatchObject({ code: "wal_write_failed" });
      return openLog(this.#stepped.disk, { cipher: this.#newCipher() });
    }
  }

  #recover(): void {
    const valid = longestPrefix(this.#stepped.image(), this.#newCipher());
    this.#log = this.#open();
    const { wal } = this.#log;
    const recovered = { start: wal.firstIndex() - 1, texts: contents(wal) };
    expect(recovered).toEqual(valid);
    expect(this.#model.allows(recovered)).toBe(true);
    expect(wal.durableIndex()).toBe(wal.lastIndex());
    const from = wal.firstIndex();
    const found = from > wal.lastIndex() ? [] : wal.read(from, wal.lastIndex() + 1, Number.MAX_SAFE_INTEGER);
    this.#model = new Model(startOfLog(wal), found);
  }
}

/** What stands before the first record, which the log must know unless it is the very first. */
function startOfLog(wal: Wal): LogStart | undefined {
  const index = wal.firstIndex() - 1;
  if (index === 0) return undefined;
  const term = must(wal.term(index), "the term before the log is known");
  return { index, term, hash: must(wal.hash(index), "the hash before the log is known") };
}

describe.each<[string, NewCipher]>([
  ["in the clear", () => undefined],
  ["encrypted", () => testCipher()],
])("a crash of a log %s", (_, newCipher) => {
  test("whatever was done, gives the longest valid prefix and all that was acknowledged, life after life", () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 60 }), fc.nat(), (steps, seed) => {
        const lives = new Lives(newCipher);
        for (const one of steps) lives.take(one);
        lives.crash(seed);
        // What has been recovered is durable at once, before anything else is written.
        lives.crash(seed + 1);
      }),
      { numRuns: 250 },
    );
  });

  test("after any byte of any write gives the longest valid prefix and all that was acknowledged", () => {
    const { history, acknowledged } = workday(newCipher());
    let crashes = 0;
    const image = new Map<string, Uint8Array>();
    for (const [number, event] of history.entries()) {
      const length = event.kind === "write" ? event.bytes.length : 0;
      for (let kept = 0; kept < length; kept++) {
        const torn = new Map(image);
        applyTo(torn, event, kept);
        checkCrash(torn, acknowledged[number] as number, newCipher());
        crashes += 1;
      }
      applyTo(image, event, length);
      checkCrash(image, acknowledged[number] as number, newCipher());
    }
    expect(crashes).toBeGreaterThan(2_000);
  });
});

describe("a crash", () => {
  test("of encrypted logs, life after life, never leads back to a nonce of the data key", () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 60 }), fc.nat(), (steps, seed) => {
        const nonces: string[] = [];
        const lives = new Lives(() => watchedCipher(testCipher(), nonces));
        for (const one of steps) lives.take(one);
        lives.crash(seed);
        expect(new Set(nonces).size).toBe(nonces.length);
      }),
      { numRuns: 100 },
    );
  });

  test("bytes of a client that look like the log's own, made for another place, are not taken for proof of damage", () => {
    const stepped = new SteppedDisk();
    const { wal } = openLog(stepped.disk, { segmentBytes: 65_536 });
    const forged = new Uint8Array(4_096);
    for (let at = 0; at + MARK_BYTES <= forged.length; at += MARK_BYTES) forged.set(encodeMark(at, 1_000), at);
    wal.append(records(1, 1), () => {});
    stepped.run();
    wal.append([record(2, forged)], () => {});
    const [[name, bytes] = ["", new Uint8Array(0)]] = stepped.image();
    // The second record's header did not get to the disk, its payload did.
    const torn = diskWith(new Map([[name, patched(bytes, 32 + 128 + 24, new Uint8Array(104))]]));
    expect(openLog(torn.disk).wal.lastIndex()).toBe(1);
  });
});

/** A log with cuts and several files, and how many of its records must be there after each thing that the disk was told. */
function workday(cipher: Cipher | undefined): {
  readonly history: readonly DiskEvent[];
  readonly acknowledged: readonly number[];
} {
  const history: DiskEvent[] = [];
  const acknowledged: number[] = [];
  let durable = 0;
  const stepped = new SteppedDisk();
  const watched = new WatchedDisk(stepped.disk, (event) => {
    history.push(event);
    acknowledged.push(durable);
  });
  const { wal } = openLog(watched, { segmentBytes: 512, cipher });
  const append = (from: number, to: number): void => {
    wal.append(records(from, to), () => {
      durable = to;
    });
  };
  const truncate = (from: number): void => {
    durable = Math.min(durable, from - 1);
    wal.truncate(from, () => {});
  };
  for (const [from, to] of [
    [1, 1],
    [2, 3],
    [4, 9],
    [10, 10],
  ] as const) {
    append(from, to);
    stepped.run();
  }
  truncate(3);
  append(3, 4);
  append(5, 5);
  stepped.run();
  truncate(5);
  append(5, 12);
  stepped.run();
  wal.compactTo(6);
  stepped.run();
  append(13, 14);
  wal.compactTo(12);
  stepped.run();
  wal.reset(startAt(20), () => {
    durable = 20;
  });
  append(21, 22);
  stepped.run();
  return { history, acknowledged };
}

/** Does to an image what the disk was told; of a write only the first so many bytes. */
function applyTo(image: Map<string, Uint8Array>, event: DiskEvent, kept: number): void {
  const name = event.path.slice(DIRECTORY.length + 1);
  const bytes = image.get(name) ?? new Uint8Array(0);
  switch (event.kind) {
    case "create":
      image.set(name, bytes);
      break;
    case "remove":
      image.delete(name);
      break;
    case "truncate":
      image.set(name, resized(bytes, event.size));
      break;
    case "write":
      image.set(
        name,
        patched(
          resized(bytes, Math.max(bytes.length, event.offset + kept)),
          event.offset,
          event.bytes.subarray(0, kept),
        ),
      );
      break;
  }
}

function resized(bytes: Uint8Array, size: number): Uint8Array {
  const copy = new Uint8Array(size);
  copy.set(bytes.subarray(0, size));
  return copy;
}

function checkCrash(image: Image, acknowledged: number, cipher: Cipher | undefined): void {
  const { wal } = openLog(diskWith(image).disk, { cipher });
  const recovered = { start: wal.firstIndex() - 1, texts: contents(wal) };
  expect(recovered).toEqual(longestPrefix(image, cipher));
  expect(wal.lastIndex()).toBeGreaterThanOrEqual(acknowledged);
  expect(recovered.texts).toEqual(records(wal.firstIndex(), wal.lastIndex()).map(describeRecord));
}
