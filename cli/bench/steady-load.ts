/**
 * A load that goes on whatever happens to nodes: a client at each node, single transfers, each answer kept with its time
 * and the term of its block. For measuring what clients see of a change of leader.
 */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { CodedError } from "../../node/base/errors.ts";
import { QUERY_RESULTS_MAX } from "../../node/base/limits.ts";
import { ask } from "../../node/client/ask.ts";
import { batchResults, decodeTransfers, QuorateClient } from "../../node/client/index.ts";
import { accountBatches, TransferBatches } from "../../node/ledger/flat-batches.ts";
import { TransferStatus } from "../../node/ledger/status.ts";
import { decodeBlockHeader } from "../../node/wire/block.ts";
import { nativeSigner } from "../native-signer.ts";
import type { LocalCluster } from "../processes.ts";

const SHAPE = { accounts: 1_000, ledger: 978, code: 1 } as const;
const WORKERS_PER_CLIENT = 4;
/** Between an answer and the next request of a worker: there is to be a load, not a full machine. */
const PAUSE_MS = 5;
/** Longer than any outage that is measured. */
const DEADLINE_MS = 60_000;

/** An answer that a client has got. */
export interface Acknowledgement {
  readonly client: number;
  readonly id: bigint;
  /** Of the leader that made the block. */
  readonly term: number;
  /** Of `performance.now`. */
  readonly atMs: number;
}

interface Watcher {
  readonly wanted: (acknowledged: Acknowledgement) => boolean;
  readonly resolve: (acknowledged: Acknowledgement) => void;
  readonly reject: (error: Error) => void;
}

export class SteadyLoad {
  readonly acknowledged: Acknowledgement[] = [];
  readonly #clients: readonly QuorateClient[];
  readonly #batches: TransferBatches;
  readonly #watchers = new Set<Watcher>();
  readonly #running: Promise<unknown>;
  /** Of the transfer that was sent last. */
  #lastId: number;
  #stopped = false;
  #failure: Error | undefined;

  private constructor(clients: readonly QuorateClient[], seed: number, firstId: number) {
    this.#clients = clients;
    this.#lastId = firstId - 1;
    this.#batches = new TransferBatches(SHAPE, firstId, seed);
    this.#running = Promise.all(
      clients.flatMap((client, index) => Array.from({ length: WORKERS_PER_CLIENT }, () => this.#work(client, index))),
    );
  }

  /** Opens accounts, where they are not open, and begins; the cluster has no transfers from `firstId` on. */
  static async start({ cluster, admin, nodeIds }: LocalCluster, seed: number, firstId = 1): Promise<SteadyLoad> {
    const signer = nativeSigner(admin);
    const clients: QuorateClient[] = [];
    for (const firstNode of nodeIds) {
      clients.push(await QuorateClient.open({ cluster, signer, firstNode, deadlineMs: DEADLINE_MS }));
    }
    for (const batch of accountBatches(SHAPE)) await clients[0]?.submit({ kind: "createAccounts", batch });
    return new SteadyLoad(clients, seed, firstId);
  }

  /** Resolves with the next answer that is wanted; rejects when the load has failed. */
  next(wanted: Watcher["wanted"]): Promise<Acknowledgement> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) reject(this.#failure);
      else this.#watchers.add({ wanted, resolve, reject });
    });
  }

  /** Resolves when each client has got the next answer that is wanted, with the last of them. */
  async nextOfEach(wanted: Watcher["wanted"]): Promise<Acknowledgement> {
    const each = this.#clients.map((_, client) => this.next((seen) => seen.client === client && wanted(seen)));
    const got = await Promise.all(each);
    return got.reduce((latest, one) => (one.atMs > latest.atMs ? one : latest));
  }

  /** When each client got its answers, in order, from a moment on. */
  timesByClient(fromMs: number): readonly (readonly number[])[] {
    const recent = this.acknowledged.filter(({ atMs }) => atMs >= fromMs);
    return this.#clients.map((_, client) => recent.filter((seen) => seen.client === client).map(({ atMs }) => atMs));
  }

  /** How many answers have come since a moment. */
  answersSince(fromMs: number): number {
    return this.acknowledged.length - this.acknowledged.findLastIndex(({ atMs }) => atMs < fromMs) - 1;
  }

  /** Lets what is under way end; throws what made the load fail. */
  async rest(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** How many acknowledged transfers the cluster does not have. */
  async countLost(): Promise<number> {
    const client = this.#clients[0] as QuorateClient;
    let found = 0;
    for (let from = 0; from < this.acknowledged.length; from += QUERY_RESULTS_MAX) {
      const ids = this.acknowledged.slice(from, from + QUERY_RESULTS_MAX).map(({ id }) => id);
      const { records } = (await ask(client, { type: "transfers", ids })) as { readonly records: Uint8Array };
      found += new Set(decodeTransfers(records).map(({ id }) => id)).size;
    }
    return this.acknowledged.length - found;
  }

  close(): void {
    this.#stopped = true;
    for (const client of this.#clients) client.close();
  }

  async #work(client: QuorateClient, index: number): Promise<void> {
    while (!this.#stopped) {
      try {
        this.#seen(await this.#transfer(client, index));
      } catch (error) {
        if (!this.#stopped) this.#fail(error);
        return;
      }
      await sleep(PAUSE_MS);
    }
  }

  async #transfer(client: QuorateClient, index: number): Promise<Acknowledgement> {
    this.#lastId += 1;
    const id = BigInt(this.#lastId);
    const { result, receipt } = await client.submit({ kind: "createTransfers", batch: this.#batches.next(1) });
    const created = result.status === "ok" && batchResults(result)[0]?.status === TransferStatus.created;
    if (!created) throw new CodedError("bench_wrong_result", `transfer ${id} was not created: ${result.status}`);
    const { term } = decodeBlockHeader(receipt.blockHeader);
    return { client: index, id, term, atMs: performance.now() };
  }

  #seen(acknowledged: Acknowledgement): void {
    this.acknowledged.push(acknowledged);
    for (const watcher of this.#watchers) {
      if (!watcher.wanted(acknowledged)) continue;
      this.#watchers.delete(watcher);
      watcher.resolve(acknowledged);
    }
  }

  #fail(error: unknown): void {
    const failure = error instanceof Error ? error : new CodedError("internal", String(error));
    this.#failure ??= failure;
    this.#stopped = true;
    for (const { reject } of this.#watchers) reject(failure);
    this.#watchers.clear();
  }
}
