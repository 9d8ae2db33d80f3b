/** `quorate sim`: the deterministic simulator. */
import type { CommandModule } from "yargs";
import { group } from "../command.ts";
import { bench } from "./sim-bench.ts";
import { diff } from "./sim-diff.ts";
import { mutants } from "./sim-mutants.ts";
import { page } from "./sim-page.ts";
import { replay } from "./sim-replay.ts";
import { report } from "./sim-report.ts";
import { run } from "./sim-run.ts";
import { shrinkCommand } from "./sim-shrink.ts";
import { view } from "./sim-view.ts";

export const sim: CommandModule = group("sim", "the deterministic simulator", [
  run,
  replay,
  diff,
  shrinkCommand,
  mutants,
  report,
  view,
  page,
  bench,
]);
