import { createDecipheriv, hkdfSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes, toHex, utf8 } from "../base/bytes.ts";
import { SEALED_EXTRA_BYTES } from "../base/ports/cipher.ts";
import { DataCipher } from "./data-cipher.ts";

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);
const PLACE = utf8("raft/state");

function sealed(cipher: DataCipher, text: Uint8Array, associated: Uint8Array = PLACE): Uint8Array {
  return concatBytes(cipher.seal(text, associated));
}

describe("DataCipher", () => {
  test("opens what it has sealed, in another process, too, and adds so many bytes", () => {
    const ours = new DataCipher(KEY);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 40 }), (text, associated) => {
        const bytes = sealed(ours, text, associated);
        expect(bytes).toHaveLength(text.length + SEALED_EXTRA_BYTES);
        for (const cipher of [ours, new DataCipher(KEY)]) expect(cipher.open(bytes, associated)).toEqual(text);
      }),
    );
    const large = new Uint8Array(1_048_576).fill(9);
    expect(new DataCipher(KEY).open(sealed(ours, large), PLACE)).toEqual(large);
  });

  test("is AES-256-GCM under HKDF-SHA-256 of salt and data key: salt 16, counter 12, ciphertext, tag 16", () => {
    const cipher = new DataCipher(KEY, { random: (length) => new Uint8Array(length).fill(0xaa) });
    sealed(cipher, utf8("first"));
    const bytes = sealed(cipher, utf8("second"));
    expect(toHex(bytes.subarray(0, 28))).toBe("aa".repeat(16) + "01".padEnd(24, "0"));
    const key = new Uint8Array(hkdfSync("sha256", KEY, new Uint8Array(16).fill(0xaa), "quorate data", 32));
    const plain = createDecipheriv("aes-256-gcm", key, bytes.subarray(16, 28)).setAAD(PLACE);
    plain.setAuthTag(bytes.subarray(-16));
    expect(Buffer.concat([plain.update(bytes.subarray(28, -16)), plain.final()]).toString()).toBe("second");
  });

  test("finds every flipped bit, in salt, counter, text and tag, and any cut", () => {
    const cipher = new DataCipher(KEY);
    const bytes = sealed(cipher, utf8("term 7, vote 2"));
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const copy = bytes.slice();
      copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(cipher.open(copy, PLACE)).toBeUndefined();
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(cipher.open(bytes.subarray(0, length), PLACE)).toBeUndefined();
    }
    expect(cipher.open(bytes, PLACE)).toEqual(utf8("term 7, vote 2"));
  });

  test("opens nothing with another key or for another place, and keys have other ids", () => {
    const cipher = new DataCipher(KEY);
    const other = new DataCipher(KEY.toReversed());
    const bytes = sealed(cipher, utf8("text"));
    expect(other.open(bytes, PLACE)).toBeUndefined();
    expect(cipher.open(bytes, utf8("raft/stat"))).toBeUndefined();
    expect(cipher.keyId).toEqual(new DataCipher(KEY).keyId);
    expect(cipher.keyId).not.toEqual(other.keyId);
    expect(cipher.keyId).toHaveLength(8);
  });

  test("never takes salt and counter twice: each process has its own salt, and a new one after so many texts", () => {
    let salts = 0;
    const random = (length: number): Uint8Array => new Uint8Array(length).fill(++salts);
    const seen = new Set<string>();
    for (let life = 0; life < 5; life++) {
      const cipher = new DataCipher(KEY, { random, sealsPerKey: 10 });
      for (let i = 0; i < 25; i++) {
        const bytes = sealed(cipher, utf8("same"));
        seen.add(toHex(bytes.subarray(0, 28)));
        expect(cipher.open(bytes, PLACE)).toEqual(utf8("same"));
      }
    }
    expect(seen.size).toBe(125);
    expect(salts).toBe(15);
  });

  test("reads texts of more lives than it keeps keys of", () => {
    const texts = Array.from({ length: 300 }, (_, i) => sealed(new DataCipher(KEY), utf8(`life ${i}`)));
    const reader = new DataCipher(KEY);
    for (let round = 0; round < 2; round++) {
      for (const [i, bytes] of texts.entries()) expect(reader.open(bytes, PLACE)).toEqual(utf8(`life ${i}`));
    }
  });
});
