/**
 * Amounts of transfers, made so that a balance tells which of the transfers on their way it holds: the amounts of
 * transfers that follow each other are different powers of two, with some noise to tell the later rounds apart.
 */
import type { Random } from "../../node/base/ports/random.ts";

const POWERS = 32;
const NOISE_BITS = 10;

/** A source of amounts for one run; all below 2^42, so that all balances of a run are exact numbers. */
export function amounts(random: Random): () => bigint {
  let count = 0;
  return () => {
    count += 1;
    return BigInt(2 ** (NOISE_BITS + (count % POWERS)) + random.below(2 ** NOISE_BITS));
  };
}
