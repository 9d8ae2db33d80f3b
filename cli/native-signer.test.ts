import fc from "fast-check";
import { expect, test } from "vitest";
import { keyFromSeed, verifySignature } from "../node/client/index.ts";
import { nativeSigner } from "./native-signer.ts";

test("OpenSSL and the client library make the same signatures (RFC 8032 is deterministic)", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.uint8Array({ maxLength: 64 }), (seed, message) => {
      const key = keyFromSeed(seed);
      const signature = nativeSigner(key).sign(message);
      expect(signature).toEqual(key.sign(message));
      expect(verifySignature(key.publicKey, message, signature)).toBe(true);
    }),
    { numRuns: 20 },
  );
});
