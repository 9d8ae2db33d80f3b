/**
 * Loads whose beginning is not measured: what runs for the first time is still being compiled, and no cache is warm. Our
 * loads and those on servers of other makers go through the same two loops, so that their figures mean the same.
 */
import { performance } from "node:perf_hooks";
import { CodedError } from "../../node/base/errors.ts";
import { paced } from "./paced.ts";
import { type Percentiles, percentiles } from "./percentiles.ts";

/** The beginning of a load that is not measured ... */
export const WARM_UP_SECONDS = 2;
/** ... but of a short one at most one part in so many. */
const WARM_UP_PART = 5;
const MS = 1_000;

/** Half of a highest rate: at which latencies are compared. */
export function halfOf(perSecond: number): number {
  return Math.max(1, Math.floor(perSecond / 2));
}

/** Does one thing of a load; resolves when it is answered. `worker` is which of those under way at a time it is. */
export type Act = (turn: number, worker: number) => Promise<void>;

/** How much there is to do, warm-up included. */
export type Extent = { readonly turns: number } | { readonly seconds: number };

export interface Measured {
  /** Things done in all, warm-up included. */
  readonly done: number;
  readonly warmUpSeconds: number;
  /** From the end of the warm-up to the last answer. */
  readonly seconds: number;
  /** Things a second, after the warm-up. */
  readonly perSecond: number;
  readonly latencyMs: Percentiles;
}

/** Keeps `inFlight` things under way, the next one begun when one is answered. What is answered after the warm-up counts. */
export async function closedLoop(inFlight: number, extent: Extent, act: Act): Promise<Measured> {
  const turns = "turns" in extent ? extent.turns : Number.POSITIVE_INFINITY;
  const lastsMs = "turns" in extent ? Number.POSITIVE_INFINITY : extent.seconds * MS;
  const warmUpTurns = Math.floor(turns / WARM_UP_PART);
  const warmUpMs = Math.min(WARM_UP_SECONDS * MS, lastsMs / WARM_UP_PART);
  const startedAt = performance.now();
  const latencies: number[] = [];
  let measuredFrom = warmUpTurns === 0 ? startedAt : undefined;
  let begun = 0;
  let done = 0;
  const worker = async (_: unknown, index: number): Promise<void> => {
    try {
      while (begun < turns && performance.now() - startedAt < lastsMs) {
        const sentAt = performance.now();
        begun += 1;
        await act(begun - 1, index);
        const answeredAt = performance.now();
        done += 1;
        if (measuredFrom !== undefined) latencies.push(answeredAt - sentAt);
        else if (done >= warmUpTurns || answeredAt - startedAt >= warmUpMs) measuredFrom = answeredAt;
      }
    } catch (error) {
      begun = turns; // The others begin nothing more.
      throw error;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return measured({ startedAt, measuredFrom: measuredFrom ?? startedAt, done, latencies });
}

/** Begins `rate` things a second, whatever is answered. Those that are due after the warm-up count, each from when it was due. */
export async function openLoop(rate: number, turns: number, act: Act): Promise<Measured> {
  const warmUpTurns = Math.min(rate * WARM_UP_SECONDS, Math.floor(turns / WARM_UP_PART));
  const startedAt = performance.now();
  const dueAt = (turn: number): number => startedAt + (turn / rate) * MS;
  const latencies: number[] = [];
  const items = Array.from({ length: turns }, (_, turn) => turn);
  await paced(items, dueAt, async (turn) => {
    await act(turn, turn);
    // From when it was due, not from when it was sent: an open loop leaves nothing out while the server stalls.
    if (turn >= warmUpTurns) latencies.push(performance.now() - dueAt(turn));
  });
  return measured({ startedAt, measuredFrom: dueAt(warmUpTurns), done: turns, latencies });
}

interface Samples {
  readonly startedAt: number;
  readonly measuredFrom: number;
  readonly done: number;
  readonly latencies: readonly number[];
}

function measured({ startedAt, measuredFrom, done, latencies }: Samples): Measured {
  if (latencies.length === 0) throw new CodedError("bench_wrong_result", "nothing was answered after the warm-up");
  const seconds = (performance.now() - measuredFrom) / MS;
  return {
    done,
    warmUpSeconds: round((measuredFrom - startedAt) / MS),
    seconds: round(seconds),
    perSecond: latencies.length / seconds,
    latencyMs: percentiles(latencies),
  };
}

function round(seconds: number): number {
  return Math.round(seconds * MS) / MS;
}
