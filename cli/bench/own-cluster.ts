/**
 * A cluster for a benchmark: made in a temporary directory, started, and removed with all its data; kept where something
 * went wrong in it.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CodedError } from "../../node/base/errors.ts";
import { FAST_TIMING } from "../../node/host/config.ts";
import type { Interruption } from "../interruption.ts";
import type { Output } from "../output.ts";
import { LocalCluster } from "../processes.ts";
import { anyExit } from "../start-local.ts";
import { assertOnDisk } from "./file-system.ts";

export interface OwnClusterOptions {
  readonly nodes: number;
  readonly encrypt: boolean;
  readonly fast: boolean;
  /** More options of Node.js for a node. */
  readonly nodeArguments: (id: number) => readonly string[];
  readonly output: Output;
  readonly interruption: Interruption;
}

/** Throws `CodedError`: what `act` throws, `process_ended` when a node does not last, `interrupted`, or `nothing_durable`. */
export async function withOwnCluster<T>(
  options: OwnClusterOptions,
  act: (local: LocalCluster) => Promise<T>,
): Promise<T> {
  const { output } = options;
  assertOnDisk(tmpdir());
  const directory = mkdtempSync(join(tmpdir(), "quorate-bench-"));
  let isWorthKeeping = false;
  try {
    return await inDirectory(directory, options, act);
  } catch (error) {
    isWorthKeeping = !options.interruption.signal.aborted;
    throw error;
  } finally {
    if (isWorthKeeping)
      output.note(`Data and logs stay in ${directory}; "npx quorate verify ${directory}" checks them.`);
    else rmSync(directory, { recursive: true });
  }
}

async function inDirectory<T>(
  directory: string,
  { nodes, encrypt, fast, nodeArguments, output, interruption }: OwnClusterOptions,
  act: (local: LocalCluster) => Promise<T>,
): Promise<T> {
  const timing = fast ? { timing: FAST_TIMING } : {};
  const local = await LocalCluster.init({ directory, nodes, encrypt, ...timing, nowMs: Date.now() });
  const ended = anyExit(local);
  try {
    for (const id of local.nodeIds) local.startNode(id, nodeArguments(id));
    const done = act(local).then((value) => ({ value }));
    const outcome = await Promise.race([done, ended, interruption.stopped]);
    if (outcome !== undefined) return outcome.value;
    output.note("Stopping the cluster ...");
    throw new CodedError("interrupted", "the benchmark was broken off");
  } finally {
    await local.close();
  }
}
