import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InvariantError } from "../base/assert.ts";
import { BATCH_RECORDS_MAX } from "../base/limits.ts";
import { refusalOf } from "./hostile.contract.ts";
import { pack, WireError } from "./msgpack.ts";
import {
  batchResults,
  batchRuns,
  decodeResult,
  type EventResult,
  encodeBatchResult,
  encodeResult,
  REFUSALS,
  RESULT_BYTES_MAX,
} from "./results.ts";

const CREATED = 0xffff_ffff;

describe("result", () => {
  test("comes back with its status and fields", () => {
    for (const status of ["ok", ...REFUSALS] as const) {
      expect(decodeResult(encodeResult(status, { what: "role", id: 7 }))).toEqual({ status, what: "role", id: 7 });
    }
    expect(decodeResult(encodeResult("ok"))).toEqual({ status: "ok" });
  });

  test.each([null, 1, "ok", [], [1], {}, { status: 1 }, new Uint8Array(3)])("%j is none", (value) => {
    expect(refusalOf(decodeResult, pack(value))).toBe("malformed_frame");
  });

  test("a field without a value is a bug", () => {
    expect(() => encodeResult("ok", { failure: undefined })).toThrow(InvariantError);
  });
});

/** How many runs a result lists. */
function runsOf(encoded: Uint8Array): number {
  return (decodeResult(encoded)["runs"] as Uint8Array).length / 16;
}

/** Runs as [first event, events]. */
function runs(...all: readonly (readonly [number, number])[]): Uint8Array {
  return Uint8Array.from(all.flatMap(([from, count]) => [from, 0, count, 0, ...Array<number>(12).fill(0)]));
}

/** As the ledger gives them. */
function flat(results: readonly EventResult[]): Uint8Array {
  const words = results.flatMap(({ timestamp, status }) => [timestamp, BigInt(status)]);
  return new Uint8Array(new BigUint64Array(words).buffer);
}

describe("results of a batch", () => {
  const timestamp = 1_750_000_000_000_000_000n;
  const event = fc.record({
    status: fc.oneof({ weight: 2, arbitrary: fc.constant(CREATED) }, fc.nat(2)),
    /** Undefined for the event's own time; imported and existing records have others, often one after another. */
    timestamp: fc.option(fc.bigInt({ min: 1n, max: 4n }), { nil: undefined, freq: 2 }),
  });

  test("come back; those created at their own time cost nothing, and a run costs once", () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 40 }), (events) => {
        const own = (index: number): bigint => timestamp - BigInt(events.length - 1 - index);
        const results = events.map((each, i): EventResult => ({ ...each, timestamp: each.timestamp ?? own(i) }));
        const encoded = encodeBatchResult(timestamp, flat(results));
        expect(batchResults(decodeResult(encoded))).toEqual(results);
        const listed = (i: number): boolean => results[i]?.status !== CREATED || results[i]?.timestamp !== own(i);
        const begins = results.filter((result, i) => {
          const before = results[i - 1];
          const goesOn = before?.status === result.status && before.timestamp + 1n === result.timestamp;
          return listed(i) && !(i > 0 && listed(i - 1) && goesOn);
        });
        expect(runsOf(encoded)).toBe(begins.length);
      }),
    );
  });

  test("as they came: what was refused, and what has another time than its own", () => {
    const at = (status: number, time: bigint): EventResult => ({ status, timestamp: time });
    const events = [at(CREATED, 101n), at(54, 102n), at(54, 103n), at(CREATED, 50n), at(CREATED, 105n), at(46, 9n)];
    expect(batchRuns(decodeResult(encodeBatchResult(106n, flat(events))))).toEqual({
      ...{ timestamp: 106n, count: 6 },
      runs: [
        { from: 1, count: 2, status: 54, timestamp: 102n },
        { from: 3, count: 1, status: CREATED, timestamp: 50n },
        { from: 5, count: 1, status: 46, timestamp: 9n },
      ],
    });
  });

  test("of a time whose halves turn over within the batch cost nothing either", () => {
    const last = (1_750_000_000n << 32n) + 1n;
    const results = [2n, 1n, 0n].map((before): EventResult => ({ status: CREATED, timestamp: last - before }));
    const encoded = encodeBatchResult(last, flat(results));
    expect(runsOf(encoded)).toBe(0);
    expect(batchResults(decodeResult(encoded))).toEqual(results);
  });

  test.each([
    ["refused as a whole", 54, timestamp],
    ["that exists as a whole", 46, timestamp - 1_000_000n],
  ])("a full batch %s is one run", (_name, status, last) => {
    const count = BATCH_RECORDS_MAX;
    const at = (index: number): EventResult => ({ status, timestamp: last - BigInt(count - 1 - index) });
    const encoded = encodeBatchResult(timestamp, flat(Array.from({ length: count }, (_, index) => at(index))));
    expect(runsOf(encoded)).toBe(1);
    expect(batchResults(decodeResult(encoded))[count - 1]).toEqual({ status, timestamp: last });
  });

  test("no result is larger than the largest: every event another run", () => {
    const at = (index: number): EventResult => ({ status: index % 2, timestamp });
    const encoded = encodeBatchResult(
      timestamp,
      flat(Array.from({ length: BATCH_RECORDS_MAX }, (_, index) => at(index))),
    );
    expect(runsOf(encoded)).toBe(BATCH_RECORDS_MAX);
    expect(encoded.length).toBeLessThanOrEqual(RESULT_BYTES_MAX);
  });

  test.each<readonly [string, Readonly<Record<string, unknown>>]>([
    ["no events", { count: 0 }],
    ["too many events", { count: BATCH_RECORDS_MAX + 1 }],
    ["a run that is cut", { runs: new Uint8Array(17) }],
    ["an empty run", { runs: runs([1, 0]) }],
    ["a run of events that are not there", { runs: runs([1, 2]) }],
    ["runs out of order", { runs: runs([1, 1], [0, 1]) }],
    ["runs one over the other", { runs: runs([0, 2], [1, 1]) }],
    ["no list of runs", { runs: null }],
    ["no time", { timestamp: "now" }],
    ["more than is known", { more: 1 }],
  ])("%s is refused", (_name, change) => {
    const result = { status: "ok", timestamp: 5n, count: 2, runs: runs([0, 1], [1, 1]) };
    expect(batchResults(result)).toHaveLength(2);
    expect(() => batchResults({ ...result, ...change })).toThrow(WireError);
  });
});
