/** Under which configuration each block of a log stands: millions of blocks have few. */
import { type Configuration, sameConfiguration } from "../base/configuration.ts";

interface Run {
  readonly from: number;
  to: number;
  readonly configuration: Configuration;
}

export class ConfigurationHistory {
  /** Ascending. */
  readonly #runs: Run[] = [];

  /** Heights come in ascending order. */
  set(height: number, configuration: Configuration): void {
    const last = this.#runs.at(-1);
    const goesOn = last?.to === height - 1 && sameConfiguration(last.configuration, configuration);
    if (last !== undefined && goesOn) last.to = height;
    else this.#runs.push({ from: height, to: height, configuration });
  }

  get(height: number): Configuration | undefined {
    const run = this.#runs.findLast(({ from }) => from <= height);
    return run !== undefined && height <= run.to ? run.configuration : undefined;
  }
}
