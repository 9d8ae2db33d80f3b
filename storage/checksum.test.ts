import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHex, utf8 } from "../node/base/bytes.ts";
import { crc32c } from "./checksum.ts";

/** The definition, bit by bit. */
function naive(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0x82f6_3b78;
  }
  return ~crc >>> 0;
}

describe("CRC32C", () => {
  test.each([
    ["32 bytes of zeros", new Uint8Array(32), 0x8a91_36aa],
    ["32 bytes of ones", new Uint8Array(32).fill(0xff), 0x62a8_ab43],
    ["32 incrementing bytes", Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd_794e],
    ["32 decrementing bytes", Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113f_db5c],
    [
      "an iSCSI read command",
      fromHex(`01c00000${"00000000".repeat(3)}14000000000004000000001400000018280000000000000002${"00".repeat(7)}`),
      0xd996_3a56,
    ],
    ["the check value of the catalogues", utf8("123456789"), 0xe306_9283],
    ["nothing", new Uint8Array(0), 0],
  ])("RFC 3720 B.4: %s", (_, bytes, expected) => {
    expect(crc32c(bytes as Uint8Array)).toBe(expected);
  });

  test("is the definition at any length and alignment", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 7 }), (bytes, shift) => {
        const shifted = new Uint8Array(bytes.length + shift).subarray(shift);
        shifted.set(bytes);
        expect(crc32c(shifted)).toBe(naive(bytes));
      }),
    );
  });

  test("goes on from the checksum of what came before", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.uint8Array({ maxLength: 100 }), (before, behind) => {
        const whole = Uint8Array.from([...before, ...behind]);
        expect(crc32c(behind, crc32c(before))).toBe(naive(whole));
      }),
    );
  });
});
