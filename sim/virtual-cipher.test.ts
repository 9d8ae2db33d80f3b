import { expect, test } from "vitest";
import { concatBytes, toHex, utf8 } from "../node/base/bytes.ts";
import { SEALED_EXTRA_BYTES } from "../node/base/ports/cipher.ts";
import { virtualCipher } from "./virtual-cipher.ts";

const PLACE = utf8("place");

test("a node reads what it has sealed in any of its lives, and nothing that was changed, moved or another's", () => {
  const text = utf8("a block of some length, longer than one hash is");
  const seen = new Set<string>();
  for (const life of [1, 2]) {
    const cipher = virtualCipher(1, life);
    for (let i = 0; i < 3; i++) {
      const sealed = concatBytes(cipher.seal(text, PLACE));
      seen.add(toHex(sealed));
      expect(sealed).toHaveLength(text.length + SEALED_EXTRA_BYTES);
      expect(Buffer.from(sealed).includes("a block")).toBe(false);
      expect(virtualCipher(1, 9).open(sealed, PLACE)).toEqual(text);
      expect(virtualCipher(2, life).open(sealed, PLACE)).toBeUndefined();
      expect(cipher.open(sealed, utf8("other"))).toBeUndefined();
      for (let at = 0; at < sealed.length; at++) {
        const changed = sealed.slice();
        changed[at] = (changed[at] as number) ^ 1;
        expect(cipher.open(changed, PLACE)).toBeUndefined();
      }
    }
  }
  expect(seen.size).toBe(6);
});
