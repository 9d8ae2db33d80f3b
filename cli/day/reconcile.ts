/**
 * The reckoning after the day: every payment that was submitted is looked for, the terminals' accounts are compared with
 * the payments they were paid by, and the card network's books with the ledger's.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { CodedError } from "../../node/base/errors.ts";
import { type ClusterFile, QuorateClient, type Signer } from "../../node/client/index.ts";
import { decodeAccounts } from "../../node/ledger/records.ts";
import type { PaymentView, QueryAnswer, WindowView } from "../../node/state/queries.ts";
import type { AcquirerReport } from "../../sim/acquirer/core.ts";
import { ask } from "../cluster-access.ts";
import { clusterStatus, type NodeStatus } from "../node-status.ts";
import type { PaymentRow } from "../payments/payment-row.ts";

const PAGE = 5_000;
const POLL_MS = 100;
const QUIET_MS = 60_000;

export type Summary = Extract<QueryAnswer, { readonly type: "summary" }>;

/** Polls until something holds; throws `CodedError` `not_quiet` saying what was waited for. */
async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + QUIET_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new CodedError("not_quiet", `waited ${QUIET_MS / 1_000} s for ${what}`);
    await sleep(POLL_MS);
  }
}

/** Waits until every question to the card network has its answer. */
export async function intentsClosed(admin: QuorateClient): Promise<Summary> {
  return await until("the card network to answer everything", async () => {
    const summary = await ask(admin, { type: "summary" });
    return summary.openIntents === 0 ? summary : undefined;
  });
}

/** Waits until all nodes stand at one height. */
export async function nodesLevel(cluster: ClusterFile, admin: Signer): Promise<readonly NodeStatus[]> {
  return await until("all nodes to reach one height", async () => {
    const nodes = await clusterStatus(cluster, admin);
    const heights = new Set(nodes.map(({ height }) => height));
    return heights.size === 1 && nodes.every(({ reachable }) => reachable) ? nodes : undefined;
  });
}

/** What each node itself says of its state, read locally. */
export async function summaries(cluster: ClusterFile, admin: Signer): Promise<readonly Summary[]> {
  return await Promise.all(
    cluster.nodes.map(async (node) => {
      const reader = await QuorateClient.openReader({ cluster: { ...cluster, nodes: [node] }, signer: admin });
      try {
        return await ask(reader, { type: "summary" }, "local");
      } finally {
        reader.close();
      }
    }),
  );
}

/** Whether debits equal credits, pending and posted, in every currency on every node. */
export function balanced(nodes: readonly Summary[]): boolean {
  return nodes.every(({ totals }) =>
    totals.every((t) => t.debitsPosted === t.creditsPosted && t.debitsPending === t.creditsPending),
  );
}

/** All payments there are. */
export async function allPayments(admin: QuorateClient): Promise<readonly PaymentView[]> {
  const payments: PaymentView[] = [];
  for (let after = 0; ; ) {
    const page = await ask(admin, { type: "payments", after, limit: PAGE });
    payments.push(...page.payments);
    if (page.next === 0) return payments;
    after = page.next;
  }
}

/** The newest window of a currency that is not open. */
export async function closedWindow(admin: QuorateClient, ledger: number): Promise<WindowView | undefined> {
  const { windows } = await ask(admin, { type: "settlement", ledger });
  return windows.findLast(({ state }) => state !== "open");
}

export async function acquirerReport(port: number): Promise<AcquirerReport> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/report`);
  return (await response.json()) as AcquirerReport;
}

export interface Reckoning {
  /** Rows whose payment is not there though its submission was answered with one. */
  readonly missing: number;
  /** Payments that nobody submitted, or with another amount. */
  readonly invented: number;
  /** Payments executed more than once, anywhere: in the ledger or at the card network. */
  readonly doubled: number;
  /** Captured payments' sum. */
  readonly captured: bigint;
}

/** Compares the rows with the payments, the payees' accounts and the acquirer's books. */
export async function reckon(
  admin: QuorateClient,
  rows: readonly PaymentRow[],
  executed: ReadonlySet<bigint>,
  acquirer: AcquirerReport,
): Promise<Reckoning> {
  const payments = await allPayments(admin);
  const byId = new Map<bigint, PaymentView>();
  let repeated = 0;
  for (const payment of payments) {
    if (byId.has(BigInt(payment.id))) repeated += 1;
    byId.set(BigInt(payment.id), payment);
  }
  const rowById = new Map(rows.map((row) => [row.id, row]));
  const invented = payments.filter(({ id, amount }) => rowById.get(BigInt(id))?.amount !== BigInt(amount)).length;
  const missing = [...executed].filter((id) => !byId.has(id)).length;
  const captured = payments.filter(({ state }) => state === "captured");
  const overpaid = await wronglyPaid(admin, captured);
  const byCard = captured.filter(({ channel }) => channel === "card");
  const network = BigInt(acquirer.capturedAmount) === sum(byCard) && acquirer.captured === byCard.length ? 0 : 1;
  const doubled = repeated + overpaid + acquirer.doubled.length + network;
  return { missing, invented, doubled, captured: sum(captured) };
}

function sum(payments: readonly PaymentView[]): bigint {
  return payments.reduce((total, { amount }) => total + BigInt(amount), 0n);
}

/** How many payees' accounts have another credit than their captured payments add up to. */
async function wronglyPaid(admin: QuorateClient, captured: readonly PaymentView[]): Promise<number> {
  const due = new Map<bigint, bigint>();
  for (const { payee, amount } of captured) due.set(BigInt(payee), (due.get(BigInt(payee)) ?? 0n) + BigInt(amount));
  const ids = [...due.keys()];
  let wrong = 0;
  for (let at = 0; at < ids.length; at += PAGE) {
    const page = ids.slice(at, at + PAGE);
    const { records } = await ask(admin, { type: "accounts", ids: page });
    const accounts = decodeAccounts(records);
    wrong += page.length - accounts.length;
    wrong += accounts.filter(({ id, creditsPosted }) => creditsPosted !== due.get(id)).length;
  }
  return wrong;
}
