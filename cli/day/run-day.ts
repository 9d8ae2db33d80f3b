/**
 * The main job: a day of payments through a real cluster of processes, with the leader killed in the middle, and the
 * reckoning afterwards.
 */
import { loadavg } from "node:os";
import { performance } from "node:perf_hooks";
import { CodedError } from "../../node/base/errors.ts";
import { QuorateClient } from "../../node/client/index.ts";
import { waitReady } from "../node-status.ts";
import type { Output } from "../output.ts";
import { type Answer, importPayments } from "../payments/importer.ts";
import type { PaymentRow } from "../payments/payment-row.ts";
import type { LocalCluster } from "../processes.ts";
import { anyExit } from "../start-local.ts";
import { type Banks, connectBanks, newBankKeys, signerOf } from "./banks.ts";
import { type Customers, customersOf } from "./customers.ts";
import { Failover } from "./failover.ts";
import {
  acquirerReport,
  allPayments,
  closedWindow,
  creditsOf,
  intentsClosed,
  nodesLevel,
  summaries,
} from "./read-books.ts";
import { type Reckoning, reckon } from "./reckon.ts";
import type { DayFacts } from "./report.ts";
import { givenTo, registerBanks, setUp } from "./set-up.ts";

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

/** A day on its way. */
interface Day {
  readonly local: LocalCluster;
  readonly rows: readonly PaymentRow[];
  readonly output: Output;
  readonly admin: QuorateClient;
  readonly banks: Banks;
  readonly customers: Customers;
  readonly signal: AbortSignal;
}

interface Imported {
  readonly imported: DayFacts["imported"];
  readonly failover: DayFacts["failover"];
  /** Ids of the payments that were executed and not refused. */
  readonly executed: ReadonlySet<bigint>;
}

async function importDay({ local, rows, output, banks, customers, signal }: Day): Promise<Imported> {
  const failover = new Failover({ local, onEvent: (text) => output.note(text), signal });
  await failover.prepare();
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
    clientFor: (row) => signerOf(banks, customers, row).client,
    inFlightMax: IN_FLIGHT,
    onAnswer,
  });
  return { imported, failover: await failover.done(), executed };
}

async function reckonUp({ local, rows, admin, customers }: Day, executed: ReadonlySet<bigint>): Promise<Reckoning> {
  const given = givenTo(customers);
  return reckon({
    ...{ rows, executed, given },
    payments: await allPayments(admin),
    credits: await creditsOf(admin, [...given.keys()]),
    acquirer: await acquirerReport(local.acquirerPort),
  });
}

export interface DayOptions {
  readonly local: LocalCluster;
  readonly rows: readonly PaymentRow[];
  /** Where the payments are from, for people. */
  readonly source: string;
  readonly output: Output;
  /** Aborted when the day is broken off. */
  readonly signal: AbortSignal;
}

/** Runs the day on a new cluster, which it starts; throws `CodedError`, at once when a process does not last. */
export async function runDay(options: DayOptions): Promise<DayFacts> {
  const ended = anyExit(options.local);
  options.local.startAll();
  return await Promise.race([wholeDay(options), ended]);
}

async function wholeDay({ local, rows, source, output, signal }: DayOptions): Promise<DayFacts> {
  const { cluster, admin: adminKey } = local;
  const ledger = rows[0]?.ledger;
  if (ledger === undefined) throw new CodedError("usage", "there are no payments");
  output.note("Waiting for the cluster to elect a leader ...");
  await waitReady(cluster, adminKey);
  const admin = await QuorateClient.open({ cluster, signer: adminKey });
  const keys = newBankKeys();
  const numbers = await registerBanks(admin, keys);
  const banks = await connectBanks(cluster, keys);
  const customers = customersOf(rows);
  try {
    output.note("Opening accounts, funding payers, setting up settlement, cards and risk rules ...");
    await setUp(admin, banks, numbers, customers, ledger);
    output.note(`Importing ${rows.length} payments; the leader will be killed in the middle ...`);
    const today: Day = { local, rows, output, admin, banks, customers, signal };
    const { imported, failover, executed } = await importDay(today);
    output.note("Waiting for the card network, closing the settlement window, comparing the nodes ...");
    await intentsClosed(admin);
    await admin.submit({ kind: "closeSettlement", body: { ledger } });
    const reckoning = await reckonUp(today, executed);
    const window = await closedWindow(admin, ledger);
    const nodes = await nodesLevel(cluster, adminKey);
    const cardPayments = rows.filter(({ cardToken }) => cardToken !== undefined).length;
    return {
      ...{ source, ledger, payers: customers.payers.size, payees: new Set(rows.map(({ payee }) => payee)).size },
      ...{ cardPayments, imported, failover, nodes, window, reckoning },
      summaries: await summaries(cluster, adminKey),
      loadAverage: loadavg()[0] ?? 0,
    };
  } finally {
    admin.close();
    for (const { client } of banks.all) client.close();
  }
}
