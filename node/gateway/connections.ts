/** Client connections of this node: what each has proven and how much it may still ask. */
import { CLIENT_CONNECTIONS_MAX, CLIENT_REQUESTS_IN_FLIGHT_MAX } from "../base/limits.ts";
import type { ConnectionId } from "../base/ports/network.ts";

/** Malformed frames after which a connection is closed. */
const MALFORMED_FRAMES_MAX = 16;

export interface Connection {
  readonly id: ConnectionId;
  readonly nonce: Uint8Array;
  /** The key the client has proven; nothing but `hello` is taken before. */
  publicKey: Uint8Array | undefined;
  /** It has said hello, which is answered once. */
  greeted: boolean;
  requestsOpen: number;
  malformedFrames: number;
}

export class Connections {
  readonly #open = new Map<ConnectionId, Connection>();

  get count(): number {
    return this.#open.size;
  }

  /** Undefined when there are too many. */
  open(id: ConnectionId, nonce: Uint8Array): Connection | undefined {
    if (this.#open.size >= CLIENT_CONNECTIONS_MAX) return undefined;
    const connection: Connection = {
      id,
      nonce,
      publicKey: undefined,
      greeted: false,
      requestsOpen: 0,
      malformedFrames: 0,
    };
    this.#open.set(id, connection);
    return connection;
  }

  get(id: ConnectionId): Connection | undefined {
    return this.#open.get(id);
  }

  close(id: ConnectionId): void {
    this.#open.delete(id);
  }

  /** Counts a request in; false when the connection has too many open. */
  beginRequest(connection: Connection): boolean {
    if (connection.requestsOpen >= CLIENT_REQUESTS_IN_FLIGHT_MAX) return false;
    connection.requestsOpen += 1;
    return true;
  }

  /** Counts a malformed frame; true when the connection has sent too many. */
  countMalformed(connection: Connection): boolean {
    connection.malformedFrames += 1;
    return connection.malformedFrames >= MALFORMED_FRAMES_MAX;
  }
}
