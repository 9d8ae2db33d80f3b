/** Ctrl-C and SIGTERM: somebody wants the process to end. */
import { once } from "node:events";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Resolves at the first such signal; a second one finds nobody listening and ends the process at once. */
export async function untilStopped(): Promise<void> {
  const heard = new AbortController();
  await Promise.race(SIGNALS.map((name) => once(process, name, { signal: heard.signal })));
  heard.abort();
}

export interface Interruption {
  readonly signal: AbortSignal;
  readonly stopped: Promise<void>;
}

/** Both ways to learn of it: `stopped` resolves when `signal` is aborted. */
export function interruption(): Interruption {
  const controller = new AbortController();
  return { signal: controller.signal, stopped: untilStopped().then(() => controller.abort()) };
}
