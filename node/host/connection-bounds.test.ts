import { describe, expect, test } from "vitest";
import { CONNECTION_BOUNDS } from "../transport/websocket-network.ts";
import { boundsFor, descriptorLimit } from "./connection-bounds.ts";

const LIMITS = [
  "Limit                     Soft Limit           Hard Limit           Units     ",
  "Max processes             63374                63374                processes ",
  "Max open files            1024                 524288               files     ",
  "Max locked memory         8388608              8388608              bytes     ",
];

describe("how many connections a node takes", () => {
  test("is read from the process's limit on open files, the one in force", () => {
    expect(descriptorLimit(LIMITS.join("\n"))).toBe(1_024);
    expect(descriptorLimit(LIMITS.join("\n").replace("1024  ", "unlimited"))).toBeUndefined();
    expect(descriptorLimit("")).toBeUndefined();
  });

  test.each([64, 400, 1_024, 4_096, 16_384, 1_048_576])("of %i descriptors half are left to files", (descriptors) => {
    const { clients, strangers } = boundsFor(descriptors);
    expect(clients + strangers).toBeLessThanOrEqual(descriptors / 2);
    expect(clients + strangers).toBeGreaterThan(Math.min(descriptors / 2, 8_192) - 2);
    expect(clients).toBeLessThanOrEqual(CONNECTION_BOUNDS.clients);
    expect(strangers).toBeGreaterThan(clients / 5);
  });
});
