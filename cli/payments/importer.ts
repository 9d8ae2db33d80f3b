/**
 * Importing payments: many in flight, each signed once and answered definitively, or counted as lost.
 */
import { performance } from "node:perf_hooks";
import { ClientError, type Outcome, type QuorateClient } from "../../node/client/index.ts";
import type { PaymentRow } from "./payment-row.ts";

/**
 * So long is a payment tried, at this node and that, before it counts as lost. When no payment at all has been answered in
 * that time, there is no cluster left to submit the rest to.
 */
const DEADLINE_MS = 120_000;
const UNANSWERED = ["outcome_unknown", "unavailable"];

/** One submission and its answer. */
export interface Answer {
  readonly row: PaymentRow;
  readonly outcome: Outcome;
}

/** A payment that was not made, and why. */
interface Refused {
  readonly id: bigint;
  readonly reason: string;
}

export interface ImportReport {
  readonly payments: number;
  /** Counts of the payments that were made, by their state right afterwards. */
  readonly states: Readonly<Record<string, number>>;
  /** Payments that had been made before, by an earlier import say. */
  readonly existing: number;
  readonly refused: readonly Refused[];
  /** Submitted and never answered definitively. */
  readonly lost: readonly bigint[];
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
  readonly clientFor: (row: PaymentRow) => Pick<QuorateClient, "submit">;
  readonly inFlightMax: number;
  readonly onAnswer?: (answer: Answer, answered: number) => void;
}

/** What has become of the rows so far. */
class Tally {
  readonly states = new Map<string, number>();
  readonly refused: Refused[] = [];
  readonly lost: bigint[] = [];
  readonly latencies: number[] = [];
  #answeredAt = 0;
  existing = 0;
  retried = 0;

  answered(row: PaymentRow, { result, attempts }: Outcome, latency: number): void {
    const { status, state, what } = result;
    this.latencies.push(latency);
    this.#answeredAt = performance.now();
    if (attempts > 1) this.retried += 1;
    if (status === "ok") this.states.set(String(state), (this.states.get(String(state)) ?? 0) + 1);
    else if (status === "already_exists") this.existing += 1;
    else this.refused.push({ id: row.id, reason: typeof what === "string" ? `${status} (${what})` : status });
  }

  /** Takes an error that ended a submission; throws it again where no answer about the payment can come of it. */
  failed(row: PaymentRow, error: unknown, sentAt: number): void {
    if (!(error instanceof ClientError) || error.code === "closed") throw error;
    if (!UNANSWERED.includes(error.code)) this.refused.push({ id: row.id, reason: error.code });
    else if (this.#answeredAt >= sentAt) this.lost.push(row.id);
    else throw this.#givenUp(error);
  }

  #givenUp(cause: ClientError): ClientError {
    const done = `${this.latencies.length} payments have their answer; run it again, and none is made twice`;
    return new ClientError(cause.code, `no payment is answered any more: ${cause.message}; ${done}`, {}, cause);
  }
}

function percentile(sorted: readonly number[], share: number): number {
  return Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1));
}

/** Imports all rows; resolves when each has its answer or is lost. */
export async function importPayments(rows: readonly PaymentRow[], options: ImportOptions): Promise<ImportReport> {
  const tally = new Tally();
  let next = 0;
  const startedAt = performance.now();
  const worker = async (): Promise<void> => {
    while (next < rows.length) {
      const row = rows[next++] as PaymentRow;
      const sentAt = performance.now();
      try {
        const outcome = await submitRow(options.clientFor(row), row);
        tally.answered(row, outcome, performance.now() - sentAt);
        options.onAnswer?.({ row, outcome }, tally.latencies.length);
      } catch (error) {
        tally.failed(row, error, sentAt);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.inFlightMax, rows.length) }, worker));
  const { existing, retried } = tally;
  const sorted = tally.latencies.sort((a, b) => a - b);
  return {
    payments: rows.length,
    states: Object.fromEntries([...tally.states].sort(([a], [b]) => (a < b ? -1 : 1))),
    existing,
    refused: tally.refused.sort((a, b) => (a.id < b.id ? -1 : 1)),
    lost: tally.lost.sort((a, b) => (a < b ? -1 : 1)),
    seconds: (performance.now() - startedAt) / 1_000,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
    maxMs: percentile(sorted, 1),
    retried,
  };
}

async function submitRow(client: Pick<QuorateClient, "submit">, row: PaymentRow): Promise<Outcome> {
  const { id, payer, payee, amount, ledger, cardToken, seconds } = row;
  const channel =
    cardToken === undefined ? ({ channel: "wallet" } as const) : ({ channel: "card", cardToken } as const);
  const common = { id, payer, payee, amount, ledger, capture: "automatic", initiatedAt: seconds } as const;
  return await client.submit({ kind: "createPayment", body: { ...common, ...channel } }, DEADLINE_MS);
}
