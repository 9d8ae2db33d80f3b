/** Draws from a `Random` in the shapes that faults and workloads need. */
import { u128Of } from "../node/base/bytes.ts";
import type { Random } from "../node/base/ports/random.ts";

/** A uniform integer from `low` to `high`, both included. */
export function between(random: Random, low: number, high: number): number {
  return low + random.below(high - low + 1);
}

/** True `permille` times in a thousand. */
export function chance(random: Random, permille: number): boolean {
  return random.below(1000) < permille;
}

/** An exponentially distributed whole number with this mean: many small ones, now and then a large one. */
export function exponential(random: Random, mean: number): number {
  return Math.round(-mean * Math.log(1 - random.u32() / 0x1_0000_0000));
}

/** How delays are spread about their mean. */
export const DELAYS = ["constant", "uniform", "exponential", "heavyTailed"] as const;
export type Delays = (typeof DELAYS)[number];

/** How often a delay of a heavy tail is doubled at most: without an end there would be no mean. */
const DOUBLINGS_MAX = 6;

/** A whole number from such a distribution with this mean. */
export function delay(random: Random, delays: Delays, mean: number): number {
  switch (delays) {
    case "constant":
      return mean;
    case "uniform":
      return between(random, 0, 2 * mean);
    case "exponential":
      return exponential(random, mean);
    case "heavyTailed": {
      // Each doubling happens half as often as the one before: together they make four times as much, on average.
      const doublings = Math.min(DOUBLINGS_MAX, Math.clz32(random.u32()));
      return between(random, 0, Math.floor(mean / 2)) * 2 ** doublings;
    }
  }
}

/** One of the items, which are at least one. */
export function pick<T>(random: Random, items: readonly T[]): T {
  return items[random.below(items.length)] as T;
}

/** The items in a random order. */
export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}

/** So many bytes of any value. */
export function randomBytes(random: Random, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  random.fill(bytes);
  return bytes;
}

/** An id that nobody has chosen yet, below half of all. */
export function randomId(random: Random): bigint {
  return u128Of(randomBytes(random, 16)) >> 1n;
}

/** The bytes, which are at least one, with a bit turned over. */
export function flipped(random: Random, bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  const at = random.below(copy.length);
  copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
  return copy;
}
