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
import {
  CLIENT_CONNECTIONS_MAX,
  CLIENTS_BUFFER_BYTES_MAX,
  CONNECTION_BUFFER_BYTES_MAX,
  STRANGERS_MAX,
} from "../base/limits.ts";
import type { Clock, Timer } from "../base/ports/clock.ts";
import type { Log } from "../base/ports/log.ts";
import type { ConnectionId, Network, NetworkHandler, Peer } from "../base/ports/network.ts";
import type { Random } from "../base/ports/random.ts";
import { ClientIntake, type Inlet } from "./client-intake.ts";
import { FrameWriter } from "./frame-writer.ts";
import type { Identity } from "./identity.ts";
import { KEEP_ALIVE_MS } from "./keep-alive.ts";
import { admitPeer, PEER_REMOVED, type PeerRefusal, POLICY_VIOLATION, REFUSAL_HEADER } from "./peer-admission.ts";
import { PeerLink } from "./peer-link.ts";
import { type Ends, Strangers } from "./strangers.ts";
import { peerKey, TLS_OPTIONS } from "./tls.ts";
import { WEB_SOCKET_BOUNDS } from "./web-socket-bounds.ts";

const CLIENT_KEEP_ALIVE_MS = 10_000;
/** How long a connection may take to get through TLS and the request that opens it. */
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** How often Node looks whether a request takes too long: every 30 seconds if it is not told. */
const HANDSHAKE_CHECK_MS = 1_000;
/** Of the bytes that may wait for all clients so many are sent between two looks at how many do. */
const LOOKS = 16;

/** What a node takes of others than its peers. */
export interface ConnectionBounds {
  readonly clients: number;
  readonly strangers: number;
  /** Bytes queued towards all clients together. */
  readonly bufferBytes: number;
}

export const CONNECTION_BOUNDS: ConnectionBounds = {
  clients: CLIENT_CONNECTIONS_MAX,
  strangers: STRANGERS_MAX,
  bufferBytes: CLIENTS_BUFFER_BYTES_MAX,
};

export interface WebSocketNetworkOptions {
  readonly id: NodeId;
  readonly identity: Identity;
  readonly clusterId: Uint8Array;
  /** Where this node listens, and its peers at first. */
  readonly nodes: readonly Peer[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Where they are not the usual ones. */
  readonly bounds?: ConnectionBounds;
}

/** A link that a peer has dialled. */
interface Accepted {
  readonly socket: WebSocket;
  /** The key that the peer has proven. */
  readonly publicKey: Uint8Array;
}

interface Client {
  readonly socket: WebSocket;
  /** What carries the WebSocket, and the connection below TLS. */
  readonly stream: Duplex;
  readonly below: Socket;
  readonly writer: FrameWriter;
  readonly inlet: Inlet;
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
  readonly #intake: ClientIntake;
  /** All connections, those in the middle of a handshake among them. */
  readonly #open = new Set<Socket>();
  readonly #strangers: Strangers;
  readonly #bounds: ConnectionBounds;
  #sentSinceLook = 0;
  #handler: NetworkHandler | undefined;
  #nextConnection = 1;
  #peerBeat: Timer | undefined;
  #clientBeat: Timer | undefined;

  private constructor(options: WebSocketNetworkOptions) {
    this.#options = options;
    this.#peers = othersOf(options.id, options.nodes);
    const { identity, clock, log, bounds = CONNECTION_BOUNDS } = options;
    this.#intake = new ClientIntake(clock);
    this.#bounds = bounds;
    this.#strangers = new Strangers(bounds.strangers, () => {
      log.warn("transport.too_many_strangers", { most: bounds.strangers });
    });
    this.#server = createServer({
      ...TLS_OPTIONS,
      key: identity.toPem(),
      cert: identity.certificate,
      requestCert: true,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      headersTimeout: HANDSHAKE_TIMEOUT_MS,
      requestTimeout: HANDSHAKE_TIMEOUT_MS,
      connectionsCheckingInterval: HANDSHAKE_CHECK_MS,
    });
    this.#server.on("connection", (socket: Socket) => {
      this.#open.add(socket);
      this.#strangers.add(socket);
      socket.once("close", () => this.#open.delete(socket));
    });
    this.#server.on("request", (_request, response) => {
      response.writeHead(404).end();
    });
    this.#server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    this.#server.on("tlsClientError", (error) => {
      log.debug("transport.tls_refused", { reason: errorMessage(error) });
    });
    this.#sockets = new WebSocketServer({ ...WEB_SOCKET_BOUNDS, noServer: true });
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
      this.#tooSlow(connection);
      return false;
    }
    client.writer.send(frame);
    this.#sentSinceLook += frame.length;
    if (this.#sentSinceLook < this.#bounds.bufferBytes / LOOKS) return true;
    this.#closeSlowest();
    return this.#clients.has(connection);
  }

  closeClient(connection: ConnectionId, reason: string): void {
    const client = this.#forget(connection);
    if (client === undefined) return;
    client.writer.flush();
    end(client.socket, client.stream, reason);
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
      accept((webSocket) => this.#acceptClient(webSocket, socket, request.socket));
      return;
    }
    if (request.url !== "/peer") {
      refuse(socket, "404 Not Found");
      return;
    }
    const { clusterId, log } = this.#options;
    const peer = admitPeer({ clusterId, peers: this.#peers }, request.headers, peerKey(request));
    if (typeof peer === "object") {
      accept((webSocket) => {
        this.#strangers.take(request.socket);
        this.#acceptPeer(peer, webSocket);
      });
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

  #acceptClient(socket: WebSocket, stream: Duplex, ends: Ends): void {
    const handler = this.#handler;
    socket.on("error", (error) => this.#connectionError("client", error));
    if (this.#clients.size >= this.#bounds.clients) {
      end(socket, stream, "too_many_connections");
      return;
    }
    const below = this.#strangers.take(ends);
    if (handler === undefined || below === undefined) {
      socket.terminate();
      return;
    }
    const connection = this.#nextConnection;
    this.#nextConnection += 1;
    const writer = new FrameWriter({ webSocket: socket, stream, dialled: false });
    const inlet = this.#intake.open({
      deliver: (frame) => handler.clientFrame(connection, frame),
      pause: () => socket.pause(),
      resume: () => socket.resume(),
      refuse: () => this.closeClient(connection, "busy"),
    });
    const client: Client = { socket, stream, below, writer, inlet, alive: true };
    this.#clients.set(connection, client);
    socket.on("message", (data, binary) => {
      client.alive = true;
      if (binary) inlet.frame(bytesOf(data));
      else this.closeClient(connection, "text_frame");
    });
    socket.on("ping", () => inlet.passed());
    socket.on("pong", () => {
      client.alive = true;
      inlet.passed();
    });
    socket.on("close", () => this.#forget(connection));
    handler.clientOpened(connection);
  }

  /** From now on it is no client: what still comes from it is for nobody, and it ends soon. */
  #forget(connection: ConnectionId): Client | undefined {
    const client = this.#clients.get(connection);
    if (client === undefined) return undefined;
    this.#clients.delete(connection);
    client.inlet.close();
    if (!client.below.destroyed) this.#strangers.add(client.below);
    this.#handler?.clientClosed(connection);
    return client;
  }

  #tooSlow(connection: ConnectionId): void {
    this.#options.log.info("transport.client_too_slow", { connection });
    this.#forget(connection)?.socket.terminate();
  }

  /** Where too much waits for all clients together, those go for whom most does. */
  #closeSlowest(): void {
    this.#sentSinceLook = 0;
    const { bufferBytes } = this.#bounds;
    const waiting = [...this.#clients].map(([connection, { writer }]) => ({ connection, bytes: writer.bufferedBytes }));
    let sum = waiting.reduce((total, { bytes }) => total + bytes, 0);
    if (sum <= bufferBytes) return;
    for (const { connection, bytes } of waiting.toSorted((a, b) => b.bytes - a.bytes)) {
      if (sum <= bufferBytes) return;
      this.#tooSlow(connection);
      sum -= bytes;
    }
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

/**
 * Says why, and ends the connection, at once where the other end does so, too, and else when ws gives up. What still comes
 * is not looked at: ws would, until it sees the other end's closing frame, which one that floods never sends.
 */
function end(socket: WebSocket, stream: Duplex, reason: string): void {
  socket.close(POLICY_VIOLATION, reason);
  stream.removeAllListeners("data");
  stream.resume();
  stream.end();
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
