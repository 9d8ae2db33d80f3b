/**
 * Who waits for which transaction: several may wait for one, when a client asks again before it is answered.
 */
import type { NodeId } from "../base/ids.ts";
import type { ConnectionId } from "../base/ports/network.ts";

/** A request of a client that has no answer yet. */
export interface ClientRequest {
  readonly connection: ConnectionId;
  readonly request: number;
}

/** Another node that has handed a transaction on; it wants to know when that will not be ordered, and nothing else. */
interface Forwarder {
  readonly node: NodeId;
  readonly hash: Uint8Array;
}

export type Waiter = ClientRequest | Forwarder;

export class Waiters {
  readonly #byTransaction = new Map<string, Waiter[]>();

  get size(): number {
    return this.#byTransaction.size;
  }

  /** `hash` is the name of the transaction's hash. A node that hands it on again waits once: it is told once. */
  add(hash: string, waiter: Waiter): void {
    const waiters = this.#byTransaction.get(hash);
    if (waiters === undefined) this.#byTransaction.set(hash, [waiter]);
    else if ("connection" in waiter || !waiters.some((other) => "node" in other && other.node === waiter.node)) {
      waiters.push(waiter);
    }
  }

  has(hash: string): boolean {
    return this.#byTransaction.has(hash);
  }

  /** Takes out all that wait for the transaction. */
  take(hash: string): readonly Waiter[] {
    const waiters = this.#byTransaction.get(hash);
    if (waiters === undefined) return [];
    this.#byTransaction.delete(hash);
    return waiters;
  }

  /** Takes out everybody. */
  takeAll(): readonly Waiter[] {
    const waiters = [...this.#byTransaction.values()].flat();
    this.#byTransaction.clear();
    return waiters;
  }

  /** Forgets a connection that is gone. */
  dropConnection(connection: ConnectionId): void {
    for (const [hash, waiters] of this.#byTransaction) {
      const left = waiters.filter((waiter) => !("connection" in waiter && waiter.connection === connection));
      if (left.length === 0) this.#byTransaction.delete(hash);
      else if (left.length < waiters.length) this.#byTransaction.set(hash, left);
    }
  }
}
