/** `quorate sim`: the deterministic simulator. */
import type { CommandModule } from "yargs";
import { group } from "../command.ts";
import { diff } from "./sim-diff.ts";
import { replay } from "./sim-replay.ts";
import { run } from "./sim-run.ts";

export const sim: CommandModule = group("sim", "the deterministic simulator", [run, replay, diff]);
