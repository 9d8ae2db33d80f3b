/** What happened on the day: one object for programs, one page for people. */
import { loadavg } from "node:os";
import type { WindowView } from "../../node/state/queries.ts";
import { formatAmount } from "../amounts.ts";
import { windowText } from "../commands/settlement.ts";
import type { NodeStatus } from "../node-status.ts";
import { table } from "../output.ts";
import type { ImportReport } from "../payments/importer.ts";
import type { FailoverReport } from "./failover.ts";
import { balanced, type Reckoning, type Summary } from "./reconcile.ts";

export interface DayFacts {
  readonly source: string;
  readonly ledger: number;
  readonly accounts: { readonly payers: number; readonly payees: number };
  readonly cardPayments: number;
  readonly imported: ImportReport;
  readonly failover: FailoverReport | undefined;
  readonly nodes: readonly NodeStatus[];
  readonly summaries: readonly Summary[];
  readonly window: WindowView | undefined;
  readonly reckoning: Reckoning;
}

/** The last line of `--json`. Amounts are minor units as decimal text. */
export interface DayResult {
  readonly payments: number;
  readonly accepted: number;
  readonly reviewed: number;
  readonly declined: number;
  readonly failed: number;
  readonly refused: number;
  readonly reasons: Readonly<Record<string, number>>;
  /** Submitted and never answered definitively, or answered and not there. */
  readonly lost: number;
  readonly doubled: number;
  readonly invented: number;
  readonly debitsEqualCredits: boolean;
  /** From the leader's SIGKILL to the first payment in a block of a later term; null when no leader was killed. */
  readonly failoverMs: number | null;
  readonly nodes: readonly { readonly id: number; readonly height: number; readonly digest: string }[];
  readonly netPositions: readonly { readonly participant: string; readonly net: string }[];
  readonly settlement: string;
  readonly paymentsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly retried: number;
}

const ACCEPTED = ["captured", "authorized", "authorizing", "capturing"];

export function dayResult({ imported, failover, nodes, summaries, window, reckoning }: DayFacts): DayResult {
  const byState = summaries[0]?.paymentsByState ?? {};
  const count = (...states: readonly string[]): number => states.reduce((sum, state) => sum + (byState[state] ?? 0), 0);
  const created = Object.values(byState).reduce((sum, payments) => sum + payments, 0);
  return {
    payments: imported.payments,
    accepted: count(...ACCEPTED),
    reviewed: count("review"),
    declined: count("declined"),
    failed: count("failed", "voided", "voiding", "expired", "rejected"),
    refused: imported.payments - imported.lost.length - created,
    reasons: summaries[0]?.paymentsByReason ?? {},
    lost: imported.lost.length + reckoning.missing,
    doubled: reckoning.doubled,
    invented: reckoning.invented,
    debitsEqualCredits: balanced(summaries),
    failoverMs: failover?.failoverMs ?? null,
    nodes: nodes.map(({ id, height, digest }) => ({ id, height, digest })),
    netPositions: (window?.positions ?? []).map(({ name, net }) => ({ participant: name, net })),
    settlement: window?.state ?? "none",
    paymentsPerSecond: Math.round(imported.payments / imported.seconds),
    p50Ms: imported.p50Ms,
    p99Ms: imported.p99Ms,
    maxMs: imported.maxMs,
    retried: imported.retried,
  };
}

/** Whether nothing went wrong that must not. */
export function isSound(result: DayResult): boolean {
  const digests = new Set(result.nodes.map(({ digest }) => digest));
  const exact = result.lost === 0 && result.doubled === 0 && result.invented === 0 && result.refused === 0;
  return exact && result.debitsEqualCredits && digests.size === 1 && result.settlement === "settled";
}

function failoverText(failover: FailoverReport | undefined): string {
  if (failover === undefined) return "No leader was killed.";
  const { killed, term, newTerm, failoverMs } = failover;
  return `Node ${killed}, leader of term ${term}, was killed with SIGKILL under load; the first payment of the next leader (term ${newTerm}) was answered ${failoverMs} ms later. The node was started again and has caught up.`;
}

/** The page for people. */
export function dayText(facts: DayFacts, result: DayResult): string {
  const { source, ledger, accounts, cardPayments, imported, window } = facts;
  const share = (count: number): string => `${((100 * count) / result.payments).toFixed(1)} %`;
  const outcomes = table([
    ["", "payments", "share"],
    ["accepted", result.accepted, share(result.accepted)],
    ["waiting for review", result.reviewed, share(result.reviewed)],
    ["declined by risk", result.declined, share(result.declined)],
    ["failed at bank or network", result.failed, share(result.failed)],
  ]);
  const reasons = table([["why", "payments"], ...Object.entries(result.reasons)]);
  const nodes = table([
    ["node", "role", "term", "height", "state digest"],
    ...facts.nodes.map(({ id, role, term, height, digest }) => [`${id}`, role, term, height, digest]),
  ]);
  const sound = isSound(result)
    ? "Every payment was answered; none was lost, doubled or invented; debits equal credits; all nodes agree."
    : `SOMETHING IS WRONG: lost ${result.lost}, doubled ${result.doubled}, invented ${result.invented}, refused ${result.refused}, debits equal credits: ${result.debitsEqualCredits}.`;
  return [
    `${result.payments} payments (${cardPayments} by card) from ${source}`,
    `${accounts.payers} payers, ${accounts.payees} payees; captured ${formatAmount(facts.reckoning.captured, ledger)}`,
    "",
    outcomes,
    "",
    reasons,
    "",
    `${result.paymentsPerSecond} payments a second over ${imported.seconds.toFixed(1)} s with the failover in it; each signed, agreed by a quorum and on disk; half answered within ${result.p50Ms} ms, 99 % within ${result.p99Ms} ms, all within ${result.maxMs} ms (load average ${loadavg()[0]?.toFixed(1)})`,
    failoverText(facts.failover),
    "",
    ...(window === undefined ? [] : [windowText(window, ledger), ""]),
    nodes,
    "",
    sound,
  ].join("\n");
}
