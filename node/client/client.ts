/**
 * The client: submits signed transactions so that each is executed once, whatever fails on the way, and hands back a
 * receipt that it has checked.
 *
 * A transaction is signed once. Lost connections, timeouts and passing refusals lead to the same bytes being sent again,
 * to the next node if need be; the session makes that harmless. When the deadline passes without an answer the outcome is
 * unknown, and the client says so instead of guessing.
 */
import { randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import { SESSION_WINDOW } from "../base/limits.ts";
import { type ClusterFile, sha256 } from "../transport/cluster-file.ts";
import type { Command } from "../wire/body.ts";
import type { Consistency } from "../wire/client-frames.ts";
import type { Receipt } from "../wire/receipt.ts";
import { decodeResult, type ResultFields } from "../wire/results.ts";
import { type Signer, signTransaction } from "../wire/transaction.ts";
import { Connection } from "./connection.ts";
import { ClientError, isRetriable } from "./errors.ts";
import { ReceiptChecker } from "./receipt-check.ts";
import { SequenceWindow } from "./sequence-window.ts";

const DEADLINE_MS = 30_000;
const ATTEMPT_MS = 2_000;
const PAUSE_MS = 20;
const PAUSE_MAX_MS = 250;
const LIFETIME_NS = 300_000_000_000n;
const NS_PER_MS = 1_000_000;

export interface ClientOptions {
  readonly cluster: ClusterFile;
  readonly signer: Signer;
  /** Id of the node to try first; any without. */
  readonly firstNode?: number;
  /** Milliseconds after which a request without an answer ends as `outcome_unknown`. */
  readonly deadlineMs?: number;
}

/** What became of a transaction. */
export interface Outcome {
  /** `status` is `ok`, or the refusal of the state machine; the other fields depend on the kind. */
  readonly result: { readonly status: string } & ResultFields;
  readonly receipt: Receipt;
  /** The receipt as it came, to be kept. */
  readonly receiptBytes: Uint8Array;
  /** The signed transaction. */
  readonly transaction: Uint8Array;
  readonly height: number;
  /** Term of the block's leader. */
  readonly attempts: number;
}

export class QuorateClient {
  readonly #options: ClientOptions;
  readonly #session: Uint8Array = new Uint8Array(randomBytes(16));
  readonly #window = new SequenceWindow(SESSION_WINDOW / 2);
  readonly #receipts: ReceiptChecker;
  #connecting: Promise<Connection> | undefined;
  #connection: Connection | undefined;
  #nextNode: number;
  /** Log time and the local clock when it was learnt. */
  #logTime: { readonly ns: bigint; readonly atMs: number } = { ns: 0n, atMs: 0 };
  #closed = false;

  private constructor(options: ClientOptions) {
    this.#options = options;
    this.#receipts = new ReceiptChecker(options.cluster);
    const first = options.cluster.nodes.findIndex(({ id }) => id === options.firstNode);
    this.#nextNode = Math.max(first, 0);
  }

  /** Connects to a node and opens a session; throws `ClientError`. */
  static async open(options: ClientOptions): Promise<QuorateClient> {
    const client = new QuorateClient(options);
    const opened = await client.#submit({ kind: "sessionOpen" }, 0, client.#deadline(undefined));
    if (opened.result.status !== "ok") {
      client.close();
      throw new ClientError(opened.result.status, "the cluster refused the session");
    }
    return client;
  }

  /** Connects without a session: for queries only. Throws `ClientError`. */
  static async openReader(options: ClientOptions): Promise<QuorateClient> {
    const client = new QuorateClient(options);
    await client.#connect(client.#deadline(undefined));
    return client;
  }

  /** The node we are connected to; undefined while there is none. */
  get node(): number | undefined {
    return this.#connection?.node.id;
  }

  /** Requests that have no answer yet. */
  get inFlight(): number {
    return this.#window.inFlight;
  }

  /**
   * Signs and submits a command; resolves when it has been executed or refused for good, with a checked receipt. Throws
   * `ClientError`: a node's refusal before the log, or `outcome_unknown` when the deadline has passed.
   */
  async submit(command: Command, deadlineMs?: number): Promise<Outcome> {
    const deadline = this.#deadline(deadlineMs);
    const sequence = await this.#window.take();
    try {
      return await this.#submit(command, sequence, deadline);
    } finally {
      this.#window.settle(sequence);
    }
  }

  /** Asks; resolves with the encoded answer. Throws `ClientError`. */
  async query(query: Uint8Array, consistency: Consistency = "linearizable", deadlineMs?: number): Promise<Uint8Array> {
    const deadline = this.#deadline(deadlineMs);
    for (let attempt = 1; ; attempt++) {
      try {
        const connection = await this.#connect(deadline);
        return await connection.query(query, consistency, Math.min(ATTEMPT_MS, this.#left(deadline)));
      } catch (error) {
        await this.#pauseOrThrow(error, attempt, deadline);
      }
    }
  }

  close(): void {
    this.#closed = true;
    this.#connection?.close();
  }

  async #submit(command: Command, sequence: number, deadline: number): Promise<Outcome> {
    let transaction: Uint8Array | undefined;
    for (let attempt = 1; ; attempt++) {
      try {
        const connection = await this.#connect(deadline);
        transaction ??= this.#sign(command, sequence);
        const receiptBytes = await connection.submit(transaction, Math.min(ATTEMPT_MS * attempt, this.#left(deadline)));
        const { receipt, height, timestamp } = this.#receipts.check(receiptBytes, transaction);
        this.#learnTime(timestamp);
        return { result: decodeResult(receipt.result), receipt, receiptBytes, transaction, height, attempts: attempt };
      } catch (error) {
        await this.#pauseOrThrow(error, attempt, deadline);
      }
    }
  }

  #sign(command: Command, sequence: number): Uint8Array {
    const { cluster, signer } = this.#options;
    const elapsedNs = BigInt(Math.floor((performance.now() - this.#logTime.atMs) * NS_PER_MS));
    const expiry = this.#logTime.ns + elapsedNs + LIFETIME_NS;
    const placement = { clusterId: cluster.clusterId, session: this.#session, sequence, expiry };
    return signTransaction(sha256, signer, placement, command);
  }

  #learnTime(ns: bigint): void {
    const atMs = performance.now();
    const expected = this.#logTime.ns + BigInt(Math.floor((atMs - this.#logTime.atMs) * NS_PER_MS));
    if (ns > expected) this.#logTime = { ns, atMs };
  }

  #deadline(deadlineMs: number | undefined): number {
    return performance.now() + (deadlineMs ?? this.#options.deadlineMs ?? DEADLINE_MS);
  }

  #left(deadline: number): number {
    return Math.max(1, Math.ceil(deadline - performance.now()));
  }

  /** After a failed attempt: waits a little where another may succeed, else throws. */
  async #pauseOrThrow(error: unknown, attempt: number, deadline: number): Promise<void> {
    if (!(error instanceof ClientError)) throw error;
    if (this.#closed) throw new ClientError("closed", "the client was closed");
    if (!isRetriable(error.code)) throw error;
    if (error.code === "timeout" || error.code === "receipt_invalid") this.#leave();
    const pause = Math.min(PAUSE_MS * attempt, PAUSE_MAX_MS);
    if (performance.now() + pause >= deadline) {
      const reason = `no definite answer before the deadline (last: ${error.code}); retry with the same id`;
      throw new ClientError("outcome_unknown", reason, {}, error);
    }
    await new Promise((resolve) => {
      setTimeout(resolve, pause);
    });
  }

  /** Gives the present node up; the next request goes to another. */
  #leave(): void {
    this.#connection?.close();
  }

  /** The connection in use, or a new one to the next node that takes us. */
  async #connect(deadline: number): Promise<Connection> {
    if (this.#closed) throw new ClientError("closed", "the client was closed");
    if (this.#connection !== undefined && !this.#connection.lost) return this.#connection;
    this.#connecting ??= this.#dial(deadline).finally(() => {
      this.#connecting = undefined;
    });
    return await this.#connecting;
  }

  async #dial(deadline: number): Promise<Connection> {
    const { cluster, signer } = this.#options;
    const { nodes } = cluster;
    let last = new ClientError("no_node", "the cluster has no nodes");
    for (let tried = 0; tried < nodes.length && performance.now() < deadline; tried++) {
      const node = nodes[this.#nextNode % nodes.length];
      this.#nextNode += 1;
      if (node === undefined) break;
      try {
        const { connection, logTime } = await Connection.open(cluster, node, signer);
        this.#learnTime(logTime);
        this.#connection = connection;
        return connection;
      } catch (error) {
        if (!(error instanceof ClientError)) throw error;
        last = error;
      }
    }
    if (isRetriable(last.code)) throw last;
    throw new ClientError(last.code, last.message, {}, last);
  }
}
