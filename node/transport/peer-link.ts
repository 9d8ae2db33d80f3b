/**
 * The outgoing link to one peer: dials, proves who is there, sends; and dials again when it breaks, ever more slowly.
 * Frames that find no link are lost, which the protocols above expect.
 */
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { WebSocket } from "ws";
import { assert } from "../base/assert.ts";
import { equalBytes, toHex } from "../base/bytes.ts";
import { errorMessage } from "../base/errors.ts";
import type { NodeId } from "../base/ids.ts";
import { CONNECTION_BUFFER_BYTES_MAX, FRAME_BYTES_MAX } from "../base/limits.ts";
import type { Clock, Timer } from "../base/ports/clock.ts";
import type { Log } from "../base/ports/log.ts";
import type { Peer } from "../base/ports/network.ts";
import type { Random } from "../base/ports/random.ts";
import { FrameWriter } from "./frame-writer.ts";
import { KeepAlive } from "./keep-alive.ts";
import { CLUSTER_HEADER, NODE_HEADER, POLICY_VIOLATION, REFUSAL_HEADER } from "./peer-admission.ts";
import { provenKey, TLS_OPTIONS, type TlsCredentials, zeroMask } from "./tls.ts";
import { WEB_SOCKET_BOUNDS } from "./web-socket-bounds.ts";
import { lengthOf } from "./web-socket-frame.ts";

const BACK_OFF_MS = 50;
const BACK_OFF_MAX_MS = 1_000;
const HANDSHAKE_TIMEOUT_MS = 2_000;
/** How long a link that is closed may take to send what waits in it. */
const CLOSE_TIMEOUT_MS = 1_000;

export interface PeerLinkOptions {
  readonly self: NodeId;
  readonly peer: Peer;
  readonly clusterId: Uint8Array;
  readonly credentials: TlsCredentials;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export class PeerLink {
  readonly #options: PeerLinkOptions;
  #socket: WebSocket | undefined;
  #writer: FrameWriter | undefined;
  /** Of the present link; undefined while there is none. */
  #keepAlive: KeepAlive | undefined;
  /** Attempts since a link last gave a sign of life. */
  #failures = 0;
  #timer: Timer | undefined;
  #closed = false;
  /** Why the last attempt failed: said once, not at every attempt. */
  #complaint = "";

  constructor(options: PeerLinkOptions) {
    this.#options = options;
    this.#dial();
  }

  get peer(): Peer {
    return this.#options.peer;
  }

  get connected(): boolean {
    return this.#keepAlive !== undefined;
  }

  /** Sends a frame of these pieces; false when there is no link or too much waits in it. */
  send(...pieces: readonly Uint8Array[]): boolean {
    const bytes = lengthOf(pieces);
    assert(bytes <= FRAME_BYTES_MAX, `a frame of ${bytes} bytes is more than a peer takes`);
    const writer = this.#writer;
    if (this.#keepAlive === undefined || writer === undefined) return false;
    if (writer.bufferedBytes + bytes > CONNECTION_BUFFER_BYTES_MAX) return false;
    writer.send(...pieces);
    return true;
  }

  /** Ends the link once what was sent has left, and dials no more: a node that is removed shall hear of it. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#keepAlive?.stop();
    this.#keepAlive = undefined;
    const socket = this.#socket;
    if (socket === undefined) return;
    this.#writer?.flush();
    socket.close();
    this.#timer = this.#options.clock.setTimer(CLOSE_TIMEOUT_MS, () => socket.terminate());
  }

  #dial(): void {
    const { self, peer, clusterId, credentials, clock, log } = this.#options;
    const host = peer.host.includes(":") ? `[${peer.host}]` : peer.host;
    const socket = new WebSocket(`wss://${host}:${peer.port}/peer`, {
      ...TLS_OPTIONS,
      ...credentials,
      headers: { [CLUSTER_HEADER]: toHex(clusterId), [NODE_HEADER]: String(self) },
      ...WEB_SOCKET_BOUNDS,
      generateMask: zeroMask,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      autoPong: false,
      finishRequest: (request) => {
        request.once("socket", (stream) => stream.once("secureConnect", () => this.#ask(request, stream, socket)));
      },
    });
    this.#socket = socket;
    socket.on("upgrade", (response) => {
      response.socket.setNoDelay(true);
      this.#writer = new FrameWriter({ webSocket: socket, stream: response.socket, dialled: true });
    });
    socket.on("unexpected-response", (_request, response: IncomingMessage) => {
      const refusal = response.headers[REFUSAL_HEADER];
      this.#complain(typeof refusal === "string" ? refusal : `HTTP status ${response.statusCode ?? 0}`);
      response.resume();
      socket.terminate();
    });
    socket.on("open", () => {
      if (this.#closed) return;
      this.#complaint = "";
      log.debug("transport.peer_connected", { peer: peer.id });
      this.#keepAlive = new KeepAlive(socket, clock, () => {
        this.#failures = 0;
      });
    });
    socket.on("error", (error) => log.debug("transport.peer_error", { peer: peer.id, reason: errorMessage(error) }));
    socket.on("close", (code, reason) => {
      if (code === POLICY_VIOLATION && !this.#closed) this.#complain(reason.toString());
      this.#lost(socket);
    });
  }

  /**
   * Asks for the link only when TLS has shown that the peer is there. Another node at its address, as one that was entered in
   * its place, would take us for us and end the link that we have with itself.
   */
  #ask(request: ClientRequest, stream: Socket, socket: WebSocket): void {
    const key = provenKey(stream);
    if (key !== undefined && equalBytes(key, this.#options.peer.publicKey)) {
      request.end();
      return;
    }
    this.#complain("wrong_node");
    socket.terminate();
  }

  /** A peer that is there and will not have us, or is somebody else, is for the operator to look at. */
  #complain(reason: string): void {
    if (reason === this.#complaint) return;
    this.#complaint = reason;
    const { peer, log } = this.#options;
    log.warn("transport.link_refused", { peer: peer.id, host: peer.host, port: peer.port, code: reason });
  }

  #lost(socket: WebSocket): void {
    if (this.#socket !== socket) return;
    if (this.#keepAlive !== undefined) this.#options.log.info("transport.peer_lost", { peer: this.#options.peer.id });
    this.#keepAlive?.stop();
    this.#keepAlive = undefined;
    this.#socket = undefined;
    if (this.#closed) {
      this.#timer?.cancel();
      return;
    }
    const backOff = Math.min(BACK_OFF_MS * 2 ** Math.min(this.#failures, 10), BACK_OFF_MAX_MS);
    this.#failures += 1;
    const delayMs = Math.floor(backOff / 2) + this.#options.random.below(Math.ceil(backOff / 2) + 1);
    this.#timer = this.#options.clock.setTimer(delayMs, () => this.#dial());
  }
}
