/**
 * Importing payments: many in flight, each signed once and answered definitively, or counted as lost.
 */
import { performance } from "node:perf_hooks";
import { ClientError, type Outcome, type QuorateClient } from "../../node/client/index.ts";
import type { PaymentRow } from "./payment-row.ts";

/** What became of one submission. */
export interface Answer {
  readonly row: PaymentRow;
  /** State of the payment right after its creation, or the refusal. */
  readonly state: string;
  /** Why it was refused, declined or failed; empty otherwise. */
  readonly reason: string;
  readonly outcome: Outcome;
}

export interface ImportReport {
  readonly payments: number;
  readonly answered: number;
  /** Submitted and never answered definitively. */
  readonly lost: readonly bigint[];
  /** Counts by state of the payments right after their creation; a refusal by its code. */
  readonly states: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** Latencies in milliseconds: median, 99th percentile and the longest. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Submissions that needed more than one attempt. */
  readonly retried: number;
}

export interface ImportOptions {
  /** Client of the authority that signs for a payment. */
  readonly clientFor: (row: PaymentRow) => QuorateClient;
  readonly inFlightMax: number;
  readonly onAnswer?: (answer: Answer, answered: number) => void;
}

function stateOf({ result }: Outcome): { state: string; reason: string } {
  const { status, state, failure, reasons, what } = result;
  if (status !== "ok") return { state: status, reason: typeof what === "string" ? what : "" };
  const failed = typeof failure === "string" && failure !== "" ? [failure] : [];
  return { state: String(state), reason: [...(Array.isArray(reasons) ? reasons : []), ...failed].join(", ") };
}

function percentile(sorted: readonly number[], share: number): number {
  return Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1));
}

/** Imports all rows; resolves when each has its answer or is lost. */
export async function importPayments(rows: readonly PaymentRow[], options: ImportOptions): Promise<ImportReport> {
  const lost: bigint[] = [];
  const states = new Map<string, number>();
  const latencies: number[] = [];
  let retried = 0;
  let next = 0;
  const startedAt = performance.now();
  const worker = async (): Promise<void> => {
    while (next < rows.length) {
      const row = rows[next++] as PaymentRow;
      const sentAt = performance.now();
      try {
        const outcome = await submitRow(options.clientFor(row), row);
        const { state, reason } = stateOf(outcome);
        latencies.push(performance.now() - sentAt);
        states.set(state, (states.get(state) ?? 0) + 1);
        if (outcome.attempts > 1) retried += 1;
        options.onAnswer?.({ row, state, reason, outcome }, latencies.length);
      } catch (error) {
        if (!(error instanceof ClientError)) throw error;
        if (error.code === "outcome_unknown") lost.push(row.id);
        else states.set(error.code, (states.get(error.code) ?? 0) + 1);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.inFlightMax, rows.length) }, worker));
  const sorted = latencies.sort((a, b) => a - b);
  return {
    payments: rows.length,
    answered: rows.length - lost.length,
    lost,
    states: Object.fromEntries([...states].sort(([a], [b]) => (a < b ? -1 : 1))),
    seconds: (performance.now() - startedAt) / 1_000,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
    maxMs: percentile(sorted, 1),
    retried,
  };
}

async function submitRow(client: QuorateClient, row: PaymentRow): Promise<Outcome> {
  const { id, payer, payee, amount, ledger, cardToken, seconds } = row;
  const channel =
    cardToken === undefined ? ({ channel: "wallet" } as const) : ({ channel: "card", cardToken } as const);
  const common = { id, payer, payee, amount, ledger, capture: "automatic", initiatedAt: seconds } as const;
  return await client.submit({ kind: "createPayment", body: { ...common, ...channel } });
}
