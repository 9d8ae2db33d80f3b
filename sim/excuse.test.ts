import { describe, expect, test } from "vitest";
import { excuseOf } from "./excuse.ts";

const NOTHING = { diskFailed: false, storeFailed: false, readFailed: false };
const ALL = { diskFailed: true, storeFailed: true, readFailed: true };

describe("a node that stops itself", () => {
  test.each([
    ["wal_write_failed", "diskFailed"],
    ["disk_io", "diskFailed"],
    ["store_failed", "storeFailed"],
    ["wal_read_failed", "readFailed"],
  ] as const)("with %s is excused by its own fault alone", (code, fault) => {
    expect(excuseOf(code, { ...NOTHING, [fault]: true })).toBe(fault);
    expect(excuseOf(code, { ...ALL, [fault]: false })).toBeUndefined();
  });

  test("for any other reason is excused by none", () => {
    expect(excuseOf("internal", ALL)).toBeUndefined();
  });
});
