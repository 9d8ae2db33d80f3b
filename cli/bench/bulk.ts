/**
 * The bulk load: full batches of transfers between random accounts, each batch under one signature, in closed loops. The
 * shape of the benchmark command of the field's best-known ledger database, so that both can be run in turn.
 */

import { performance } from "node:perf_hooks";
import { CodedError } from "../../node/base/errors.ts";
import { Prng } from "../../node/base/prng.ts";
import { ask } from "../../node/client/ask.ts";
import {
  batchRuns,
  type Command,
  decodeAccounts,
  decodeTransfers,
  type QuorateClient,
} from "../../node/client/index.ts";
import { accountFilterFlags } from "../../node/ledger/filters.ts";
import { accountBatches, type BatchShape, TransferBatches } from "../../node/ledger/flat-batches.ts";
import { AccountStatus, TransferStatus } from "../../node/ledger/status.ts";
import { assertAddsUp } from "./history-check.ts";
import { type Percentiles, percentiles } from "./percentiles.ts";
import type { Target } from "./target.ts";

const SHAPE = { ledger: 978, code: 1 } as const;
const HISTORY_QUERIES = 100;
const HISTORY_LIMIT = 8_190;

export interface BulkOptions {
  readonly accounts: number;
  readonly transfers: number;
  readonly batch: number;
  readonly clients: number;
  readonly seed: number;
  /** The first transfer's id: the cluster has none from there on. */
  readonly firstId: number;
  readonly onProgress: (done: number, perSecond: number) => void;
}

export interface BulkFigures {
  readonly seconds: number;
  readonly transfersPerSecond: number;
  readonly batchLatencyMs: Percentiles;
  readonly queryLatencyMs: Percentiles;
}

/** Opens the accounts; what comes after is measured. */
export async function prepareBulk(target: Target, options: Pick<BulkOptions, "accounts">): Promise<void> {
  const client = await target.connect(0);
  try {
    for (const batch of accountBatches(shapeOf(options))) {
      await submitBatch(client, { kind: "createAccounts", batch }, AccountStatus.created);
    }
  } finally {
    client.close();
  }
}

/** Runs the load and measures it from the first batch to the last answer. */
export async function runBulk(target: Target, options: BulkOptions): Promise<Omit<BulkFigures, "queryLatencyMs">> {
  const clients: QuorateClient[] = [];
  for (let i = 0; i < options.clients; i++) clients.push(await target.connect(i));
  try {
    const batches = new TransferBatches(shapeOf(options), options.firstId, options.seed);
    const latencies: number[] = [];
    let left = options.transfers;
    let done = 0;
    const startedAt = performance.now();
    const take = (): Uint8Array | undefined => {
      const count = Math.min(options.batch, left);
      left -= count;
      return count === 0 ? undefined : batches.next(count);
    };
    const loop = async (client: QuorateClient): Promise<void> => {
      for (let batch = take(); batch !== undefined; ) {
        const sentAt = performance.now();
        const answer = submitBatch(client, { kind: "createTransfers", batch }, TransferStatus.created);
        const next = take(); // made while the cluster works
        const answered = await answer; // by itself: another client's answers may come before
        done += answered;
        latencies.push(performance.now() - sentAt);
        options.onProgress(done, done / ((performance.now() - startedAt) / 1_000));
        batch = next;
      }
    };
    await Promise.all(clients.map(loop));
    const seconds = (performance.now() - startedAt) / 1_000;
    if (done !== options.transfers) throw new CodedError("bench_wrong_result", `${done} transfers were answered`);
    const transfersPerSecond = Math.round(options.transfers / seconds);
    return { seconds, transfersPerSecond, batchLatencyMs: percentiles(latencies) };
  } finally {
    for (const client of clients) client.close();
  }
}

/**
 * Asks for the history of random accounts, one after another. What comes back is checked when all of it is there, so that
 * checking disturbs no measurement.
 */
export async function queryHistories(target: Target, options: BulkOptions): Promise<Percentiles> {
  const client = await target.connect(0);
  const random = new Prng(options.seed).fork("queries");
  try {
    const latencies: number[] = [];
    const pages = new Map<bigint, RecordsPage>();
    for (let i = 0; i < HISTORY_QUERIES; i++) {
      const accountId = BigInt(1 + random.below(options.accounts));
      const askedAt = performance.now();
      const page = await ask(client, {
        ...{ type: "accountTransfers", accountId, limit: HISTORY_LIMIT },
        flags: accountFilterFlags.debits | accountFilterFlags.credits | accountFilterFlags.reversed,
      });
      latencies.push(performance.now() - askedAt);
      pages.set(accountId, page);
    }
    await checkHistories(client, pages);
    await checkStored(client, options);
    return percentiles(latencies);
  } finally {
    client.close();
  }
}

interface RecordsPage {
  readonly records: Uint8Array;
  readonly next: string;
}

/** Each account must be there, with balances to which its history adds up. */
async function checkHistories(client: QuorateClient, pages: ReadonlyMap<bigint, RecordsPage>): Promise<void> {
  const { records } = (await ask(client, { type: "accounts", ids: [...pages.keys()] })) as Pick<RecordsPage, "records">;
  const accounts = new Map(decodeAccounts(records).map((account) => [account.id, account]));
  for (const [id, page] of pages) {
    const account = accounts.get(id);
    if (account === undefined) throw new CodedError("bench_wrong_result", `account ${id} was not found`);
    assertAddsUp(account, { transfers: decodeTransfers(page.records), isWhole: page.next === "0" });
  }
}

/** The cluster holds what it was given, and nothing else. */
async function checkStored(client: QuorateClient, options: BulkOptions): Promise<void> {
  const { accounts, transfers } = await ask(client, { type: "summary" });
  if (accounts === options.accounts && transfers === options.firstId - 1 + options.transfers) return;
  throw new CodedError("bench_wrong_result", `the cluster holds ${accounts} accounts and ${transfers} transfers`);
}

function shapeOf({ accounts }: Pick<BulkOptions, "accounts">): BatchShape {
  return { accounts, ...SHAPE };
}

/** Submits a batch of which every event must be created; tells how many there were. */
async function submitBatch(client: QuorateClient, command: Command, created: number): Promise<number> {
  const { result } = await client.submit(command);
  if (result.status !== "ok") throw new CodedError(result.status, `a batch was refused: ${result.status}`);
  const { count, runs } = batchRuns(result);
  const bad = runs.find(({ status }) => status !== created);
  if (bad !== undefined) throw new CodedError("bench_wrong_result", `event ${bad.from} has status ${bad.status}`);
  return count;
}
