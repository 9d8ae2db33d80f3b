/**
 * Runs in which clients ask for far more than a cluster can take: tellers who hardly pause, each with many requests on their
 * way, and a crowd. They are few and short, for each is as much work as many others.
 */
import type { SimOptions } from "./options.ts";

const DURATION_MAX_MS = 2_000;
/** A session knows the last 256 of its transactions, and some of them are retried. */
const IN_FLIGHT = 64;
const THINK_US = 2_000;
/** The most that there may be: the fewer meet at one account, the less is to be searched for an order. */
const HOT_ACCOUNTS = 40;
const CROWD = { thinkUs: 200_000, questions: 1_500 };

/**
 * The same run with too much to do. Nobody reads accounts while so many transfers are on their way, but for the crowd, whose
 * answers are compared with the reference: no search for an order would come to its end.
 */
export function overloaded(options: SimOptions): SimOptions {
  const { durationMs, workload } = options;
  return {
    ...options,
    durationMs: Math.min(durationMs, DURATION_MAX_MS),
    workload: {
      ...workload,
      ...{ readers: 0, inFlightMax: IN_FLIGHT, thinkUs: THINK_US, hotAccounts: HOT_ACCOUNTS, auditor: false },
      mix: { ...workload.mix, readAccount: 0, readStale: 0 },
      crowd: CROWD,
    },
  };
}
