/** What a plan may not ask for although its shape is right: nodes that there are none of, faults that can never happen. */
import { CodedError } from "../node/base/errors.ts";
import { AUTHORITY_KEYS_MAX } from "../node/base/limits.ts";
import type { FaultStep, TimedFault } from "./fault/plan.ts";
import type { SimOptions } from "./options.ts";
import { RUN_MS_MAX } from "./plan-schema.ts";

const TRUE_PERMILLE = 1_000;
/** The bank has three keys that are nobody's of its tellers and readers. */
const BANK_CLIENTS_MAX = AUTHORITY_KEYS_MAX - 3;

/** Throws `CodedError` `plan_invalid` for options that contradict each other. */
export function checkOptions(options: SimOptions): void {
  const { nodes, spares, clockRates, timing, disk, faults, meddler, workload } = options;
  const all = nodes + spares;
  for (const name of ["clockRates", "wallOffsetsMs", "wallDrifts"] as const)
    if (options[name].length !== all) refuse(`options.${name}`, `must be ${all}, one a node`);
  if (2 * timing.heartbeatTicks > timing.electionTimeoutTicks)
    refuse("options.timing", "an election timeout must outlast two heartbeats");
  const drift = timing.leaseDriftPermille;
  if (drift !== undefined && clockRates.some((rate) => Math.abs(rate - TRUE_PERMILLE) > drift))
    refuse("options.clockRates", "a clock is off by more than leaders with leases are told (leaseDriftPermille)");
  const isDrifting = (index: number): boolean => drift !== undefined || options.wallDrifts[index] === true;
  const fastest = Math.max(TRUE_PERMILLE, ...clockRates.filter((_, index) => isDrifting(index)));
  if (options.durationMs * fastest > RUN_MS_MAX * TRUE_PERMILLE)
    refuse("options.durationMs", "a wall clock is so fast that what clients sign at first expires before the end");
  if (Object.values(disk.unsynced).every((weight) => weight === 0))
    refuse("options.disk.unsynced", "something becomes of writes that are not synced");
  if (faults.weights.damageLog > 0 && Object.values(faults.damages).every((weight) => weight === 0))
    refuse("options.faults.damages", "damaged logs need a way to be damaged");
  if (meddler !== undefined && Object.values(meddler.mix).every((weight) => weight === 0))
    refuse("options.meddler.mix", "a meddler needs something to do");
  if (workload.tellers + workload.readers > BANK_CLIENTS_MAX)
    refuse(
      "options.workload.tellers",
      `tellers and readers are ${BANK_CLIENTS_MAX} at most: each has a key of the bank`,
    );
  if (workload.cards && !workload.payments) refuse("options.workload.cards", "cards need payments");
  if (Object.values(workload.mix).every((weight) => weight === 0))
    refuse("options.workload.mix", "tellers need something to do");
  if (workload.intruder !== undefined && Object.values(workload.intruder.mix).every((weight) => weight === 0))
    refuse("options.workload.intruder.mix", "an intruder needs something to try");
}

/** Throws `CodedError` `plan_invalid` for a fault that cannot happen in a run with these options; `path` names the list. */
export function checkFaults(faults: readonly TimedFault[], options: SimOptions, path: string): void {
  let before = 0;
  faults.forEach(({ atMs, step }, index) => {
    const at = `${path}[${index}]`;
    if (atMs < before) refuse(`${at}.atMs`, `must not be before the fault above it, at ${before}`);
    before = atMs;
    checkFault({ atMs, step }, options, at);
  });
}

/** The same for one fault; `path` names it. */
export function checkFault({ atMs, step }: TimedFault, options: SimOptions, path: string): void {
  if (atMs >= options.durationMs)
    refuse(`${path}.atMs`, `must be within the time with faults, below ${options.durationMs} ms`);
  checkStep(step, options, path);
}

/** The path that a message about a value begins with. */
export function pathIn(message: string): string {
  return /^([\w.[\]]+)(?:: | must )/.exec(message)?.[1] ?? "";
}

function checkStep(step: FaultStep, { nodes, spares, zones, timing, oldRelease }: SimOptions, path: string): void {
  const named = nodesOf(step);
  const missing = named.find((node) => node > nodes + spares);
  if (missing !== undefined) refuse(path, `there is no node ${missing} in a cluster of ${nodes + spares}`);
  if (new Set(named).size < named.length) refuse(path, "a node stands on one side only");
  if ("groups" in step && step.groups.length < 2) refuse(`${path}.groups`, "there must be two sides or more");
  if ("groups" in step && step.groups.some((group) => group.length === 0))
    refuse(`${path}.groups`, "no side may be empty");
  if (step.kind === "zoneLoss" && step.zone > zones) refuse(`${path}.zone`, `there are ${zones} zones (options.zones)`);
  if (step.kind === "upgrade" && (oldRelease === undefined || named.some((node) => node > nodes)))
    refuse(path, "only members of the beginning can be upgraded, and only with options.oldRelease");
  if (step.kind === "slowTimers" && timing.leaseDriftPermille !== undefined)
    refuse(path, "leaders with leases rely on clocks that are not slowed (options.timing.leaseDriftPermille)");
}

function nodesOf(step: FaultStep): readonly number[] {
  if (step.kind === "bridge") return [step.bridge, ...step.groups.flat()];
  if ("groups" in step) return step.groups.flat();
  if (step.kind === "clog") return [step.from, step.to];
  return "target" in step && step.target !== "leader" ? [step.target] : [];
}

function refuse(path: string, why: string): never {
  throw new CodedError("plan_invalid", `${path}: ${why}`, { path });
}
