/**
 * The network of a real node: one listener over TLS 1.3 for peers (`/peer`) and clients (`/client`), and a link of our own
 * to each peer. A peer is known by the key it proves; a client is nobody until the gateway has checked its hello.
 *
 * Each node sends on the links it dialled and takes frames on those it accepted, so no two nodes must agree on one link.
 */
import type { IncomingMessage } from "node:http";
import { createServer, type Server } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import { assert } from "../base/assert.ts";
import { equalBytes } from "../base/bytes.ts";
import { CodedError, errorMessage } from "../base/errors.ts";
import type { NodeId } from "../base/ids.ts";
import { CONNECTION_BUFFER_BYTES_MAX, FRAME_BYTES_MAX } from "../base/limits.ts";
import type { Clock, Timer } from "../base/ports/clock.ts";
import type { Log } from "../base/ports/log.ts";
import type { ConnectionId, Network, NetworkHandler, Peer } from "../base/ports/network.ts";
import type { Random } from "../base/ports/random.ts";
import { FrameWriter } from "./frame-writer.ts";
import type { Identity } from "./identity.ts";
import { KEEP_ALIVE_MS } from "./keep-alive.ts";
import { admitPeer, PEER_REMOVED, type PeerRefusal, POLICY_VIOLATION, REFUSAL_HEADER } from "./peer-admission.ts";
import { PeerLink } from "./peer-link.ts";
import { peerKey, TLS_OPTIONS } from "./tls.ts";

const CLIENT_KEEP_ALIVE_MS = 10_000;
/** How long a connection may take to get through TLS and the request that opens it. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

export interface WebSocketNetworkOptions {
  readonly id: NodeId;
  readonly identity: Identity;
  readonly clusterId: Uint8Array;
  /** Where this node listens, and its peers at first. */
  readonly nodes: readonly Peer[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** A link that a peer has dialled. */
interface Accepted {
  readonly socket: WebSocket;
  /** The key that the peer has proven. */
  readonly publicKey: Uint8Array;
}

interface Client {
  readonly socket: WebSocket;
  readonly writer: FrameWriter;
  alive: boolean;
}

export class WebSocketNetwork implements Network {
  readonly #options: WebSocketNetworkOptions;
  readonly #server: Server;
  readonly #sockets: WebSocketServer;
  /** The other nodes, as they are now. */
  #peers: readonly Peer[];
  readonly #links = new Map<NodeId, PeerLink>();
  /** By peer: the link it has dialled last. */
  readonly #accepted = new Map<NodeId, Accepted>();
  readonly #clients = new Map<ConnectionId, Client>();
  /** All connections, those in the middle of a handshake among them. */
  readonly #open = new Set<Socket>();
  #handler: NetworkHandler | undefined;
  #nextConnection = 1;
  #peerBeat: Timer | undefined;
  #clientBeat: Timer | undefined;

  private constructor(options: WebSocketNetworkOptions) {
    this.#options = options;
    this.#peers = othersOf(options.id, options.nodes);
    const { identity } = options;
    this.#server = createServer({
      ...TLS_OPTIONS,
      key: identity.toPem(),
      cert: identity.certificate,
      requestCert: true,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      headersTimeout: HANDSHAKE_TIMEOUT_MS,
      requestTimeout: HANDSHAKE_TIMEOUT_MS,
    });
    this.#server.on("connection", (socket: Socket) => {
      this.#open.add(socket);
      socket.once("close", () => this.#open.delete(socket));
    });
    this.#server.on("request", (_request, response) => {
      response.writeHead(404).end();
    });
    this.#server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    this.#server.on("tlsClientError", (error) => {
      options.log.debug("transport.tls_refused", { reason: errorMessage(error) });
    });
    this.#sockets = new WebSocketServer({ noServer: true, maxPayload: FRAME_BYTES_MAX, perMessageDeflate: false });
  }

  /** Starts to listen where `nodes` says; throws `CodedError` `address_in_use` or `listen_failed`. */
  static async listen(options: WebSocketNetworkOptions): Promise<WebSocketNetwork> {
    const self = options.nodes.find((node) => node.id === options.id);
    if (self === undefined) throw new CodedError("config_invalid", `node ${options.id} is not in the cluster file`);
    const network = new WebSocketNetwork(options);
    await network.#listen(self.host, self.port);
    return network;
  }

  /** The port it listens on: that of the cluster file, or a free one where that says 0. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  start(handler: NetworkHandler): void {
    this.#handler = handler;
    this.#dialPeers();
    this.#beatPeers();
    this.#beatClients();
  }

  setPeers(peers: readonly Peer[]): void {
    assert(new Set(peers.map(({ id }) => id)).size === peers.length, "each peer is given once");
    this.#peers = othersOf(this.#options.id, peers);
    const now = new Map(this.#peers.map((peer) => [peer.id, peer]));
    for (const [from, { socket, publicKey }] of this.#accepted) {
      const peer = now.get(from);
      if (peer !== undefined && equalBytes(peer.publicKey, publicKey)) continue;
      // At once: what still comes from it is for nobody.
      this.#accepted.delete(from);
      socket.close(POLICY_VIOLATION, PEER_REMOVED);
    }
    for (const [to, link] of this.#links) {
      const peer = now.get(to);
      if (peer !== undefined && samePeer(link.peer, peer)) continue;
      this.#links.delete(to);
      link.close();
    }
    this.#dialPeers();
  }

  sendPeer(to: NodeId, ...pieces: readonly Uint8Array[]): boolean {
    return this.#links.get(to)?.send(...pieces) ?? false;
  }

  sendClient(connection: ConnectionId, frame: Uint8Array): boolean {
    const client = this.#clients.get(connection);
    if (client === undefined) return false;
    if (client.writer.bufferedBytes + frame.length > CONNECTION_BUFFER_BYTES_MAX) {
      this.#options.log.info("transport.client_too_slow", { connection });
      client.socket.terminate();
      return false;
    }
    client.writer.send(frame);
    return true;
  }

  closeClient(connection: ConnectionId, reason: string): void {
    const client = this.#clients.get(connection);
    client?.writer.flush();
    client?.socket.close(POLICY_VIOLATION, reason);
  }

  /** Which peers our links reach now. */
  peers(): readonly { readonly id: NodeId; readonly connected: boolean }[] {
    return [...this.#links].map(([id, link]) => ({ id, connected: link.connected }));
  }

  /** Ends all connections and the listener. */
  async close(): Promise<void> {
    this.#peerBeat?.cancel();
    this.#clientBeat?.cancel();
    this.#handler = undefined;
    for (const link of this.#links.values()) link.close();
    for (const socket of this.#open) socket.destroy();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  async #listen(host: string, port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException): void => {
        const taken = error.code === "EADDRINUSE";
        const message = taken ? `port ${port} of ${host} is taken by another process` : errorMessage(error);
        reject(new CodedError(taken ? "address_in_use" : "listen_failed", message, { host, port }, error));
      };
      this.#server.once("error", failed);
      this.#server.listen(port, host, () => {
        this.#server.off("error", failed);
        this.#server.on("error", (error) => this.#connectionError("listener", error));
        resolve();
      });
    });
  }

  /** Links to all peers that have none; nothing before the start and after the end. */
  #dialPeers(): void {
    if (this.#handler === undefined) return;
    const { id: self, identity, clusterId, clock, random, log } = this.#options;
    const credentials = { key: identity.toPem(), cert: identity.certificate };
    for (const peer of this.#peers) {
      if (this.#links.has(peer.id)) continue;
      const fork = random.fork(`link-${peer.id}`);
      this.#links.set(peer.id, new PeerLink({ self, peer, clusterId, credentials, clock, random: fork, log }));
    }
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    request.socket.setNoDelay(true);
    const accept = (then: (webSocket: WebSocket) => void): void => {
      this.#sockets.handleUpgrade(request, socket, head, then);
    };
    if (request.url === "/client") {
      accept((webSocket) => this.#acceptClient(webSocket, socket));
      return;
    }
    if (request.url !== "/peer") {
      refuse(socket, "404 Not Found");
      return;
    }
    const { clusterId, log } = this.#options;
    const peer = admitPeer({ clusterId, peers: this.#peers }, request.headers, peerKey(request));
    if (typeof peer === "object") {
      accept((webSocket) => this.#acceptPeer(peer, webSocket));
      return;
    }
    log.warn("transport.peer_refused", { code: peer, address: request.socket.remoteAddress ?? "" });
    refuse(socket, "403 Forbidden", peer);
  }

  /** A node dials one link to us: where there is an older one, its other end has gone without a word. */
  #acceptPeer({ id: from, publicKey }: Peer, socket: WebSocket): void {
    this.#accepted.get(from)?.socket.terminate();
    this.#accepted.set(from, { socket, publicKey });
    socket.ping();
    socket.on("message", (data, binary) => {
      if (!binary) socket.close(POLICY_VIOLATION, "text_frame");
      else if (this.#accepted.get(from)?.socket === socket) this.#handler?.peerFrame(from, bytesOf(data));
    });
    socket.on("error", (error) => this.#connectionError("peer", error));
    socket.on("close", () => {
      if (this.#accepted.get(from)?.socket !== socket) return;
      this.#accepted.delete(from);
      this.#handler?.peerLost(from);
    });
  }

  #acceptClient(socket: WebSocket, stream: Duplex): void {
    const handler = this.#handler;
    if (handler === undefined) {
      socket.terminate();
      return;
    }
    const connection = this.#nextConnection;
    this.#nextConnection += 1;
    const writer = new FrameWriter({ webSocket: socket, stream, dialled: false });
    const client: Client = { socket, writer, alive: true };
    this.#clients.set(connection, client);
    socket.on("message", (data, binary) => {
      client.alive = true;
      if (binary) handler.clientFrame(connection, bytesOf(data));
      else this.closeClient(connection, "text_frame");
    });
    socket.on("pong", () => {
      client.alive = true;
    });
    socket.on("error", (error) => this.#connectionError("client", error));
    socket.on("close", () => {
      this.#clients.delete(connection);
      handler.clientClosed(connection);
    });
    handler.clientOpened(connection);
  }

  /** An oversized or malformed frame ends its connection (ws closes it with 1009 or 1002); the node goes on. */
  #connectionError(kind: "peer" | "client" | "listener", error: Error): void {
    this.#options.log.info("transport.connection_error", { kind, reason: errorMessage(error) });
  }

  #beatPeers(): void {
    for (const { socket } of this.#accepted.values()) socket.ping();
    this.#peerBeat = this.#options.clock.setTimer(KEEP_ALIVE_MS, () => this.#beatPeers());
  }

  #beatClients(): void {
    for (const client of this.#clients.values()) {
      if (!client.alive) client.socket.terminate();
      client.alive = false;
      client.socket.ping();
    }
    this.#clientBeat = this.#options.clock.setTimer(CLIENT_KEEP_ALIVE_MS, () => this.#beatClients());
  }
}

function othersOf(self: NodeId, nodes: readonly Peer[]): readonly Peer[] {
  return nodes.filter(({ id }) => id !== self);
}

function samePeer(a: Peer, b: Peer): boolean {
  return a.host === b.host && a.port === b.port && equalBytes(a.publicKey, b.publicKey);
}

function refuse(socket: Duplex, status: string, code?: PeerRefusal): void {
  const reason = code === undefined ? "" : `${REFUSAL_HEADER}: ${code}\r\n`;
  socket.once("finish", () => socket.destroy());
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n${reason}Content-Length: 0\r\n\r\n`);
}

/** A message's bytes; without fragments ws hands over one buffer. */
function bytesOf(data: RawData): Uint8Array {
  const buffer = Array.isArray(data) ? Buffer.concat(data) : data;
  return buffer instanceof ArrayBuffer
    ? new Uint8Array(buffer)
    : new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
