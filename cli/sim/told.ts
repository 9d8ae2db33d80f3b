/** What the commands of the simulator print of a run, and the files that they write and read. */
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { decodePlanFile, encodePlan, type PlanFile } from "../../sim/plan-file.ts";
import type { RunPlan, SeedResult } from "../../sim/run.ts";
import type { SummaryFigures } from "../../sim/summary.ts";
import { traceHead, traceLine } from "../../sim/trace-file.ts";
import type { TraceRecord } from "../../sim/trace-recorder.ts";
import { toJson } from "../output.ts";
import { naming } from "./naming.ts";
import { programHash } from "./program.ts";

const BUFFERED_LINES = 4_096;

/** A run that has broken a rule, and how to see it again: `again` names it on the command line. */
export function failureText({ seed, failed, plan }: SeedResult, again: string = `--seed ${seed}`): string {
  return [
    `seed ${seed} failed: ${failed?.checker}: ${failed?.message}`,
    `  at ${failed?.atMs} ms, event ${failed?.step}; options ${toJson(plan.options)}`,
    `  again: npx quorate sim replay ${again} --trace`,
    `  smaller: npx quorate sim shrink ${again}`,
  ].join("\n");
}

/** What nothing could have kept in many runs. */
export function unavoidableLines({
  unavoidableLoss: lost,
  unavoidableHalt: halted,
}: Pick<SummaryFigures, "unavoidableLoss" | "unavoidableHalt">): readonly string[] {
  if (lost.length + halted.length === 0) return [];
  return [`${lost.length} lost what nothing could have kept, ${halted.length} lost a quorum only; all of them said so`];
}

/** What happened, and how often. */
export function countsText(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .filter(([, times]) => times > 0)
    .map(([name, times]) => `${name} ${times}`)
    .join(", ");
}

export function readPlanFile(file: string): PlanFile {
  const text = readFileSync(file, "utf8");
  return naming(file, () => decodePlanFile(text));
}

/** Writes the plan of a run, with the program that it ran in and the rule that it broke. */
export function writePlan(file: string, { plan, failed }: Pick<SeedResult, "plan" | "failed">): void {
  const breaks = failed === undefined ? {} : { breaks: failed.checker };
  writeFileSync(file, encodePlan(plan, { program: programHash(), ...breaks }));
}

/** Where a plan's run need not be the one that it was written of, why. */
export function strangeness({ program, breaks }: Omit<PlanFile, "plan">, { failed }: SeedResult): readonly string[] {
  const other = program !== undefined && program !== programHash();
  const held = breaks !== undefined && failed?.checker !== breaks;
  return [
    ...(held ? [`it broke ${breaks} when it was written`] : []),
    ...(other ? ["it was written by another program: what that did otherwise may make this another run"] : []),
  ];
}

/** A trace on its way into a file. Its head, the plan, is known when the run is over, and is put before it then. */
export class TraceWriter {
  readonly #file: string;
  readonly #lines: string[] = [];

  constructor(file: string) {
    this.#file = file;
  }

  readonly record = (record: TraceRecord): void => {
    this.#lines.push(traceLine(record));
  };

  finish(plan: RunPlan): void {
    writeLines(this.#file, [traceHead(plan), ...this.#lines]);
  }
}

/** A file of these lines, written some thousands at a time. */
export function writeLines(path: string, lines: readonly string[]): void {
  const file = openSync(path, "w");
  try {
    for (let at = 0; at < lines.length; at += BUFFERED_LINES)
      writeSync(file, `${lines.slice(at, at + BUFFERED_LINES).join("\n")}\n`);
  } finally {
    closeSync(file);
  }
}
