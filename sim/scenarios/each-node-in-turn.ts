/** A scenario that is computed: every second another node stops for half a second. */
import type { ScenarioInput } from "../scenario.ts";

export const scenario: ScenarioInput = {
  name: "each node in turn",
  about: "Every second another node stops for half a second.",
  options: { workload: { tellers: 2 } },
  timeline: [1, 2, 3].map((node) => ({ atMs: 1_000 * node, kind: "pause", target: node, forMs: 500 })),
};
