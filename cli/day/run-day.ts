/**
 * The main job: a day of payments through a real cluster of processes, with the leader killed in the middle, and the
 * reckoning afterwards.
 */
import { performance } from "node:perf_hooks";
import { CodedError } from "../../node/base/errors.ts";
import { QuorateClient } from "../../node/client/index.ts";
import { waitReady } from "../node-status.ts";
import type { Output } from "../output.ts";
import { type Answer, importPayments } from "../payments/importer.ts";
import type { PaymentRow } from "../payments/payment-row.ts";
import type { LocalCluster } from "../processes.ts";
import { type Banks, connectBanks, newBankKeys, signerOf } from "./banks.ts";
import { Failover } from "./failover.ts";
import { acquirerReport, closedWindow, intentsClosed, nodesLevel, reckon, summaries } from "./reconcile.ts";
import type { DayFacts } from "./report.ts";
import { registerBanks, setUp } from "./set-up.ts";

/** Share of the payments that must be answered before the leader is killed. */
const KILL_AT = 0.4;
const IN_FLIGHT = 256;
const PROGRESS_EVERY = 100;
/** One payment in so many goes by card. */
const CARD_EVERY = 10n;

/** Lets some of the payments that have no card go by one: every tenth, whatever the order. */
export function withCards(rows: readonly PaymentRow[]): PaymentRow[] {
  return rows.map((row) =>
    row.cardToken === undefined && row.id % CARD_EVERY === 0n ? { ...row, cardToken: `tok_${row.payer}` } : row,
  );
}

interface Imported {
  readonly imported: DayFacts["imported"];
  readonly failover: DayFacts["failover"];
  /** Ids of the payments that were executed and not refused. */
  readonly executed: ReadonlySet<bigint>;
}

async function importDay(
  local: LocalCluster,
  banks: Banks,
  rows: readonly PaymentRow[],
  output: Output,
): Promise<Imported> {
  const failover = new Failover(local);
  const executed = new Set<bigint>();
  const startedAt = performance.now();
  const onAnswer = ({ row, outcome }: Answer, answered: number): void => {
    if (outcome.result.status === "ok") executed.add(row.id);
    failover.see(outcome);
    if (answered >= rows.length * KILL_AT) failover.begin();
    if (answered % PROGRESS_EVERY !== 0) return;
    const rate = answered / ((performance.now() - startedAt) / 1_000);
    output.progress(`${answered} of ${rows.length} payments, ${rate.toFixed(0)} a second`);
  };
  const imported = await importPayments(rows, {
    clientFor: (row) => signerOf(banks, row).client,
    inFlightMax: IN_FLIGHT,
    onAnswer,
  });
  return { imported, failover: await failover.done(), executed };
}

/** Runs the day on a cluster whose processes have been started; throws `CodedError`. */
export async function runDay(
  local: LocalCluster,
  rows: readonly PaymentRow[],
  source: string,
  output: Output,
): Promise<DayFacts> {
  const { cluster, admin: adminKey } = local;
  const ledger = rows[0]?.ledger;
  if (ledger === undefined) throw new CodedError("usage", "there are no payments");
  output.note("Waiting for the cluster to elect a leader ...");
  await waitReady(cluster, adminKey);
  const admin = await QuorateClient.open({ cluster, signer: adminKey });
  const keys = newBankKeys();
  const numbers = await registerBanks(admin, keys);
  const banks = await connectBanks(cluster, keys);
  try {
    output.note("Opening accounts, funding payers, setting up settlement, cards and risk rules ...");
    const accounts = await setUp(admin, banks, numbers, rows);
    output.note(`Importing ${rows.length} payments; the leader will be killed in the middle ...`);
    const { imported, failover, executed } = await importDay(local, banks, rows, output);
    output.note("Waiting for the card network, closing the settlement window, comparing the nodes ...");
    await intentsClosed(admin);
    await admin.submit({ kind: "closeSettlement", body: { ledger } });
    const reckoning = await reckon(admin, rows, executed, await acquirerReport(local.acquirerPort));
    const window = await closedWindow(admin, ledger);
    const nodes = await nodesLevel(cluster, adminKey);
    const cardPayments = rows.filter(({ cardToken }) => cardToken !== undefined).length;
    const stands = await summaries(cluster, adminKey);
    return { source, ledger, accounts, cardPayments, imported, failover, nodes, summaries: stands, window, reckoning };
  } finally {
    admin.close();
    for (const { client } of banks.all) client.close();
  }
}
