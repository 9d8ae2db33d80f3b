/** `quorate sim bench`: how fast the simulator is. */
import { performance } from "node:perf_hooks";
import type { CommandModule } from "yargs";
import { CodedError } from "../../node/base/errors.ts";
import { bulkPlan, PACES, pacePlan } from "../../sim/bench.ts";
import { type RunPlan, runPlan, type SeedResult } from "../../sim/run.ts";
import { median } from "../../sim/statistics.ts";
import { command } from "../command.ts";
import { whole } from "../numbers.ts";
import type { Output } from "../output.ts";
import { failureText } from "../sim/told.ts";
import { softwareVersion } from "../software.ts";

const MS_PER_SECOND = 1_000;
const US_PER_SECOND = 1_000_000;
const ROUNDS_MAX = 100;
/** Runs before those that count: what runs for the first times is still being compiled, and in a campaign it is soon not. */
const WARM_UP_RUNS = 40;
const WARM_UP_RUNS_MAX = 1_000;

interface Timed {
  readonly result: SeedResult;
  readonly seconds: number;
  /** Of the processor: what others do on the machine is left out, and the collector's threads count, too. */
  readonly cpuSeconds: number;
}

/** Throws `CodedError` `sim_failed` where a rule was broken: a run that fails has no speed. */
function timed(plan: RunPlan): Timed {
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  const result = runPlan(plan);
  const seconds = (performance.now() - startedAt) / MS_PER_SECOND;
  const { user, system } = process.cpuUsage(cpuBefore);
  if (result.failed !== undefined) throw new CodedError("sim_failed", failureText(result));
  return { result, seconds, cpuSeconds: (user + system) / US_PER_SECOND };
}

function rates(
  runs: readonly Timed[],
  of: (result: SeedResult) => number,
  by: "seconds" | "cpuSeconds" = "seconds",
): number {
  return Math.round(median(runs.map((run) => of(run.result) / run[by])) ?? 0);
}

function warmUp(runs: number, output: Output): void {
  for (let seed = 1; seed <= runs; seed++) {
    output.progress(`warm-up: run ${seed} of ${runs}`);
    timed(pacePlan(seed, PACES[0]));
  }
}

function measure(name: string, planOf: (seed: number) => RunPlan, rounds: number, output: Output): readonly Timed[] {
  return Array.from({ length: rounds }, (_, index) => {
    output.progress(`${name}: run ${index + 1} of ${rounds}`);
    return timed(planOf(index + 1));
  });
}

/** Faults of a run, those that there were, in words. */
function describe({ options, faults }: RunPlan): string {
  const { nodes, timing, workload } = options;
  const perSecond = (workload.tellers * 1_000_000) / workload.thinkUs;
  const kinds = [...new Set(faults.map(({ step }) => step.kind))].sort().join(", ");
  const requests = perSecond === 1 ? "a request" : `${perSecond} requests`;
  return `${nodes} nodes, ticks of ${timing.tickMs} ms, ${requests} a second, faults: ${kinds || "none"}`;
}

export const bench: CommandModule = command({
  command: "bench",
  describe: "how much virtual time, and how many transfers, the simulator runs in a second, on one core",
  builder: (yargs) =>
    yargs
      .option("rounds", {
        ...{ type: "number", default: 5, describe: "runs of each, of which the middle one is told" },
        coerce: whole("rounds", 1, ROUNDS_MAX),
      })
      .option("warm-up", {
        ...{ type: "number", default: WARM_UP_RUNS, describe: "runs before those that count" },
        coerce: whole("warm-up", 0, WARM_UP_RUNS_MAX),
      })
      .example("$0 sim bench --json", "with the nodes, requests and faults that it was measured with"),
  handler: ({ rounds, warmUp: warmUpRuns }, output) => {
    warmUp(warmUpRuns, output);
    const paces = PACES.map((perSecond) => {
      const plan = (seed: number): RunPlan => pacePlan(seed, perSecond);
      const runs = measure("pace", plan, rounds, output);
      return {
        requestsPerSecond: perSecond,
        simulatedSecondsPerSecond: rates(runs, ({ simulatedMs }) => simulatedMs / MS_PER_SECOND),
        simulatedSecondsPerCpuSecond: rates(runs, ({ simulatedMs }) => simulatedMs / MS_PER_SECOND, "cpuSeconds"),
        eventsPerSecond: rates(runs, ({ events }) => events),
        of: describe(plan(1)),
      };
    });
    timed(bulkPlan(1));
    const bulk = measure("bulk", bulkPlan, rounds, output);
    const transfersPerSecond = rates(bulk, ({ transfers }) => transfers);
    output.result(
      { paces, transfersPerSecond, rounds, warmUpRuns, bulk: describe(bulkPlan(1)), version: softwareVersion() },
      [
        ...paces.map(({ simulatedSecondsPerSecond, simulatedSecondsPerCpuSecond, eventsPerSecond, of }) => {
          const each = `${simulatedSecondsPerCpuSecond} for one of processor time, ${eventsPerSecond} events`;
          return `${simulatedSecondsPerSecond} simulated seconds a second, ${each} (${of})`;
        }),
        `${transfersPerSecond} committed transfers a second (batches of up to 8,190, ${describe(bulkPlan(1))})`,
      ].join("\n"),
    );
  },
});
