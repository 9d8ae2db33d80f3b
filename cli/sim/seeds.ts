/** Seeds on the command line. */
import { CodedError } from "../../node/base/errors.ts";

const SEED_MAX = 2 ** 32 - 1;

/** Seeds from `first` to `last`, both included. */
export interface SeedRange {
  readonly first: number;
  readonly last: number;
}

/** One seed. Throws `CodedError` `usage`. */
export function parseSeed(text: string): number {
  const seed = Number(text);
  if (/^\d+$/.test(text) && seed <= SEED_MAX) return seed;
  throw new CodedError("usage", `"${text}" is not a seed: a whole number up to ${SEED_MAX}`);
}

/** `A..B`, both included, or one seed. Throws `CodedError` `usage`. */
export function parseSeeds(text: string): SeedRange {
  const [from = "", to, ...more] = text.split("..");
  const range = { first: parseSeed(from), last: parseSeed(to ?? from) };
  if (more.length === 0 && range.first <= range.last) return range;
  throw new CodedError("usage", `--seeds: "${text}" is not a range such as 1..200`);
}
