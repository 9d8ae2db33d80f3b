/** A cluster for a benchmark: made in a temporary directory, started, and removed with all its data. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FAST_TIMING } from "../../node/host/config.ts";
import type { Output } from "../output.ts";
import { LocalCluster } from "../processes.ts";

export interface OwnClusterOptions {
  readonly nodes: number;
  readonly encrypt: boolean;
  readonly fast: boolean;
  /** Directory for CPU profiles of the nodes. */
  readonly profile: string | undefined;
}

export async function withOwnCluster<T>(
  { nodes, encrypt, fast, profile }: OwnClusterOptions,
  output: Output,
  act: (local: LocalCluster) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "quorate-bench-"));
  const timing = fast ? { timing: FAST_TIMING } : {};
  const local = await LocalCluster.init({ directory, nodes, encrypt, ...timing, nowMs: Date.now() });
  local.onUnexpectedExit = (name, ending) => output.note(`${name} has ended ${ending}; see ${local.logOf(name)}`);
  try {
    if (profile !== undefined) local.nodeArguments = ["--cpu-prof", `--cpu-prof-dir=${profile}`];
    for (const id of local.nodeIds) local.startNode(id);
    return await act(local);
  } finally {
    await local.stopAll();
    rmSync(directory, { recursive: true });
  }
}
