/** Bugs about who has signed. */
import type { Crypto } from "../../node/base/ports/crypto.ts";

/** Whatever a signature is, it is good. */
export function trustingAll(crypto: Crypto): Crypto {
  return { ...crypto, verify: (jobs, done) => crypto.verify(jobs, (valid) => done(valid.map(() => true))) };
}

/** Of several signatures that are checked together, one that is good vouches for all. */
export function trustingOneForAll(crypto: Crypto): Crypto {
  return {
    ...crypto,
    verify: (jobs, done) => crypto.verify(jobs, (valid) => done(valid.map(() => valid.includes(true)))),
  };
}
