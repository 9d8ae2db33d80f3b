/** The client's one connection: to any node that takes us, and to the next when it is lost; and short ones beside it. */
import type { ClusterFile, ClusterNode } from "../transport/cluster-file.ts";
import type { Signer } from "../wire/transaction.ts";
import { Connection } from "./connection.ts";
import { before, left } from "./deadline.ts";
import { ClientError, isRetriable } from "./errors.ts";

export interface ConnectorOptions {
  readonly cluster: ClusterFile;
  readonly signer: Signer;
  readonly firstNode: number | undefined;
}

export class Connector {
  readonly #options: ConnectorOptions;
  #nextNode: number;
  #connection: Connection | undefined;
  #dialling: Promise<Connection> | undefined;
  readonly #aside = new Set<Connection>();
  #closed = false;

  constructor(options: ConnectorOptions) {
    this.#options = options;
    const first = options.cluster.nodes.findIndex(({ id }) => id === options.firstNode);
    this.#nextNode = Math.max(first, 0);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The node we are connected to; undefined while there is none. */
  get node(): number | undefined {
    return this.#connection?.lost === false ? this.#connection.node.id : undefined;
  }

  /**
   * The connection in use, or a new one to the next node that takes us. Throws `ClientError`: why the nodes would not,
   * `closed`, or `timeout` when `deadline` (of `performance.now`) comes first.
   */
  async connect(deadline: number): Promise<Connection> {
    if (this.#closed) throw closedError();
    if (this.#connection?.lost === false) return this.#connection;
    this.#dialling ??= this.#dial().finally(() => {
      this.#dialling = undefined;
    });
    return await before(deadline, this.#dialling);
  }

  /** All nodes but one, beginning with the next in the cluster file. */
  others(than: number): readonly ClusterNode[] {
    const { nodes } = this.#options.cluster;
    const at = nodes.findIndex(({ id }) => id === than);
    return [...nodes.slice(at + 1), ...nodes.slice(0, Math.max(at, 0))];
  }

  /** A connection of its own to a node, which the caller closes. Throws `ClientError`. */
  async connectAside(node: ClusterNode, deadline: number): Promise<Connection> {
    if (this.#closed) throw closedError();
    const { cluster, signer } = this.#options;
    const connection = await Connection.open(cluster, node, signer, left(deadline));
    for (const other of this.#aside) if (other.lost) this.#aside.delete(other);
    this.#aside.add(connection);
    if (this.#closed) connection.close();
    return connection;
  }

  close(): void {
    this.#closed = true;
    this.#connection?.close();
    for (const connection of this.#aside) connection.close();
  }

  /** Tries each node once. Where one may take us later, that is the answer; what will never do comes second. */
  async #dial(): Promise<Connection> {
    const { cluster, signer } = this.#options;
    const { nodes } = cluster;
    const failures: ClientError[] = [];
    for (let tried = 0; tried < nodes.length; tried++) {
      const node = nodes[this.#nextNode % nodes.length];
      this.#nextNode += 1;
      if (node === undefined) break;
      try {
        const connection = await Connection.open(cluster, node, signer);
        if (this.#closed) connection.close();
        else this.#connection = connection;
        return connection;
      } catch (error) {
        if (!(error instanceof ClientError)) throw error;
        failures.push(error);
      }
      if (this.#closed) throw closedError();
    }
    const later = failures.find(({ code }) => isRetriable(code));
    throw later ?? failures[0] ?? new ClientError("no_node", "the cluster has no nodes");
  }
}

export function closedError(): ClientError {
  return new ClientError("closed", "the client was closed");
}
