/** Seeds on the command line. */
import { CodedError } from "../../node/base/errors.ts";
import { parseSeed } from "../../sim/asked.ts";

/** Seeds from `first` to `last`, both included. */
export interface SeedRange {
  readonly first: number;
  readonly last: number;
}

/** `A..B`, both included, or one seed. Throws `CodedError` `usage`. */
export function parseSeeds(text: string): SeedRange {
  const [from = "", to, ...more] = text.split("..");
  const range = { first: parseSeed(from), last: parseSeed(to ?? from) };
  if (more.length === 0 && range.first <= range.last) return range;
  throw new CodedError("usage", `--seeds: "${text}" is not a range such as 1..200`);
}
