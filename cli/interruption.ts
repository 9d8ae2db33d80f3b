/** Ctrl-C, SIGTERM and a terminal that was closed: somebody wants the process to end. */
import { once } from "node:events";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Resolves at the first such signal; a second one finds nobody listening and ends the process at once. */
export async function untilStopped(): Promise<void> {
  const heard = new AbortController();
  await Promise.race(SIGNALS.map((name) => once(process, name, { signal: heard.signal })));
  heard.abort();
}

export interface Interruption {
  /** Aborted by such a signal, or by `end`. */
  readonly signal: AbortSignal;
  /** Resolves at such a signal. */
  readonly stopped: Promise<void>;
  /** For whoever ends what he does without being asked to. */
  readonly end: () => void;
}

export function interruption(): Interruption {
  const controller = new AbortController();
  const end = (): void => controller.abort();
  return { signal: controller.signal, stopped: untilStopped().then(end), end };
}
