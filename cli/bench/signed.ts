/**
 * The signed load: each payment a transaction of its own, signed by its own payer's key before the clock starts, checked
 * by the cluster while it runs; many under way over several connections.
 */
import { performance } from "node:perf_hooks";
import { must } from "../../node/base/assert.ts";
import { Prng } from "../../node/base/prng.ts";
import { closedLoop, openLoop } from "./loops.ts";
import { openPayers } from "./payers.ts";
import type { Percentiles } from "./percentiles.ts";
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

export interface SignedFigures {
  /** At the beginning, not measured: the first two seconds, at most a fifth of the payments. */
  readonly warmUpSeconds: number;
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

/** Sends the payments and measures from the end of the warm-up to the last answer. */
export async function runSigned(
  target: Target,
  payments: readonly Uint8Array[],
  options: SignedOptions,
): Promise<SignedFigures> {
  const lanes = await Promise.all(Array.from({ length: options.connections }, (_, index) => target.lane(index)));
  const startedAt = performance.now();
  let done = 0;
  const send = async (turn: number): Promise<void> => {
    const lane = lanes[turn % lanes.length] as Lane;
    await accepted(lane, payments[turn] as Uint8Array);
    done += 1;
    options.onProgress(done, done / ((performance.now() - startedAt) / 1_000));
  };
  try {
    const { warmUpSeconds, seconds, perSecond, latencyMs } =
      options.rate === undefined
        ? await closedLoop(options.inFlight, { turns: payments.length }, send)
        : await openLoop(options.rate, payments.length, send);
    return { warmUpSeconds, seconds, paymentsPerSecond: Math.round(perSecond), latencyMs };
  } finally {
    for (const lane of lanes) lane.close();
  }
}
