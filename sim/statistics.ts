/** The little statistics of campaigns. */

const CONFIDENCE_LEFT = 0.05;

/**
 * The share of seeds that may fail, at most and with 95 % confidence, when so many seeds were drawn and none has failed:
 * at a greater share, so many clean seeds would come by chance less than once in twenty times. About 3 / n, the rule of
 * three.
 */
export function failureRateBound(cleanSeeds: number): number {
  return cleanSeeds === 0 ? 1 : 1 - CONFIDENCE_LEFT ** (1 / cleanSeeds);
}

/** The middle one of some numbers by size, the lower one of two; undefined when there are none. */
export function median(numbers: readonly number[]): number | undefined {
  return numbers.toSorted((a, b) => a - b)[Math.floor((numbers.length - 1) / 2)];
}
