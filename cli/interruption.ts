/** Ctrl-C, SIGTERM and the end of the terminal: somebody wants the process to end. */
import { once } from "node:events";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Resolves at the first such signal; a second one finds nobody listening and ends the process at once. */
export async function untilStopped(): Promise<void> {
  const heard = new AbortController();
  await Promise.race(SIGNALS.map((name) => once(process, name, { signal: heard.signal })));
  heard.abort();
}

/** Does work that looks at `stop` now and then, and comes to an early end once it is aborted: somebody wants that. */
export async function untilDoneOrStopped<T>(work: (stop: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const listenNoMore = (): void => {
    for (const name of SIGNALS) process.removeListener(name, heard);
  };
  // The second time, a signal does what it always does.
  const heard = (): void => {
    listenNoMore();
    controller.abort();
  };
  for (const name of SIGNALS) process.on(name, heard);
  return await work(controller.signal).finally(listenNoMore);
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
