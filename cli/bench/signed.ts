/**
 * The signed load: each payment a transaction of its own, signed by its own payer's key before the clock starts, checked
 * by the cluster while it runs; many under way over several connections.
 */
import { performance } from "node:perf_hooks";
import { must } from "../../node/base/assert.ts";
import { Prng } from "../../node/base/prng.ts";
import { paced } from "./paced.ts";
import { openPayers } from "./payers.ts";
import { type Percentiles, percentiles } from "./percentiles.ts";
import { pooled } from "./pooled.ts";
import { accepted, type Lane, type Target } from "./target.ts";

export interface SignedOptions {
  readonly payers: number;
  readonly payments: number;
  readonly connections: number;
  readonly inFlight: number;
  readonly seed: number;
  /** Payments a second to offer, whatever is answered (open loop); undefined for as fast as `inFlight` lets. */
  readonly rate: number | undefined;
  readonly onProgress: (done: number, perSecond: number) => void;
}

/** At the beginning of an open loop: what runs for the first time is still being compiled, and does not count. */
const WARM_UP_SECONDS = 2;
/** Of a short run at most one payment in so many is not counted. */
const WARM_UP_PART = 5;

export interface SignedFigures {
  readonly seconds: number;
  readonly paymentsPerSecond: number;
  readonly latencyMs: Percentiles;
}

/** Registers payers and opens their sessions and accounts; tells the signed payments, in the order to send them. */
export async function prepareSigned(target: Target, options: SignedOptions): Promise<readonly Uint8Array[]> {
  const payers = await openPayers(target, options.payers);
  const random = new Prng(options.seed);
  return Array.from({ length: options.payments }, (_, index) => {
    const payer = must(payers[index % payers.length], "there are payers");
    const payee = 1 + random.below(options.payers - 1);
    const other = BigInt(payee) < payer.account ? payee : payee + 1;
    return payer.pay(BigInt(index + 1), BigInt(other));
  });
}

/** Sends the payments and measures from the first to the last answer. */
export async function runSigned(
  target: Target,
  payments: readonly Uint8Array[],
  options: SignedOptions,
): Promise<SignedFigures> {
  const lanes = await Promise.all(Array.from({ length: options.connections }, (_, index) => target.lane(index)));
  const warmUp = Math.min((options.rate ?? 0) * WARM_UP_SECONDS, Math.floor(payments.length / WARM_UP_PART));
  const latencies: number[] = [];
  let done = 0;
  const startedAt = performance.now();
  const dueAt = (index: number): number =>
    options.rate === undefined ? performance.now() : startedAt + (index / options.rate) * 1_000;
  const send = async (payment: Uint8Array, index: number): Promise<void> => {
    const due = dueAt(index);
    const lane = lanes[index % lanes.length] as Lane;
    await accepted(lane, payment);
    done += 1;
    // From when it was due, not from when it was sent: an open loop leaves nothing out while the cluster stalls.
    if (index >= warmUp) latencies.push(performance.now() - due);
    options.onProgress(done, done / ((performance.now() - startedAt) / 1_000));
  };
  try {
    if (options.rate === undefined) await pooled(payments, options.inFlight, send);
    else await paced(payments, dueAt, send);
  } finally {
    for (const lane of lanes) lane.close();
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  return { seconds, paymentsPerSecond: Math.round(payments.length / seconds), latencyMs: percentiles(latencies) };
}
