import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InvariantError } from "../base/assert.ts";
import { BATCH_RECORDS_MAX } from "../base/limits.ts";
import { refusalOf } from "./hostile.contract.ts";
import { pack, WireError } from "./msgpack.ts";
import { batchResults, decodeResult, type EventResult, encodeBatchResult, encodeResult, REFUSALS } from "./results.ts";

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

describe("results of a batch", () => {
  const event = fc.record({
    status: fc.oneof(fc.constant(CREATED), fc.nat(100)),
    /** Undefined for the event's own time; imported and existing records have others. */
    timestamp: fc.option(fc.bigInt({ min: 1n, max: 2n ** 63n }), { nil: undefined, freq: 2 }),
  });

  test("come back, those that were created at their own time at no cost", () => {
    const timestamp = 1_750_000_000_000_000_000n;
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 40 }), (events) => {
        const own = (index: number): bigint => timestamp - BigInt(events.length - 1 - index);
        const results = events.map((each, i): EventResult => ({ ...each, timestamp: each.timestamp ?? own(i) }));
        const encoded = encodeBatchResult(timestamp, results.length, (index) => results[index] as EventResult);
        expect(batchResults(decodeResult(encoded))).toEqual(results);
        const listed = results.filter((result, i) => result.status !== CREATED || result.timestamp !== own(i)).length;
        expect((decodeResult(encoded)["exceptions"] as Uint8Array).length).toBe(16 * listed);
      }),
    );
  });

  test.each<readonly [string, Readonly<Record<string, unknown>>]>([
    ["no events", { count: 0 }],
    ["too many events", { count: BATCH_RECORDS_MAX + 1 }],
    ["an event that is cut", { exceptions: new Uint8Array(17) }],
    ["an event that is not there", { exceptions: new Uint8Array(16).fill(2, 0, 1) }],
    ["no list of events", { exceptions: null }],
    ["no time", { timestamp: "now" }],
    ["more than is known", { more: 1 }],
  ])("%s is refused", (_name, change) => {
    const result = { status: "ok", timestamp: 5n, count: 2, exceptions: new Uint8Array(16), ...change };
    expect(() => batchResults(result)).toThrow(WireError);
  });
});
