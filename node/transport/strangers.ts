/**
 * Connections that are no client's and no peer's: in the middle of a handshake, refused, or about to end. Anybody can have
 * any number of them, and each takes a descriptor that the log may need, so they are bounded. Beyond the bound one goes for
 * each that comes, so that whoever is quick, as a peer is, always gets in: the oldest of the address that has most of them.
 */
import type { Socket } from "node:net";

interface Stranger {
  readonly socket: Socket;
  readonly address: string;
}

/** What a connection is known by, over TLS and below it. */
export type Ends = Pick<Socket, "remoteAddress" | "remotePort" | "localAddress">;

export class Strangers {
  readonly #max: number;
  readonly #onFull: () => void;
  /** By their ends, the oldest first. */
  readonly #all = new Map<string, Stranger>();
  #isFull = false;

  /** `onFull` is called when the bound is reached, and again only when there was room for half of it meanwhile. */
  constructor(max: number, onFull: () => void) {
    this.#max = max;
    this.#onFull = onFull;
  }

  get count(): number {
    return this.#all.size;
  }

  add(socket: Socket): void {
    const { remoteAddress: address } = socket;
    if (address === undefined) {
      socket.destroy(); // it has gone already
      return;
    }
    if (this.#all.size >= this.#max) this.#dropOne();
    else if (this.#all.size < this.#max / 2) this.#isFull = false;
    const name = nameOf(socket);
    this.#all.set(name, { socket, address });
    socket.once("close", () => {
      if (this.#all.get(name)?.socket === socket) this.#all.delete(name);
    });
  }

  /** A stranger has become somebody: the connection below; undefined when it has gone. */
  take(ends: Ends): Socket | undefined {
    const name = nameOf(ends);
    const stranger = this.#all.get(name);
    this.#all.delete(name);
    return stranger?.socket;
  }

  #dropOne(): void {
    if (!this.#isFull) this.#onFull();
    this.#isFull = true;
    const counts = new Map<string, number>();
    for (const { address } of this.#all.values()) counts.set(address, (counts.get(address) ?? 0) + 1);
    const most = Math.max(...counts.values());
    for (const [name, { socket, address }] of this.#all) {
      if (counts.get(address) !== most) continue;
      this.#all.delete(name);
      socket.destroy();
      return;
    }
  }
}

function nameOf({ remoteAddress, remotePort, localAddress }: Ends): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}
