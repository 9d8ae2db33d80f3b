/**
 * While a leader's disk hangs the others go on, also where the one that is to lead in its place has died just before it is
 * told. The rules ask whether anything goes on when faults are over; here it is asked meanwhile.
 */
import { expect, test } from "vitest";
import { CALM, trueClocks } from "./calm-options.ts";
import type { TimedFault } from "./fault/plan.ts";
import type { SimOptions } from "./options.ts";
import { runPlan } from "./run.ts";
import type { TraceRecord } from "./trace-recorder.ts";

const HANGS_AT_MS = 2_000;
const HANGS_FOR_MS = 3_000;
/** Two attempts that fail, with what is between them, and a third. */
const LEADS_WITHIN_TIMEOUTS = 5;

/** Five nodes with so little to do that who dies has mostly as much of the log as the others. */
const OPTIONS: SimOptions = {
  ...CALM,
  nodes: 5,
  durationMs: HANGS_AT_MS + HANGS_FOR_MS,
  ...trueClocks(5),
  workload: { ...CALM.workload, tellers: 1, thinkUs: 100_000 },
};
const { tickMs, electionTimeoutTicks } = OPTIONS.timing;
const HANG: TimedFault = { atMs: HANGS_AT_MS, step: { kind: "hangDisk", target: "leader", forMs: HANGS_FOR_MS } };

type Stand = Extract<TraceRecord, { readonly what: "stand" }>;

/** What happened while the disk hung. */
function during(seed: number, faults: readonly TimedFault[]): readonly TraceRecord[] {
  const all: TraceRecord[] = [];
  const result = runPlan({ seed, options: OPTIONS, faults, leftOut: [] }, { record: (record) => all.push(record) });
  expect(result.failed).toBeUndefined();
  return all.filter(({ us }) => us > HANGS_AT_MS * 1_000 && us < OPTIONS.durationMs * 1_000);
}

/** When a leader says for the first time that it hands over, and to whom. */
function handOver(records: readonly TraceRecord[]): { readonly atMs: number; readonly to: number } {
  const said = records.find((record) => record.what === "log" && record.text.startsWith("raft.hand_over"));
  const to = said?.what === "log" ? Number(/ to=(\d+)/.exec(said.text)?.[1]) : 0;
  return { atMs: Math.floor((said?.us ?? 0) / 1_000), to };
}

test.each([1, 2, 3, 4, 5])("seed %d: another leads, and blocks are committed", (seed) => {
  const { atMs, to } = handOver(during(seed, [HANG]));
  expect(to).toBeGreaterThan(0);
  const dies: TimedFault = { atMs: atMs - 1, step: { kind: "crash", target: to, restartAfterMs: HANGS_FOR_MS } };
  const records = during(seed, [HANG, dies]);
  expect(handOver(records)).toEqual({ atMs, to });
  const stands = records.filter((record): record is Stand => record.what === "stand" && record.us > atMs * 1_000);
  const [leads, ...later] = stands.filter(({ role, term }) => role === "leader" && term > (stands[0]?.term ?? 0));
  expect(leads?.us).toBeLessThan((atMs + LEADS_WITHIN_TIMEOUTS * electionTimeoutTicks * tickMs) * 1_000);
  expect(leads?.node).not.toBe(to);
  expect(later.at(-1)?.commit).toBeGreaterThan(leads?.last ?? 0);
});
