/**
 * The stream of changes: page after page, asked for when the one before is used up, so that a slow reader holds one page
 * and no more. It lives through the loss of a node: the next page is asked of another one, by the same cursor.
 *
 * Any node may answer, because what a node has applied is the beginning of what all others have; a bound on its age only
 * keeps a node that is cut off from telling nothing for ever.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { QUERY_RESULTS_MAX } from "../base/limits.ts";
import { decodeChanges, type SeenChangeEvent } from "../state/flat-answers.ts";
import { decodeAnswer, encodeQuery } from "../state/queries.ts";
import type { Consistency } from "../wire/client-frames.ts";

const CONSISTENCY: Consistency = { maxStalenessMs: 1_000 };
const POLL_MS = 50;

export interface EventsOptions {
  /** Begins behind this change: the cursor of the last one that was handled. Without it, at the first. */
  readonly cursor?: bigint;
  /** Only changes from a log time on, in nanoseconds, and up to another; both included. */
  readonly timestampMin?: bigint;
  readonly timestampMax?: bigint;
  /** Waits for more at the end, until the loop is left or the signal aborted; else the stream ends there. */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

/** Asks a query and gives the encoded answer. */
type Ask = (query: Uint8Array, consistency: Consistency) => Promise<Uint8Array>;

export async function* changeEvents(ask: Ask, options: EventsOptions): AsyncGenerator<SeenChangeEvent, void> {
  const { cursor = 0n, follow = false, signal, ...range } = options;
  for (let next = cursor; !isAborted(signal); ) {
    const query = { type: "changeEvents", ...range, cursor: next, limit: QUERY_RESULTS_MAX } as const;
    // A stream that ends must not end before what was acknowledged when it was asked for.
    const page = decodeAnswer("changeEvents", await ask(encodeQuery(query), follow ? CONSISTENCY : "linearizable"));
    for (const event of decodeChanges(page)) {
      yield event;
      if (isAborted(signal)) return;
    }
    next = BigInt(page.next);
    if (page.more) continue;
    if (!follow) return;
    await pause(signal);
  }
}

/** A function, so that nobody takes what it said once for what it says now. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted ?? false;
}

async function pause(signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(POLL_MS, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    if (!isAborted(signal)) throw error;
  }
}
