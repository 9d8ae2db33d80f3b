/** Plans of runs that failed: what a seed does not name by itself is kept in files, one each. */
import { accessSync, constants } from "node:fs";
import { dirname, parse } from "node:path";
import type { SeedResult } from "../../sim/run.ts";
import { writePlan } from "./told.ts";

export interface KeptPlansOptions {
  /** Where the first goes; a second goes beside it, with its number. */
  readonly file: string | undefined;
  /** How the run of a seed is named on the command line; undefined where a seed does not name a run. */
  readonly named: ((seed: number) => string) | undefined;
}

export class KeptPlans {
  readonly #options: KeptPlansOptions;
  #failures = 0;

  /** Where plans cannot go is told at once, and not after many runs when one has failed. */
  constructor(options: KeptPlansOptions) {
    this.#options = options;
    if (options.file !== undefined) accessSync(dirname(options.file), constants.W_OK);
  }

  /** Keeps the plan of a run that failed; returns how that is run again. */
  keep(result: SeedResult): string {
    const { file, named } = this.#options;
    this.#failures += 1;
    if (file === undefined) return named?.(result.seed) ?? "--plan FILE (which --write-plan FILE keeps)";
    if (named !== undefined) {
      if (this.#failures === 1) writePlan(file, result);
      return named(result.seed);
    }
    const kept = this.#failures === 1 ? file : numbered(file, this.#failures);
    writePlan(kept, result);
    return `--plan ${kept}`;
  }
}

/** `failed.plan` becomes `failed-2.plan`. */
function numbered(file: string, number: number): string {
  const { dir, name, ext } = parse(file);
  return `${dir === "" ? "" : `${dir}/`}${name}-${number}${ext}`;
}
