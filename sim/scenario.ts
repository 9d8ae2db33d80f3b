/**
 * Scenarios: a cluster, what its clients do, a timeline of faults and what is expected, all said by a person instead of
 * drawn. The seed still draws everything else: who asks what when, how long each frame and each write takes.
 *
 * A scenario is a value that came out of YAML, JSON or a module. It says only what is not calm: everything it leaves out is
 * as in `CALM`.
 */
import { CodedError } from "../node/base/errors.ts";
import { WireError } from "../node/wire/msgpack.ts";
import { check, integer, list, type Of, object, type Schema, text } from "../node/wire/schema.ts";
import { CALM, trueClocks } from "./calm-options.ts";
import { FAULTS, type Fault } from "./counts.ts";
import type { FaultStep, TimedFault } from "./fault/plan.ts";
import type { SimOptions } from "./options.ts";
import { checkFault, checkOptions, pathIn } from "./plan-check.ts";
import { optionsSchema, stepSchema } from "./plan-schema.ts";
import { POINTS, type Point } from "./reached.ts";
import type { RunPlan, SeedResult } from "./run.ts";

const SEEDS_MAX = 1_000_000;
const STEPS_MAX = 10_000;
const MS_MAX = 3_600_000;
/** More clocks than this make no sense, whatever is asked for. */
const CLOCKS_MAX = 18;

/** Bounds of a number, each of them included. */
export interface Range {
  readonly min?: number;
  readonly max?: number;
}

/** What must come of each run. */
export interface Expectations {
  readonly transactions?: Range;
  readonly elections?: Range;
  /** Virtual time from the end of the faults to rest. */
  readonly restMs?: Range;
  /** Blocks that nothing could have kept. */
  readonly lostBlocks?: Range;
  readonly faults?: { readonly [Name in Fault]?: Range };
  readonly reached?: { readonly [Name in Point]?: Range };
}

const bound = integer(0, Number.MAX_SAFE_INTEGER);
const range: Schema<Range> = object({}, { min: bound, max: bound });

/** Bounds by the names of counters. */
function rangesOf<const Name extends string>(names: readonly Name[]): Schema<{ readonly [N in Name]?: Range }> {
  return object({}, Object.fromEntries(names.map((name) => [name, range])) as Record<Name, Schema<Range>>);
}

const expectSchema: Schema<Expectations> = object(
  {},
  {
    transactions: range,
    elections: range,
    restMs: range,
    lostBlocks: range,
    faults: rangesOf(FAULTS),
    reached: rangesOf(POINTS),
  },
);

/** Where a step stands in time: `everyMs` and `times` do it again and again. */
const once = object({ atMs: integer(0, MS_MAX) });
const repeated = object({ atMs: integer(0, MS_MAX), everyMs: integer(1, MS_MAX), times: integer(1, STEPS_MAX) });
const TIMING: ReadonlySet<string> = new Set(["atMs", "everyMs", "times"]);

/** The faults of one line of the timeline. */
const lineSchema: Schema<readonly TimedFault[]> = (value, path) => {
  const fields = isMap(value) ? Object.entries(value) : [];
  const [when, what] = [true, false].map((isTiming) => fields.filter(([name]) => TIMING.has(name) === isTiming));
  const { atMs, everyMs, times } = timingOf(isMap(value) ? Object.fromEntries(when ?? []) : value, path);
  const step = stepSchema(Object.fromEntries(what ?? []), path);
  return Array.from({ length: times }, (_, time) => ({ atMs: atMs + time * everyMs, step }));
};

/** Of `everyMs` and `times`, one without the other would do nothing, or do it all at once. */
function timingOf(value: unknown, path: string): Of<typeof repeated> {
  if (isMap(value) && ("everyMs" in value || "times" in value)) return repeated(value, path);
  return { ...once(value, path), everyMs: 0, times: 1 };
}

const anything: Schema<unknown> = (value) => value;
const scenarioSchema = object(
  { name: text(200), about: text(10_000), timeline: list(lineSchema, STEPS_MAX) },
  { seeds: integer(1, SEEDS_MAX), options: anything, expect: expectSchema },
);

/** Any part of something. */
type PartOf<T> = T extends readonly unknown[] ? T : T extends object ? { readonly [K in keyof T]?: PartOf<T[K]> } : T;

/** A line of the timeline: a fault and when it comes. */
export type TimelineLine = FaultStep & { readonly atMs: number; readonly everyMs?: number; readonly times?: number };

/** A scenario as it is written. */
export interface ScenarioInput {
  readonly name: string;
  readonly about: string;
  readonly seeds?: number;
  /** What is not as in `CALM`. */
  readonly options?: PartOf<SimOptions>;
  readonly timeline: readonly TimelineLine[];
  readonly expect?: Expectations;
}

/** A scenario that can be run. */
export interface Scenario {
  readonly name: string;
  readonly about: string;
  /** Seeds from 1 on that it is run with, if nobody says which. */
  readonly seeds: number;
  readonly options: SimOptions;
  readonly faults: readonly TimedFault[];
  readonly expect: Expectations;
}

/** Reads a scenario. Throws `CodedError` `scenario_invalid` whose `path` says where it is wrong. */
export function scenarioOf(value: unknown): Scenario {
  try {
    const {
      timeline,
      options: changed = {},
      seeds = 3,
      expect = {},
      ...named
    } = check(scenarioSchema, value, "malformed_body");
    const options = optionsOf(changed);
    checkExpectations(expect);
    timeline.forEach((steps, index) => {
      for (const step of steps) checkFault(step, options, `timeline[${index}]`);
    });
    const faults = timeline.flat();
    faults.sort((a, b) => a.atMs - b.atMs);
    return { ...named, seeds, options, faults, expect };
  } catch (error) {
    if (error instanceof WireError || (error instanceof CodedError && error.code === "plan_invalid"))
      throw new CodedError("scenario_invalid", error.message, { path: pathIn(error.message) });
    throw error;
  }
}

/** Throws `CodedError` `plan_invalid` for bounds between which no number lies. */
function checkExpectations({ faults = {}, reached = {}, ...own }: Expectations): void {
  const groups: Readonly<Record<string, Readonly<Record<string, Range>>>> = {
    expect: own,
    "expect.faults": faults,
    "expect.reached": reached,
  };
  for (const [path, bounds] of Object.entries(groups))
    for (const [name, { min = 0, max = Number.POSITIVE_INFINITY }] of Object.entries(bounds))
      if (min > max) throw new CodedError("plan_invalid", `${path}.${name}: min is above max`);
}

/** The plan of one of a scenario's runs. */
export function scenarioPlan({ options, faults }: Scenario, seed: number): RunPlan {
  return { seed, options, faults, leftOut: [] };
}

/** What a run of a scenario has not done as was expected, in words. */
export function unmet({ options, expect }: Scenario, result: SeedResult): readonly string[] {
  const { transactions, elections, simulatedMs, begunMs } = result;
  const { faults = {}, reached = {}, ...own } = expect;
  const lost = result.unavoidableLoss?.heights ?? [];
  const lostBlocks = lost.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  const figures = { transactions, elections, restMs: simulatedMs - begunMs - options.durationMs, lostBlocks };
  return [
    ...misses(Object.entries(own), figures),
    ...misses(Object.entries(faults), result.faults),
    ...misses(Object.entries(reached), result.reached),
  ];
}

/** Figures that are out of their bounds; one that was never counted is 0. */
function misses(
  bounds: readonly (readonly [string, Range])[],
  figures: Readonly<Record<string, number>>,
): readonly string[] {
  return bounds.flatMap(([name, { min = 0, max = Number.POSITIVE_INFINITY }]) => {
    const figure = figures[name] ?? 0;
    if (figure >= min && figure <= max) return [];
    return [
      `${name}: ${figure}, and ${max < Number.POSITIVE_INFINITY ? `${min} to ${max}` : `at least ${min}`} expected`,
    ];
  });
}

/** The calm options with these changes; a cluster of another size has as many true clocks. */
function optionsOf(changed: unknown): SimOptions {
  const merged = merge(CALM, changed);
  const own = merged as Readonly<Record<string, unknown>>;
  const all = Number(own["nodes"]) + Number(own["spares"]);
  const isUnsaid = (name: string): boolean => own[name] === (CALM as unknown as typeof own)[name];
  const clocks = all <= CLOCKS_MAX ? Object.entries(trueClocks(all)).filter(([name]) => isUnsaid(name)) : [];
  const options = check(
    object({ options: optionsSchema }),
    { options: merge(merged, Object.fromEntries(clocks)) },
    "malformed_body",
  ).options;
  checkOptions(options);
  return options;
}

/** Changes on top of something, map by map. */
function merge(base: unknown, changed: unknown): unknown {
  if (!isMap(base) || !isMap(changed)) return changed;
  const names = [...new Set([...Object.keys(base), ...Object.keys(changed)])];
  return Object.fromEntries(
    names.map((name) => [name, name in changed ? merge(base[name], changed[name]) : base[name]]),
  );
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
