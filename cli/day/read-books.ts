/**
 * Waiting for the cluster to come to rest after the day, and reading what the reckoning needs.
 */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { CodedError } from "../../node/base/errors.ts";
import { ask } from "../../node/client/ask.ts";
import { type ClusterFile, QuorateClient, type Signer } from "../../node/client/index.ts";
import { decodeAccounts } from "../../node/ledger/records.ts";
import type { PaymentView, QueryAnswer, WindowView } from "../../node/state/queries.ts";
import type { AcquirerReport } from "../../sim/acquirer/core.ts";

import { clusterStatus, type NodeStatus } from "../node-status.ts";

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

/** What has been credited to accounts; one that is not there is not in the answer. */
export async function creditsOf(admin: QuorateClient, ids: readonly bigint[]): Promise<ReadonlyMap<bigint, bigint>> {
  const credits = new Map<bigint, bigint>();
  for (let at = 0; at < ids.length; at += PAGE) {
    const { records } = await ask(admin, { type: "accounts", ids: ids.slice(at, at + PAGE) });
    for (const { id, creditsPosted } of decodeAccounts(records)) credits.set(id, creditsPosted);
  }
  return credits;
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
