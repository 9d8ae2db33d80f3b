/** Our own loads beside those of other makers: each the command that anybody would run, in a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { CodedError } from "../../../node/base/errors.ts";
import { endProcess } from "../../end-process.ts";
import { halfOf, WARM_UP_SECONDS } from "../loops.ts";
import type { Percentiles } from "../percentiles.ts";
import { type PeerOptions, unlessStopped } from "./servers.ts";

/** Longer than the command takes to stop its nodes. */
const STOP_MS = 30_000;

export interface OwnOptions extends PeerOptions {
  /** Of the bulk load. */
  readonly transfers: number;
  /** Of the signed load. */
  readonly payments: number;
}

export interface OwnFigures {
  readonly bulk: { readonly transfersPerSecond: number; readonly batchLatencyMs: Percentiles };
  readonly signed: { readonly paymentsPerSecond: number; readonly latencyMs: Percentiles };
  /** At half of that rate, each payment counted from when it was due. */
  readonly halfRate: { readonly latencyMs: Percentiles };
}

export async function measureOwn({ seconds, transfers, payments, stopped, note }: OwnOptions): Promise<OwnFigures> {
  note("Quorate: bulk ...");
  const bulk = await figuresOf(["--load", "bulk", "--transfers", `${transfers}`], stopped);
  note("Quorate: signed payments ...");
  const signed = await figuresOf(["--load", "signed", "--payments", `${payments}`], stopped);
  const rate = halfOf((signed as unknown as OwnFigures["signed"]).paymentsPerSecond);
  note(`Quorate: ${rate} signed payments a second ...`);
  const due = rate * (seconds + WARM_UP_SECONDS);
  const halfRate = await figuresOf(["--load", "open", "--rate", `${rate}`, "--payments", `${due}`], stopped);
  return { bulk, signed, halfRate } as unknown as OwnFigures;
}

async function figuresOf(load: readonly string[], stopped: Promise<void>): Promise<Record<string, unknown>> {
  const args = [...process.execArgv, process.argv[1] ?? "", "bench", "--json", ...load];
  // In a process group of its own: it hears from us that it shall stop, and once only.
  const child = spawn(process.execPath, args, { detached: true, stdio: ["ignore", "pipe", "pipe"] });
  try {
    return await unlessStopped(resultOf(child), stopped);
  } finally {
    await endProcess(child, "SIGTERM", STOP_MS);
  }
}

async function resultOf(child: ChildProcess): Promise<Record<string, unknown>> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new CodedError("command_failed", "quorate bench has no output");
  const [out, errors] = await Promise.all([text(stdout), text(stderr), once(child, "close")]);
  if (child.exitCode !== 0) throw new CodedError("command_failed", `quorate bench: ${errors.trim()}`);
  const result = JSON.parse(out.trim().split("\n").at(-1) ?? "") as { readonly figures: Record<string, unknown> };
  return result.figures;
}
