/** In a run that may give up the last copy: most nodes, or all, lose what they have within a moment of each other. */
import type { Random } from "../../node/base/ports/random.ts";
import { between, chance, exponential, pick, shuffled } from "../draw.ts";
import { LOG_DAMAGES } from "./disk-damage.ts";
import type { FaultStep, PlanOptions, TimedFault } from "./plan.ts";

const DESTROYERS = [...LOG_DAMAGES, "loseDisk"] as const;
/** From the first to the others, in the mean. */
const APART_MS = 50;
/** How often what happens to one happens to another, too: a batch of disks that are all bad in the same way. */
const ALIKE_PERMILLE = 600;

export function drawDestruction(
  random: Random,
  { nodes, durationMs, faults }: Pick<PlanOptions, "nodes" | "durationMs" | "faults">,
): readonly TimedFault[] {
  const fromMs = between(random, Math.floor(durationMs / 4), durationMs - 1);
  const ids = Array.from({ length: nodes }, (_, index) => index + 1);
  const struck = between(random, Math.floor(nodes / 2) + 1, nodes);
  const alike = pick(random, DESTROYERS);
  return shuffled(random, ids)
    .slice(0, struck)
    .map((target) => {
      const how = chance(random, ALIKE_PERMILLE) ? alike : pick(random, DESTROYERS);
      const restartAfterMs = 1 + exponential(random, faults.restartAfterMs);
      const step: FaultStep =
        how === "loseDisk" ? { kind: "loseDisk", target } : { kind: "damageLog", target, how, restartAfterMs };
      return { atMs: fromMs + exponential(random, APART_MS), step };
    });
}
