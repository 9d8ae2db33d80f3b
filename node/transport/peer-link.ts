/**
 * The outgoing link to one peer: dials, proves who is there, sends; and dials again when it breaks, ever more slowly.
 * Frames that find no link are lost, which the protocols above expect.
 */
import { WebSocket } from "ws";
import { equalBytes, toHex } from "../base/bytes.ts";
import { errorMessage } from "../base/errors.ts";
import type { NodeId } from "../base/ids.ts";
import { CONNECTION_BUFFER_BYTES_MAX, FRAME_BYTES_MAX } from "../base/limits.ts";
import type { Clock, Timer } from "../base/ports/clock.ts";
import type { Log } from "../base/ports/log.ts";
import type { Random } from "../base/ports/random.ts";
import { peerKey, TLS_OPTIONS, type TlsCredentials, zeroMask } from "./tls.ts";

const BACK_OFF_MS = 50;
const BACK_OFF_MAX_MS = 1_000;
const HANDSHAKE_TIMEOUT_MS = 2_000;
/** A link that has answered nothing for two of these is dead. */
const KEEP_ALIVE_MS = 1_000;

export interface PeerLinkOptions {
  readonly self: NodeId;
  readonly peer: { readonly id: NodeId; readonly publicKey: Uint8Array; readonly host: string; readonly port: number };
  readonly clusterId: Uint8Array;
  readonly credentials: TlsCredentials;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export class PeerLink {
  readonly #options: PeerLinkOptions;
  #socket: WebSocket | undefined;
  #open = false;
  #failures = 0;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: PeerLinkOptions) {
    this.#options = options;
    this.#dial();
  }

  get connected(): boolean {
    return this.#open;
  }

  /** Sends a frame; false when there is no link or too much waits in it. */
  send(frame: Uint8Array): boolean {
    const socket = this.#socket;
    if (!this.#open || socket === undefined) return false;
    if (socket.bufferedAmount + frame.length > CONNECTION_BUFFER_BYTES_MAX) return false;
    socket.send(frame);
    return true;
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#socket?.terminate();
  }

  #dial(): void {
    const { self, peer, clusterId, credentials } = this.#options;
    const host = peer.host.includes(":") ? `[${peer.host}]` : peer.host;
    const socket = new WebSocket(`wss://${host}:${peer.port}/peer`, {
      ...TLS_OPTIONS,
      ...credentials,
      headers: { "x-quorate-cluster": toHex(clusterId), "x-quorate-node": String(self) },
      perMessageDeflate: false,
      generateMask: zeroMask,
      maxPayload: FRAME_BYTES_MAX,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    });
    this.#socket = socket;
    let proven = false;
    socket.on("upgrade", (response) => {
      const key = peerKey(response);
      proven = key !== undefined && equalBytes(key, peer.publicKey);
      if (!proven) socket.terminate();
      response.socket.setNoDelay(true);
    });
    socket.on("open", () => {
      if (!proven) return;
      this.#open = true;
      this.#failures = 0;
      this.#options.log.debug("transport.peer_connected", { peer: peer.id });
      this.#keepAlive(socket);
    });
    socket.on("error", (error) => {
      this.#options.log.debug("transport.peer_error", { peer: peer.id, reason: errorMessage(error) });
    });
    socket.on("close", () => this.#lost(socket));
  }

  #keepAlive(socket: WebSocket): void {
    let answered = true;
    socket.on("pong", () => {
      answered = true;
    });
    const beat = (): void => {
      if (this.#socket !== socket || socket.readyState !== WebSocket.OPEN) return;
      if (!answered) {
        socket.terminate();
        return;
      }
      answered = false;
      socket.ping();
      this.#timer = this.#options.clock.setTimer(KEEP_ALIVE_MS, beat);
    };
    beat();
  }

  #lost(socket: WebSocket): void {
    if (this.#socket !== socket) return;
    if (this.#open) this.#options.log.info("transport.peer_lost", { peer: this.#options.peer.id });
    this.#open = false;
    this.#socket = undefined;
    this.#timer?.cancel();
    if (this.#closed) return;
    const backOff = Math.min(BACK_OFF_MS * 2 ** Math.min(this.#failures, 10), BACK_OFF_MAX_MS);
    this.#failures += 1;
    const delayMs = Math.floor(backOff / 2) + this.#options.random.below(Math.ceil(backOff / 2) + 1);
    this.#timer = this.#options.clock.setTimer(delayMs, () => this.#dial());
  }
}
