/**
 * One connection to one node: proves that the node is the one of the cluster file, proves our key to it, and matches
 * answers to requests.
 */
import { WebSocket } from "ws";
import { equalBytes } from "../base/bytes.ts";
import { errorMessage } from "../base/errors.ts";
import { FRAME_BYTES_MAX } from "../base/limits.ts";
import type { ClusterFile, ClusterNode } from "../transport/cluster-file.ts";
import { FrameWriter } from "../transport/frame-writer.ts";
import { peerKey, TLS_OPTIONS, zeroMask } from "../transport/tls.ts";
import { WEB_SOCKET_BOUNDS } from "../transport/web-socket-bounds.ts";
import {
  type Consistency,
  decodeNodeFrame,
  encodeClientFrame,
  helloDigest,
  type NodeFrame,
} from "../wire/client-frames.ts";
import { WireError } from "../wire/msgpack.ts";
import type { Signer } from "../wire/transaction.ts";
import { sha256 } from "./crypto.ts";
import { ClientError } from "./errors.ts";
import { LogTime } from "./log-time.ts";

const CONNECT_TIMEOUT_MS = 3_000;
/** Close codes of RFC 6455, section 7.4.1. */
const POLICY_VIOLATION = 1008;
const MESSAGE_TOO_BIG = 1009;

interface Pending {
  readonly resolve: (answer: Uint8Array) => void;
  readonly reject: (error: ClientError) => void;
  readonly timer: NodeJS.Timeout;
}

export class Connection {
  readonly node: ClusterNode;
  /** As this node tells it, from its greeting on. */
  readonly logTime: LogTime = new LogTime();
  readonly #socket: WebSocket;
  /** There from the upgrade on. */
  #writer: FrameWriter | undefined;
  readonly #pending = new Map<number, Pending>();
  #nextRequest = 1;
  #lost = false;

  private constructor(node: ClusterNode, socket: WebSocket) {
    this.node = node;
    this.#socket = socket;
  }

  get lost(): boolean {
    return this.#lost;
  }

  /**
   * Connects and greets, within `timeoutMs` and three seconds; rejects with `timeout`, `connection_lost`, `wrong_node` or
   * the node's refusal.
   */
  static open(
    cluster: ClusterFile,
    node: ClusterNode,
    signer: Signer,
    timeoutMs: number = CONNECT_TIMEOUT_MS,
  ): Promise<Connection> {
    const patience = Math.min(timeoutMs, CONNECT_TIMEOUT_MS);
    const host = node.host.includes(":") ? `[${node.host}]` : node.host;
    const socket = new WebSocket(`wss://${host}:${node.port}/client`, {
      ...TLS_OPTIONS,
      ...WEB_SOCKET_BOUNDS,
      generateMask: zeroMask,
      handshakeTimeout: patience,
    });
    const connection = new Connection(node, socket);
    return new Promise<Connection>((resolve, reject) => {
      const timer = setTimeout(() => fail(new ClientError("timeout", "the node did not greet")), patience);
      const fail = (error: ClientError): void => {
        clearTimeout(timer);
        reject(error);
        socket.terminate();
      };
      socket.on("upgrade", (response) => {
        const key = peerKey(response);
        response.socket.setNoDelay(true);
        connection.#writer = new FrameWriter({ webSocket: socket, stream: response.socket, dialled: true });
        if (key !== undefined && equalBytes(key, node.publicKey)) return;
        fail(new ClientError("wrong_node", `whoever answers at ${node.host}:${node.port} is not node ${node.id}`));
      });
      socket.on("error", (error) => fail(new ClientError("connection_lost", errorMessage(error))));
      socket.on("close", (code, reason) => {
        fail(closeError(code, reason.toString()));
        connection.#fail();
      });
      socket.on("message", (data: Buffer) => {
        const frame = decode(data);
        if (frame === undefined) fail(new ClientError("connection_lost", "the node sent something else than frames"));
        else if (frame.type === "challenge") socket.send(hello(cluster, node, signer, frame.nonce));
        else if (frame.type === "welcome") {
          if (!connection.logTime.learn(frame.logTime)) {
            fail(new ClientError("connection_lost", "the node told a time that cannot be"));
            return;
          }
          clearTimeout(timer);
          resolve(connection);
        } else if (frame.type === "error" && frame.request === 0) fail(new ClientError(frame.code, frame.message));
        else connection.#answered(frame);
      });
    });
  }

  /** Sends a transaction; resolves with the encoded receipt, rejects with the node's refusal, `timeout` or `connection_lost`. */
  submit(transaction: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    return this.#request((request) => encodeClientFrame({ type: "submit", request, transaction }), timeoutMs);
  }

  /** Asks; resolves with the encoded answer, rejects as `submit`. */
  query(query: Uint8Array, consistency: Consistency, timeoutMs: number): Promise<Uint8Array> {
    return this.#request((request) => encodeClientFrame({ type: "query", request, consistency, query }), timeoutMs);
  }

  close(): void {
    this.#socket.terminate();
    this.#fail();
  }

  #request(frame: (request: number) => Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (this.#lost) {
        reject(new ClientError("connection_lost", "the connection is lost"));
        return;
      }
      const request = this.#nextRequest;
      const encoded = frame(request);
      if (encoded.length > FRAME_BYTES_MAX) {
        reject(new ClientError("frame_too_large", `a request has at most ${FRAME_BYTES_MAX} bytes`));
        return;
      }
      this.#nextRequest = (request % 0xffff_ffff) + 1;
      const timer = setTimeout(() => {
        this.#pending.delete(request);
        reject(new ClientError("timeout", `node ${this.node.id} did not answer in ${timeoutMs} ms`));
      }, timeoutMs);
      this.#pending.set(request, { resolve, reject, timer });
      this.#writer?.send(encoded);
    });
  }

  #answered(frame: NodeFrame): void {
    if (frame.type === "challenge" || frame.type === "welcome") return;
    const pending = this.#pending.get(frame.request);
    if (pending === undefined) return; // answered after its timeout
    this.#pending.delete(frame.request);
    clearTimeout(pending.timer);
    if (frame.type === "error") pending.reject(new ClientError(frame.code, frame.message));
    else pending.resolve(frame.type === "receipt" ? frame.receipt : frame.answer);
  }

  #fail(): void {
    this.#lost = true;
    const error = new ClientError("connection_lost", `the connection to node ${this.node.id} is lost`);
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.#pending.clear();
  }
}

/** Why a node has closed the connection: its own word for it, where it gave one. */
function closeError(code: number, reason: string): ClientError {
  const text = "the node closed the connection";
  if (code === POLICY_VIOLATION && /^[a-z_]+$/.test(reason)) return new ClientError(reason, `${text}: ${reason}`);
  if (code === MESSAGE_TOO_BIG) return new ClientError("frame_too_large", `${text}: a frame was too large`);
  return new ClientError("connection_lost", text);
}

function decode(data: Buffer): NodeFrame | undefined {
  try {
    return decodeNodeFrame(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

function hello(cluster: ClusterFile, node: ClusterNode, signer: Signer, nonce: Uint8Array): Uint8Array {
  const { clusterId } = cluster;
  const { publicKey } = signer;
  const digest = helloDigest(sha256, { clusterId, node: node.id, nonce, publicKey });
  return encodeClientFrame({ type: "hello", clusterId, publicKey, signature: signer.sign(digest) });
}
