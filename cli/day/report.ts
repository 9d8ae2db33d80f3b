/** What happened on the day: one object for programs, one page for people. */
import type { WindowView } from "../../node/state/queries.ts";
import { CURRENCIES_ONLY } from "../amounts.ts";
import { windowText } from "../commands/settlement.ts";
import type { NodeStatus } from "../node-status.ts";
import { table } from "../output.ts";
import type { ImportReport } from "../payments/importer.ts";
import type { FailoverReport } from "./failover.ts";
import type { Summary } from "./read-books.ts";
import { balanced, type Reckoning } from "./reckon.ts";

export interface DayFacts {
  readonly source: string;
  readonly ledger: number;
  readonly payers: number;
  readonly payees: number;
  readonly cardPayments: number;
  readonly imported: ImportReport;
  readonly failover: FailoverReport | undefined;
  readonly nodes: readonly Omit<NodeStatus, "sections">[];
  readonly summaries: readonly Pick<Summary, "paymentsByState" | "paymentsByReason" | "totals">[];
  readonly window: WindowView | undefined;
  readonly reckoning: Reckoning;
  /** Of the machine, at the end. */
  readonly loadAverage: number;
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
  /** From the leader's SIGKILL to the first payment in a block of a later term; null where none followed. */
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

const ALL_WELL =
  "Every payment was answered; none was lost, doubled or invented; debits equal credits; all nodes agree.";
const REFUSED_SHOWN = 10;

/** States of a payment that is on its way to the payee, or there. */
const ACCEPTED = ["captured", "authorized", "authorizing", "capturing"];
const FAILED = ["failed", "voided", "voiding", "expired", "rejected"];

export function dayResult({ imported, failover, nodes, summaries, window, reckoning }: DayFacts): DayResult {
  const byState = summaries[0]?.paymentsByState ?? {};
  const count = (states: readonly string[]): number => states.reduce((sum, state) => sum + (byState[state] ?? 0), 0);
  const { payments, existing, refused, lost, seconds, p50Ms, p99Ms, maxMs, retried } = imported;
  return {
    payments,
    accepted: count(ACCEPTED),
    reviewed: count(["review"]),
    declined: count(["declined"]),
    failed: count(FAILED),
    refused: refused.length + existing,
    reasons: summaries[0]?.paymentsByReason ?? {},
    lost: lost.length + reckoning.missing,
    doubled: reckoning.doubled,
    invented: reckoning.invented,
    debitsEqualCredits: balanced(summaries),
    failoverMs: failover?.next?.failoverMs ?? null,
    nodes: nodes.map(({ id, height, digest }) => ({ id, height, digest })),
    netPositions: (window?.positions ?? []).map(({ name, net }) => ({ participant: name, net })),
    settlement: window?.state ?? "none",
    paymentsPerSecond: Math.round(payments / seconds),
    ...{ p50Ms, p99Ms, maxMs, retried },
  };
}

/** What is not as it must be, as sentences; nothing on a good day. */
export function problemsOf(result: DayResult): string[] {
  const { lost, doubled, invented, refused, debitsEqualCredits, nodes, netPositions, settlement } = result;
  const net = netPositions.reduce((sum, position) => sum + BigInt(position.net), 0n);
  const problems: readonly (readonly [boolean, string])[] = [
    [lost > 0, `payments lost: ${lost}`],
    [doubled > 0, `payments doubled: ${doubled}`],
    [invented > 0, `payments invented: ${invented}`],
    [refused > 0, `payments refused: ${refused}`],
    [!debitsEqualCredits, "debits do not equal credits"],
    [new Set(nodes.map(({ height }) => height)).size !== 1, "the nodes stand at different heights"],
    [new Set(nodes.map(({ digest }) => digest)).size !== 1, "the nodes' states differ"],
    [net !== 0n, `net positions add up to ${net}, not to 0`],
    [settlement !== "settled", `the state of the settlement window is ${settlement}`],
  ];
  return problems.filter(([wrong]) => wrong).map(([, sentence]) => sentence);
}

function failoverLines(failover: FailoverReport | undefined): string[] {
  if (failover === undefined) return ["no leader was killed"];
  const { killed, term, next } = failover;
  return [
    `node ${killed}, leader of term ${term}, was killed with SIGKILL under load; started again, it has caught up`,
    next === undefined
      ? "no payment came after it"
      : `the first payment under the next leader (term ${next.term}) was answered ${next.failoverMs} ms after the kill`,
  ];
}

/** A fact with its name in front, over as many lines as it takes. */
function fact(name: string, lines: readonly string[]): string {
  return lines.map((line, index) => `${(index === 0 ? name : "").padEnd(12)}${line}`).join("\n");
}

/** The page for people. */
export function dayText(facts: DayFacts, result: DayResult): string {
  const { source, ledger, payers, payees, cardPayments, imported, window, reckoning } = facts;
  const share = (count: number): string => `${((100 * count) / result.payments).toFixed(1)} %`;
  const problems = problemsOf(result);
  const outcomes = [
    ["accepted", result.accepted],
    ["waiting for review", result.reviewed],
    ["declined by risk", result.declined],
    ["failed at bank or network", result.failed],
  ] as const;
  return [
    `${result.payments} payments (${cardPayments} by card) from ${source}`,
    `${payers} payers, ${payees} payees; captured ${CURRENCIES_ONLY.formatAmount(reckoning.captured, ledger)}`,
    "",
    table([["outcome", "payments", "share"], ...outcomes.map(([name, count]) => [name, count, share(count)])]),
    "",
    table([["why", "payments"], ...Object.entries(result.reasons)]),
    "",
    fact("Throughput", [
      `${result.paymentsPerSecond} payments a second over ${imported.seconds.toFixed(1)} s, the failover included`,
      `each signed, agreed by a quorum and on disk (load average ${facts.loadAverage.toFixed(1)})`,
    ]),
    fact("Latency", [`half within ${result.p50Ms} ms, 99 % within ${result.p99Ms} ms, all within ${result.maxMs} ms`]),
    fact("Failover", failoverLines(facts.failover)),
    "",
    ...(window === undefined ? [] : [windowText(window, ledger, CURRENCIES_ONLY), ""]),
    table([
      ["node", "role", "term", "height", "state digest"],
      ...facts.nodes.map(({ id, role, term, height, digest }) => [`${id}`, role, term, height, digest]),
    ]),
    "",
    ...(problems.length === 0 ? [ALL_WELL] : ["SOMETHING IS WRONG", ...problems.map((problem) => `  ${problem}`)]),
    ...imported.refused.slice(0, REFUSED_SHOWN).map(({ id, reason }) => `  payment ${id} was refused: ${reason}`),
  ].join("\n");
}
