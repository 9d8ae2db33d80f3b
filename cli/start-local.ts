/** Starting a local cluster so that one hears at once, and in plain words, when it cannot start. */
import { readFileSync } from "node:fs";
import { CodedError } from "../node/base/errors.ts";
import { waitReady } from "./node-status.ts";
import type { Output } from "./output.ts";
import type { LocalCluster } from "./processes.ts";

/** Says from now on when a process ends that nobody has ended. */
export function tellOfExits(local: LocalCluster, output: Output, stopping: AbortSignal): void {
  local.onUnexpectedExit = (name, ending) => {
    if (stopping.aborted) return; // a Ctrl-C reaches the whole group of processes
    output.note(`${name} has ended ${ending}; its log is ${local.logOf(name)}`);
  };
}

/** The last line a process of the cluster has logged; empty where there is none. */
function lastLine(local: LocalCluster, name: string): string {
  try {
    return readFileSync(local.logOf(name), "utf8").trimEnd().split("\n").at(-1) ?? "";
  } catch {
    return "";
  }
}

/** Rejects with `CodedError` `process_ended` when a process ends that nobody has ended. */
export function anyExit(local: LocalCluster): Promise<never> {
  return new Promise((_, reject) => {
    local.onUnexpectedExit = (name, ending) => {
      reject(new CodedError("process_ended", `${name} ended ${ending}: ${lastLine(local, name)}`));
    };
  });
}

/** Starts all processes; resolves when the nodes follow one leader, throws `process_ended` when one does not last. */
export async function startReady(local: LocalCluster): Promise<void> {
  const ended = anyExit(local);
  local.startAll();
  await Promise.race([waitReady(local.cluster, local.admin), ended]);
}
