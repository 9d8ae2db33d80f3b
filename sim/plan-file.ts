/**
 * Plans as files: JSON with a version, one fault a line, so that two plans can be compared by eye. Whatever a plan file
 * says is checked before anything runs.
 */
import { CodedError, errorMessage } from "../node/base/errors.ts";
import { WireError } from "../node/wire/msgpack.ts";
import { check, integer, list, object, oneOf, type Schema, tuple, u32 } from "../node/wire/schema.ts";
import type { TimedFault } from "./fault/plan.ts";
import { lineOfPath } from "./json-lines.ts";
import { checkFaults, checkOptions, pathIn } from "./plan-check.ts";
import { optionsSchema, stepSchema } from "./plan-schema.ts";
import { PLANTED, type RunPlan } from "./run.ts";

/** The version of the format, and of what a seed draws: a plan is good for one version of the simulator. */
const PLAN_VERSION = 1;
const FAULTS_MAX = 100_000;
const RANGES_MAX = 100_000;
const TURN_MAX = 0x7fff_ffff;

const timedFaults: Schema<readonly TimedFault[]> = list(
  object({ atMs: integer(0, 3_600_000), step: stepSchema }),
  FAULTS_MAX,
);
const turn = integer(1, TURN_MAX);

const planSchema = object(
  { quoratePlan: integer(0, TURN_MAX), seed: u32, options: optionsSchema, faults: timedFaults },
  { leftOut: list(tuple(turn, turn), RANGES_MAX), mutant: oneOf(...PLANTED) },
);

/** The text of a plan file. */
export function encodePlan({ seed, options, faults, leftOut, mutant }: RunPlan): string {
  const head = { quoratePlan: PLAN_VERSION, seed, ...(mutant === undefined ? {} : { mutant }) };
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

/** Reads a plan file. Throws `CodedError` `plan_invalid` that says in which line, where and why. */
export function decodePlan(text: string): RunPlan {
  const value = parseJson(text);
  try {
    return planOf(value);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    throw invalid(`line ${lineOfPath(text, String(error.facts["path"] ?? ""))}: ${error.message}`);
  }
}

/** A plan out of a value that came as JSON. Throws as `decodePlan` does, without a line. */
export function planOf(value: unknown): RunPlan {
  const { quoratePlan, leftOut = [], ...plan } = shaped(planSchema, value);
  if (quoratePlan !== PLAN_VERSION)
    throw invalid(`quoratePlan: this is version ${quoratePlan}, and version ${PLAN_VERSION} is understood`);
  checkOptions(plan.options);
  checkFaults(plan.faults, plan.options, "faults");
  leftOut.forEach(([first, last], index) => {
    if (first > last) throw invalid(`leftOut[${index}]: ends before it begins`);
  });
  return { ...plan, leftOut };
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

/** The line that a parser's "at position N" is in. */
function lineOf(text: string, message: string): string {
  const position = /position (\d+)/.exec(message)?.[1];
  return position === undefined ? "" : `line ${text.slice(0, Number(position)).split("\n").length}: `;
}

function invalid(message: string): CodedError {
  return new CodedError("plan_invalid", message, { path: pathIn(message) });
}
