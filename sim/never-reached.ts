/**
 * What many runs never came to: a point or a kind of fault that no run meets is checked by nobody, whatever the verdict
 * says. Few runs may miss some; enough of them must not.
 */
import { FAULTS, type Fault } from "./counts.ts";
import { POINTS, type Point } from "./reached.ts";
import type { SummaryFigures } from "./summary.ts";

/** So many drawn seeds come to everything there is. */
const ENOUGH_SEEDS = 2_000;
/** Happen where a scenario asks for them, and are not drawn. */
const NOT_DRAWN: readonly Fault[] = ["acquirerDown"];

export interface NeverReached {
  readonly points: readonly Point[];
  readonly faults: readonly Fault[];
  /** There is something, and there were seeds enough: the simulator, or what it draws, is to be mended. */
  readonly isFailure: boolean;
}

/** What a campaign of drawn seeds never came to. */
export function neverReached({
  seeds,
  faults,
  reached,
}: Pick<SummaryFigures, "seeds" | "faults" | "reached">): NeverReached {
  const points = POINTS.filter((point) => reached[point] === 0);
  const missing = FAULTS.filter((fault) => faults[fault] === 0 && !NOT_DRAWN.includes(fault));
  const isFailure = seeds >= ENOUGH_SEEDS && points.length + missing.length > 0;
  return { points, faults: missing, isFailure };
}

/** The same in words; empty when nothing is missing. */
export function neverReachedLines({ points, faults, isFailure }: NeverReached): readonly string[] {
  const told = [...points, ...faults.map((fault) => `fault ${fault}`)];
  if (told.length === 0) return [];
  const why = isFailure ? `; ${ENOUGH_SEEDS} seeds must come to everything` : "";
  return [`never reached: ${told.join(", ")}${why}`];
}
