/** Ending a process that we have started: politely first. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

/** Sends a signal and waits until the process has ended; one that takes longer than `patienceMs` is killed. */
export async function endProcess(child: ChildProcess, signal: NodeJS.Signals, patienceMs: number): Promise<void> {
  const neverStarted = child.pid === undefined;
  if (neverStarted || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill(signal);
  const patience = setTimeout(() => child.kill("SIGKILL"), patienceMs);
  await gone;
  clearTimeout(patience);
}
