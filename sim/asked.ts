/** Runs as people ask for them: seeds and planted bugs, as texts. */
import { CodedError } from "../node/base/errors.ts";
import { PLANTED, type Planted } from "./run.ts";

/** What it means that a run may give up the last copy. */
export const GIVE_UP_LAST_COPY = "let faults destroy the last copy of something, and have some that do";

const SEED_MAX = 2 ** 32 - 1;

/** One seed. Throws `CodedError` `usage`. */
export function parseSeed(text: string): number {
  const seed = Number(text);
  if (/^\d+$/.test(text) && seed <= SEED_MAX) return seed;
  throw new CodedError("usage", `"${text}" is not a seed: a whole number up to ${SEED_MAX}`);
}

/** The planted bug of this name. Throws `CodedError` `usage`. */
export function parseMutant(name: string): Planted {
  const mutant = PLANTED.find((planted) => planted === name);
  if (mutant !== undefined) return mutant;
  throw new CodedError("usage", `no bug "${name}" is planted; there are ${PLANTED.join(", ")}`);
}
