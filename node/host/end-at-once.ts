/**
 * Ending this process while its disk hangs. `process.exit` waits for the threads that are in the middle of a call to the file
 * system, and so for the disk; whoever is killed waits for nothing. To the data it is a crash like any other.
 *
 * What is to be said before that may hang as well: standard error is a pipe that nobody reads, or a file on the same disk,
 * which holds the thread that writes. So another thread sees to it that the process ends in any case.
 */
import { Worker } from "node:worker_threads";

const TELLING_MS = 1_000;
const KILLER = `
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${TELLING_MS});
  process.kill(process.pid, "SIGKILL");`;

/** Says it, as far as it can be said within a second, and ends as if killed. */
export function endAtOnce(text: string): void {
  tell(text, () => process.kill(process.pid, "SIGKILL"));
}

/** Ends with an exit code, where no thread is in the middle of a call; as if killed where it cannot even be said why. */
export function endWith(code: number, text: string): void {
  tell(text, () => process.exit(code));
}

function tell(text: string, end: () => void): void {
  new Worker(KILLER, { eval: true }).on("error", end);
  process.stderr.write(`${text}\n`, end);
}
