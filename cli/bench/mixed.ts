/**
 * The mixed load, what a payment system is asked for in a day: of ten operations eight are signed payments from wallet to
 * wallet, which risk judges, one is a transfer in two phases, and one asks for an account. In a closed loop.
 */
import { performance } from "node:perf_hooks";
import { must } from "../../node/base/assert.ts";
import { CodedError } from "../../node/base/errors.ts";
import { Prng } from "../../node/base/prng.ts";
import { decodeAccounts } from "../../node/client/index.ts";
import { decodeAnswer, encodeQuery } from "../../node/state/queries.ts";
import { LEDGER, openPayers } from "./payers.ts";
import { type Percentiles, percentiles } from "./percentiles.ts";
import { pooled } from "./pooled.ts";
import type { SignedOptions } from "./signed.ts";
import { accepted, type Lane, type Target } from "./target.ts";

/** Of ten operations. */
const PAYMENTS = 8;
const TWO_PHASE = 1;
const ALL = 10;
/** Transfers of their own ids, above those of payments. */
const FIRST_TRANSFER = 1n << 64n;

const RISK = {
  ...{ ledger: LEDGER, reviewAmount: 22_000n, declineAmount: 60_000n, velocityDeclineAmount: 0n },
  ...{ velocityWindowSeconds: 86_400, velocityReviewCount: 0, velocityDeclineCount: 0 },
};

export type MixedOptions = Omit<SignedOptions, "rate">;

type Name = "payment" | "twoPhase" | "query";

/** What is to be done, signed already; tells nothing, and throws where it is not done. */
interface Operation {
  readonly name: Name;
  readonly run: (lane: Lane) => Promise<void>;
}

export interface MixedFigures {
  readonly seconds: number;
  readonly operationsPerSecond: number;
  readonly paymentLatencyMs: Percentiles;
  /** From the hold to the answer to its posting. */
  readonly twoPhaseLatencyMs: Percentiles;
  readonly queryLatencyMs: Percentiles;
}

/** Sets up payers and risk rules; tells the operations, in the order to run them. */
export async function prepareMixed(target: Target, options: MixedOptions): Promise<readonly Operation[]> {
  const payers = await openPayers(target, options.payers);
  const admin = await target.connect(0);
  const { result } = await admin.submit({ kind: "configureRisk", body: RISK });
  admin.close();
  if (result.status !== "ok") throw new CodedError(result.status, `risk was not configured: ${result.status}`);
  const random = new Prng(options.seed);
  return Array.from({ length: options.payments }, (_, index): Operation => {
    const payer = must(payers[index % payers.length], "there are payers");
    const other = 1 + random.below(options.payers - 1);
    const payee = BigInt(BigInt(other) < payer.account ? other : other + 1);
    const draw = random.below(ALL);
    if (draw < PAYMENTS) return payment(payer.payByWallet(BigInt(index + 1), payee));
    if (draw >= PAYMENTS + TWO_PHASE) return query(payer.account);
    const hold = FIRST_TRANSFER + BigInt(2 * index);
    return twoPhase(payer.hold(hold, payee), payer.post(hold + 1n, hold, payee));
  });
}

/** Runs the operations with as many under way as there may be. */
export async function runMixed(
  target: Target,
  operations: readonly Operation[],
  options: MixedOptions,
): Promise<MixedFigures> {
  const lanes = await Promise.all(Array.from({ length: options.connections }, (_, index) => target.lane(index)));
  const latencies: Record<Name, number[]> = { payment: [], twoPhase: [], query: [] };
  let done = 0;
  const startedAt = performance.now();
  const elapsed = (): number => (performance.now() - startedAt) / 1_000;
  try {
    await pooled(operations, options.inFlight, async ({ name, run }, index) => {
      const sentAt = performance.now();
      await run(must(lanes[index % lanes.length], "there are connections"));
      latencies[name].push(performance.now() - sentAt);
      done += 1;
      options.onProgress(done, done / elapsed());
    });
  } finally {
    for (const lane of lanes) lane.close();
  }
  const seconds = elapsed();
  return {
    seconds,
    operationsPerSecond: Math.round(operations.length / seconds),
    paymentLatencyMs: percentiles(latencies.payment),
    twoPhaseLatencyMs: percentiles(latencies.twoPhase),
    queryLatencyMs: percentiles(latencies.query),
  };
}

function payment(transaction: Uint8Array): Operation {
  const run = async (lane: Lane): Promise<void> => {
    const { state } = await accepted(lane, transaction);
    if (state !== "captured") throw new CodedError("bench_wrong_result", `a payment is ${String(state)}, not captured`);
  };
  return { name: "payment", run };
}

function twoPhase(hold: Uint8Array, post: Uint8Array): Operation {
  const run = async (lane: Lane): Promise<void> => {
    await accepted(lane, hold);
    await accepted(lane, post);
  };
  return { name: "twoPhase", run };
}

function query(account: bigint): Operation {
  const encoded = encodeQuery({ type: "accounts", ids: [account] });
  const run = async (lane: Lane): Promise<void> => {
    const { records } = decodeAnswer<"accounts">("accounts", await lane.query(encoded)) as {
      readonly records: Uint8Array;
    };
    const [found] = decodeAccounts(records);
    if (found?.id !== account) throw new CodedError("bench_wrong_result", `account ${account} was not found`);
  };
  return { name: "query", run };
}
