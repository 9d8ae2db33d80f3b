/** The cluster under test: one that the benchmark has started, or one that is there already. */

import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { must } from "../../node/base/assert.ts";
import { CodedError } from "../../node/base/errors.ts";
import { ask } from "../../node/client/ask.ts";
import { Connection } from "../../node/client/connection.ts";
import { ClientError, isRetriable } from "../../node/client/errors.ts";
import {
  batchResults,
  type ClusterFile,
  decodeReceipt,
  decodeResult,
  type KeyPair,
  QuorateClient,
} from "../../node/client/index.ts";
import { TransferStatus } from "../../node/ledger/status.ts";
import type { ResultFields } from "../../node/wire/results.ts";
import { clusterStatus, type NodeStatus, waitReady } from "../node-status.ts";
import { type ProcessUsage, processUsage } from "./process-usage.ts";

const DEADLINE_MS = 120_000;
const RETRY_MS = 20;

/** A connection that takes signed transactions of anybody. */
export interface Lane {
  submit(transaction: Uint8Array): Promise<Uint8Array>;
  /** Asks as an admin, and sees everything that was acknowledged before. */
  query(query: Uint8Array): Promise<Uint8Array>;
  close(): void;
}

export interface TargetOptions {
  readonly cluster: ClusterFile;
  readonly admin: KeyPair;
  /** Processes to watch by name: those of a cluster of our own. */
  readonly processes: ReadonlyMap<string, number>;
}

/** What each watched process had used at one moment, by name. */
export type Reading = ReadonlyMap<string, ProcessUsage>;

/** How often a node has made something durable since it started, and how long that took. */
export interface Synced {
  readonly syncs: number;
  readonly syncMs: number;
}

export class Target {
  readonly cluster: ClusterFile;
  readonly admin: KeyPair;
  readonly #processes: ReadonlyMap<string, number>;
  readonly #leader: number;

  private constructor({ cluster, admin, processes }: TargetOptions, leader: number) {
    this.cluster = cluster;
    this.admin = admin;
    this.#processes = processes;
    this.#leader = leader;
  }

  /** Waits until the cluster has a leader that all follow. */
  static async open(options: TargetOptions): Promise<Target> {
    await waitReady(options.cluster, options.admin);
    const [first] = await clusterStatus(options.cluster, options.admin);
    return new Target(options, first?.leader ?? 0);
  }

  /** A session of the admin: the first with the leader, the others with the nodes behind it in turn. */
  async connect(index: number): Promise<QuorateClient> {
    const firstNode = this.#nodeFor(index).id;
    return await QuorateClient.open({ cluster: this.cluster, signer: this.admin, firstNode, deadlineMs: DEADLINE_MS });
  }

  /** A bare connection to the leader or, by rising `index`, to the nodes behind it in turn. */
  async lane(index: number): Promise<Lane> {
    const connection = await Connection.open(this.cluster, this.#nodeFor(index), this.admin);
    return {
      submit: (transaction) => answered(connection, () => connection.submit(transaction, DEADLINE_MS)),
      query: (query) => answered(connection, () => connection.query(query, "linearizable", DEADLINE_MS)),
      close: () => connection.close(),
    };
  }

  async nodes(): Promise<readonly NodeStatus[]> {
    return await clusterStatus(this.cluster, this.admin);
  }

  /** The highest block that a node has applied. */
  async height(): Promise<number> {
    return Math.max(...(await this.nodes()).map(({ height }) => height));
  }

  read(): Reading {
    return new Map([...this.#processes].map(([name, pid]) => [name, processUsage(pid)]));
  }

  /** Of each node that says so, by its id. */
  async synced(): Promise<ReadonlyMap<number, Synced>> {
    const nodes = await this.nodes();
    return new Map(
      nodes.flatMap(({ id, sections }) => {
        const { syncs, syncMs } = sections["disk"] ?? {};
        return typeof syncs === "number" && typeof syncMs === "number" ? [[id, { syncs, syncMs }] as const] : [];
      }),
    );
  }

  /** Throws `CodedError` `cluster_not_empty`: a benchmark writes its own accounts and transfers, and takes none back. */
  async assertEmpty(): Promise<void> {
    const client = await this.connect(0);
    try {
      const { accounts, transfers } = await ask(client, { type: "summary" });
      if (accounts === 0 && transfers === 0) return;
      const held = `${accounts} accounts and ${transfers} transfers`;
      throw new CodedError("cluster_not_empty", `the cluster holds ${held}: nothing was written; name a fresh one`);
    } finally {
      client.close();
    }
  }

  #nodeFor(index: number): ClusterFile["nodes"][number] {
    const { nodes } = this.cluster;
    const leaderAt = nodes.findIndex(({ id }) => id === this.#leader);
    return must(nodes[(leaderAt + index) % nodes.length], "a cluster has nodes");
  }
}

/** Sends the same bytes again while the cluster says that a later attempt may succeed. */
async function answered(connection: Connection, send: () => Promise<Uint8Array>): Promise<Uint8Array> {
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    try {
      return await send();
    } catch (error) {
      const passing = error instanceof ClientError && isRetriable(error.code) && !connection.lost;
      if (!passing || performance.now() > deadline) throw error;
      await sleep(RETRY_MS);
    }
  }
}

/** Submits signed bytes that must be executed with success; tells their result. */
export async function accepted(lane: Lane, transaction: Uint8Array): Promise<ResultFields> {
  const result = decodeResult(decodeReceipt(await lane.submit(transaction)).result);
  if (result.status !== "ok") throw new CodedError(result.status, `a transaction was refused: ${result.status}`);
  if (!("runs" in result)) return result;
  const bad = batchResults(result).find(({ status }) => status !== TransferStatus.created);
  if (bad !== undefined) throw new CodedError("bench_wrong_result", `an event has status ${bad.status}`);
  return result;
}
