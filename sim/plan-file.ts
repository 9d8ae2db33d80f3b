/**
 * Plans as files: JSON with a version, one fault a line, so that two plans can be compared by eye. Whatever a plan file
 * says is checked before anything runs.
 */
import { CodedError, errorMessage } from "../node/base/errors.ts";
import { WireError } from "../node/wire/msgpack.ts";
import { check, integer, list, object, oneOf, type Schema, text, tuple, u32 } from "../node/wire/schema.ts";
import type { TimedFault } from "./fault/plan.ts";
import { lineOfPath } from "./json-lines.ts";
import { checkFaults, checkOptions, pathIn } from "./plan-check.ts";
import { optionsSchema, stepSchema } from "./plan-schema.ts";
import { PLANTED, type RunPlan } from "./run.ts";

/** The version of the format. A plan is good for one program, whose hash stands in it. */
const PLAN_VERSION = 2;
const FAULTS_MAX = 100_000;
const RANGES_MAX = 100_000;
const TURN_MAX = 0x7fff_ffff;
const WORD_MAX = 100;

const timedFaults: Schema<readonly TimedFault[]> = list(
  object({ atMs: integer(0, 3_600_000), step: stepSchema }),
  FAULTS_MAX,
);
const turn = integer(1, TURN_MAX);

const planSchema = object(
  { quoratePlan: integer(0, TURN_MAX), seed: u32, options: optionsSchema, faults: timedFaults },
  {
    leftOut: list(tuple(turn, turn), RANGES_MAX),
    mutant: oneOf(...PLANTED),
    program: text(WORD_MAX),
    breaks: text(WORD_MAX),
  },
);

/** What a plan file says besides its plan. */
export interface PlanOrigin {
  /** Hash of the program that wrote it. */
  readonly program?: string;
  /** The rule that its run broke. */
  readonly breaks?: string;
}

export interface PlanFile extends PlanOrigin {
  readonly plan: RunPlan;
}

/** The text of a plan file. */
export function encodePlan({ seed, options, faults, leftOut, mutant }: RunPlan, origin: PlanOrigin = {}): string {
  const head = { quoratePlan: PLAN_VERSION, ...origin, seed, ...(mutant === undefined ? {} : { mutant }) };
  const heads = Object.entries(head).map(([name, value]) => `  "${name}": ${JSON.stringify(value)},`);
  const written = (value: unknown): string => JSON.stringify(value, nullForNone);
  return [
    "{",
    ...heads,
    `  "options": ${JSON.stringify(options, nullForNone, 2).replaceAll("\n", "\n  ")},`,
    `  "leftOut": ${written(leftOut)},`,
    faults.length === 0 ? '  "faults": []' : '  "faults": [',
    ...faults.map((fault, index) => `    ${written(fault)}${index < faults.length - 1 ? "," : ""}`),
    ...(faults.length === 0 ? [] : ["  ]"]),
    "}",
    "",
  ].join("\n");
}

/** A plan as one value, for the first line of a trace. */
export function planValue({ seed, options, faults, leftOut, mutant }: RunPlan): object {
  const rest = { seed, options, faults, leftOut, ...(mutant === undefined ? {} : { mutant }) };
  return { quoratePlan: PLAN_VERSION, ...rest };
}

/** The plan in a plan file. Throws as `decodePlanFile` does. */
export function decodePlan(content: string): RunPlan {
  return decodePlanFile(content).plan;
}

/** Reads a plan file. Throws `CodedError` `plan_invalid` that says in which line, where and why. */
export function decodePlanFile(content: string): PlanFile {
  const value = parseJson(content);
  try {
    return planFileOf(value);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    throw invalid(`line ${lineOfPath(content, String(error.facts["path"] ?? ""))}: ${error.message}`);
  }
}

/** A plan out of a value that came as JSON. Throws as `decodePlanFile` does, without a line. */
export function planOf(value: unknown): RunPlan {
  return planFileOf(value).plan;
}

function planFileOf(value: unknown): PlanFile {
  // Before anything else: a later version may have other fields.
  const version = (value as { readonly quoratePlan?: unknown } | null)?.quoratePlan;
  if (version !== undefined && version !== PLAN_VERSION)
    throw invalid(`quoratePlan: this is version ${JSON.stringify(version)}, and version ${PLAN_VERSION} is understood`);
  const { quoratePlan: _version, leftOut = [], program, breaks, ...plan } = shaped(planSchema, value);
  checkOptions(plan.options);
  checkFaults(plan.faults, plan.options, "faults");
  leftOut.forEach(([first, last], index) => {
    if (first > last) throw invalid(`leftOut[${index}]: ends before it begins`);
  });
  const origin = { ...(program === undefined ? {} : { program }), ...(breaks === undefined ? {} : { breaks }) };
  return { plan: { ...plan, leftOut }, ...origin };
}

/** JSON writes what is absent as null, so that whoever reads the file sees that there could be something. */
export function nullForNone(_key: string, value: unknown): unknown {
  return value === undefined ? null : value;
}

function shaped<T>(schema: Schema<T>, value: unknown): T {
  try {
    return check(schema, value, "malformed_body");
  } catch (error) {
    if (error instanceof WireError) throw invalid(error.message);
    throw error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw invalid(`${lineOf(text, errorMessage(error))}no JSON: ${errorMessage(error)}`);
  }
}

/** The line that a parser's "at position N" is in, or the last one of a text that ends too soon. */
function lineOf(text: string, message: string): string {
  const position =
    /position (\d+)/.exec(message)?.[1] ?? (/end of JSON/.test(message) ? text.trimEnd().length : undefined);
  return position === undefined ? "" : `line ${text.slice(0, Number(position)).split("\n").length}: `;
}

function invalid(message: string): CodedError {
  return new CodedError("plan_invalid", message, { path: pathIn(message) });
}
