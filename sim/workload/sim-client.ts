/**
 * A client of the cluster on virtual connections: it speaks the real client protocol, asks another node when an answer
 * does not come in time, and submits the same bytes again until it knows what became of them.
 *
 * It never decides that something has failed because an answer is late: a transaction has an outcome only when a receipt
 * or a definite refusal says so.
 */
import { equalBytes, toHex } from "../../node/base/bytes.ts";
import type { NodeId } from "../../node/base/ids.ts";
import { SESSION_WINDOW } from "../../node/base/limits.ts";
import type { Random } from "../../node/base/ports/random.ts";
import type { Command } from "../../node/wire/body.ts";
import {
  type ClientFrame,
  type Consistency,
  decodeNodeFrame,
  encodeClientFrame,
  helloDigest,
  type NodeFrame,
} from "../../node/wire/client-frames.ts";
import { WireError } from "../../node/wire/msgpack.ts";
import { decodeReceipt, type Receipt } from "../../node/wire/receipt.ts";
import { cosignTransaction, decodeTransaction, type Signer, signTransaction } from "../../node/wire/transaction.ts";
import type { Authenticity } from "../check/authenticity.ts";
import { between, pick } from "../draw.ts";
import type { Reached } from "../reached.ts";
import type { ScheduledEvent, Scheduler } from "../scheduler.ts";
import { sha256 } from "../virtual-crypto.ts";
import type { ClientConnection, VirtualNetwork } from "../virtual-network.ts";

/** Refusals that only mean: not here, or not now. */
const TRY_AGAIN: ReadonlySet<string> = new Set(["behind", "busy", "disk_full", "no_leader", "not_leader"]);
const PAUSE_MIN_US = 5_000;
const PAUSE_MAX_US = 60_000;

/** What became of a request. */
export type Outcome =
  | { readonly kind: "receipt"; readonly receipt: Receipt; readonly encoded: Uint8Array }
  | { readonly kind: "answer"; readonly answer: Uint8Array }
  | { readonly kind: "refused"; readonly code: string };

/** The code of a refusal, or what has come instead of one. */
export function codeOf(outcome: Outcome): string {
  return outcome.kind === "refused" ? outcome.code : outcome.kind;
}

export type Asked =
  | { readonly kind: "submit"; readonly transaction: Uint8Array }
  | { readonly kind: "query"; readonly query: Uint8Array; readonly consistency: Consistency };

/** When a request was asked first, asked last, and answered. */
export interface Times {
  readonly firstUs: number;
  readonly lastUs: number;
  readonly answeredUs: number;
}

/** Less than half of what a session remembers: a transaction may be asked twice, without and with its second signature. */
const AHEAD_MAX = SESSION_WINDOW / 2 - 8;

interface Request {
  readonly asked: Asked;
  readonly done: (outcome: Outcome, times: Times) => void;
  readonly firstUs: number;
  /** The next sequence number of the client's session when it was first asked. */
  readonly nextSequence: number;
  /** The number under which it is asked on the current connection; 0 when it is not. */
  number: number;
  lastUs: number;
  timeout: ScheduledEvent | undefined;
}

export interface SimClientDeps {
  readonly scheduler: Scheduler;
  readonly network: VirtualNetwork;
  readonly random: Random;
  readonly clusterId: Uint8Array;
  readonly nodes: readonly NodeId[];
  /** So many of them are members from the beginning, and are tried first. */
  readonly founders: number;
  /** Something that no node may say: a frame out of place. */
  readonly complain: (message: string) => void;
  /** Hears what this client signs. */
  readonly authenticity: Pick<Authenticity, "signed" | "greeted">;
  readonly reached: Reached;
}

export interface SimClientOptions {
  /** The client's address on the network. */
  readonly endpoint: number;
  /** How long it waits for an answer, or asks a node that knows no leader, before it goes to another. */
  readonly requestTimeoutUs: number;
  /** Log time after which its transactions must not execute; far enough that none expires in a run. */
  readonly expiry: bigint;
  /** Signs all that the client signs, too. */
  readonly cosigner?: Signer;
}

export class SimClient {
  readonly signer: Signer;
  readonly #deps: SimClientDeps;
  readonly #options: SimClientOptions;
  readonly #session: Uint8Array = new Uint8Array(16);
  readonly #requests = new Set<Request>();
  readonly #byNumber = new Map<number, Request>();
  #nextSequence = 0;
  #nextNumber = 1;
  #connection: ClientConnection | undefined;
  #welcome = false;
  /** Since when this connection's node has known no leader; undefined while it has not said so. */
  #lonelyUs: number | undefined;
  /** Nodes that could not be reached or knew no leader, since one has answered: another is tried first. */
  readonly #useless: Set<NodeId>;
  #connecting: ScheduledEvent | undefined;
  #stopped = false;

  constructor(deps: SimClientDeps, options: SimClientOptions, signer: Signer) {
    this.#deps = deps;
    this.#options = options;
    this.signer = signer;
    this.#useless = new Set(deps.nodes.filter((node) => node > deps.founders));
    deps.random.fill(this.#session);
  }

  /** Requests without an outcome. */
  get open(): number {
    return this.#requests.size;
  }

  /** The node that is asked, or whose answer is being handled; undefined while there is none. */
  get node(): NodeId | undefined {
    return this.#connection?.node;
  }

  /**
   * Whether so many numbers were given since the oldest unanswered request that more might push it out of what its session
   * remembers: a client of the cluster's own library waits then (`node/client/sequence-window.ts`).
   */
  get isFarAhead(): boolean {
    const [oldest] = this.#requests;
    return oldest !== undefined && this.#nextSequence - oldest.nextSequence >= AHEAD_MAX;
  }

  /** Has the next request asked of another node. */
  leave(): void {
    if (this.#connection !== undefined) this.#useless.add(this.#connection.node);
    this.#moveOn();
  }

  /** Signs a command with the session's next sequence number; the first opens the session. */
  sign(command: Command, cosigner: Signer | undefined = this.#options.cosigner): Uint8Array {
    const signed = this.signAlone(command);
    return cosigner === undefined ? signed : this.cosign(signed, cosigner);
  }

  /** The same without a co-signature. */
  signAlone(command: Command): Uint8Array {
    const placement = { clusterId: this.#deps.clusterId, session: this.#session, expiry: this.#options.expiry };
    return this.#signed(
      signTransaction(sha256, this.signer, { ...placement, sequence: this.#nextSequence++ }, command),
    );
  }

  /** Signs a command under the number of a transaction of this client's that was executed: nothing may come of it. */
  signAgain(executed: Uint8Array, command: Command): Uint8Array {
    const { cosigner, expiry } = this.#options;
    const { sequence } = decodeTransaction(executed);
    const placement = { clusterId: this.#deps.clusterId, session: this.#session, expiry, sequence };
    const signed = this.#signed(signTransaction(sha256, this.signer, placement, command));
    return cosigner === undefined ? signed : this.cosign(signed, cosigner);
  }

  /** Adds a signature to what this client has signed. */
  cosign(signed: Uint8Array, cosigner: Signer): Uint8Array {
    return this.#signed(cosignTransaction(sha256, cosigner, this.#deps.clusterId, signed));
  }

  #signed(transaction: Uint8Array): Uint8Array {
    this.#deps.authenticity.signed(transaction);
    return transaction;
  }

  /** Asks until there is an outcome. */
  ask(asked: Asked, done: Request["done"]): void {
    const { nowUs } = this.#deps.scheduler;
    const first = { firstUs: nowUs, nextSequence: this.#nextSequence };
    const request: Request = { asked, done, ...first, lastUs: nowUs, number: 0, timeout: undefined };
    this.#requests.add(request);
    if (this.#welcome) this.#send(request);
    else if (this.#connection === undefined) this.#connect();
  }

  /** What waits, for a report of a run that does not end. */
  describe(): string {
    const oldest = [...this.#requests].map((request) => `${request.asked.kind} since ${request.firstUs / 1000} ms`);
    return `client ${this.#options.endpoint} at node ${this.#connection?.node ?? "none"}: ${oldest.slice(0, 3).join(", ")}`;
  }

  #connect(): void {
    if (this.#stopped || this.#connecting !== undefined || this.#connection !== undefined) return;
    const { network, nodes, random, scheduler } = this.#deps;
    if (this.#useless.size === nodes.length) this.#useless.clear();
    const node = pick(
      random,
      nodes.filter((one) => !this.#useless.has(one)),
    );
    const connection: ClientConnection | undefined = network.connect(this.#options.endpoint, node, {
      frame: (frame) => this.#frame(connection, frame),
      closed: () => this.#lost(connection),
    });
    this.#connection = connection;
    this.#connecting = scheduler.after(this.#options.requestTimeoutUs, () => {
      this.#connecting = undefined;
      if (this.#welcome) return;
      this.#useless.add(node);
      this.#moveOn();
    });
  }

  /** Gives up this connection and tries another node. */
  #moveOn(): void {
    this.#connection?.close();
    this.#lost(this.#connection);
  }

  #lost(connection: ClientConnection | undefined): void {
    if (connection !== this.#connection) return;
    if (connection !== undefined && !this.#welcome) this.#useless.add(connection.node);
    this.#connection = undefined;
    this.#welcome = false;
    this.#lonelyUs = undefined;
    this.#byNumber.clear();
    for (const request of this.#requests) request.number = 0;
    const { scheduler, random } = this.#deps;
    if (this.#connecting !== undefined) this.#connecting.run = undefined;
    this.#connecting = scheduler.after(between(random, PAUSE_MIN_US, PAUSE_MAX_US), () => {
      this.#connecting = undefined;
      if (this.#requests.size > 0) this.#connect();
    });
  }

  #frame(connection: ClientConnection | undefined, encoded: Uint8Array): void {
    if (connection === undefined || connection !== this.#connection) return;
    try {
      this.#take(connection, decodeNodeFrame(encoded));
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#deps.complain(`what a node has sent cannot be read: ${error.message}`);
    }
  }

  /** A frame that could be read; what is in it, whoever has asked reads, and throws where it cannot be. */
  #take(connection: ClientConnection, frame: NodeFrame): void {
    switch (frame.type) {
      case "challenge":
        this.#hello(connection, frame);
        break;
      case "welcome":
        this.#welcome = true;
        if (this.#connecting !== undefined) this.#connecting.run = undefined;
        this.#connecting = undefined;
        for (const request of this.#requests) this.#send(request);
        break;
      case "receipt":
        this.#finish(frame.request, (request) => this.#receipt(request, frame.receipt));
        break;
      case "answer":
        this.#finish(frame.request, () => ({ kind: "answer", answer: frame.answer }));
        break;
      case "error":
        this.#error(frame);
        break;
    }
  }

  #hello(connection: ClientConnection, { node, nonce, clusterId }: Extract<NodeFrame, { type: "challenge" }>): void {
    if (!equalBytes(clusterId, this.#deps.clusterId)) this.#deps.complain("a node of another cluster answers");
    const { publicKey } = this.signer;
    const signature = this.signer.sign(helloDigest(sha256, { clusterId, node, nonce, publicKey }));
    const hello = encodeClientFrame({ type: "hello", clusterId, publicKey, signature });
    this.#deps.authenticity.greeted(hello);
    connection.send(hello);
  }

  #send(request: Request): void {
    const { scheduler } = this.#deps;
    const number = this.#nextNumber++;
    request.number = number;
    request.lastUs = scheduler.nowUs;
    this.#byNumber.set(number, request);
    const { asked } = request;
    const frame: ClientFrame =
      asked.kind === "submit"
        ? { type: "submit", request: number, transaction: asked.transaction }
        : { type: "query", request: number, consistency: asked.consistency, query: asked.query };
    this.#connection?.send(encodeClientFrame(frame));
    if (request.timeout !== undefined) request.timeout.run = undefined;
    request.timeout = scheduler.after(this.#options.requestTimeoutUs, () => {
      if (request.number === number) this.#moveOn();
    });
  }

  #receipt(request: Request, encoded: Uint8Array): Outcome | undefined {
    if (request.asked.kind !== "submit") {
      this.#deps.complain("a query was answered with a receipt");
      return undefined;
    }
    return { kind: "receipt", receipt: decodeReceipt(encoded), encoded };
  }

  #error({ request: number, code, message }: Extract<NodeFrame, { type: "error" }>): void {
    if (number === 0) {
      this.#deps.complain(`a node refused the client itself: ${code} (${message})`);
      return;
    }
    if (!TRY_AGAIN.has(code)) {
      this.#finish(number, () => ({ kind: "refused", code }));
      return;
    }
    const request = this.#byNumber.get(number);
    if (request === undefined) return;
    this.#byNumber.delete(number);
    const { scheduler, random, reached } = this.#deps;
    if (code === "busy") reached.add("busyRefused");
    if (code === "disk_full") reached.add("fullDiskRefused");
    if (code === "no_leader") this.#lonelyUs ??= scheduler.nowUs;
    const isLonely = this.#lonelyUs !== undefined && scheduler.nowUs - this.#lonelyUs >= this.#options.requestTimeoutUs;
    if (isLonely || code === "behind") {
      if (this.#connection !== undefined) this.#useless.add(this.#connection.node);
      this.#moveOn();
      return;
    }
    scheduler.after(between(random, PAUSE_MIN_US, PAUSE_MAX_US), () => {
      if (request.number === number && this.#welcome) this.#send(request);
    });
  }

  #finish(number: number, outcomeOf: (request: Request) => Outcome | undefined): void {
    const request = this.#byNumber.get(number);
    if (request === undefined) return;
    const outcome = outcomeOf(request);
    if (outcome === undefined) return;
    this.#lonelyUs = undefined;
    this.#useless.clear();
    this.#byNumber.delete(number);
    this.#requests.delete(request);
    if (request.timeout !== undefined) request.timeout.run = undefined;
    const { firstUs, lastUs } = request;
    request.done(outcome, { firstUs, lastUs, answeredUs: this.#deps.scheduler.nowUs });
  }

  /** The session's name in hexadecimal, for messages. */
  get sessionName(): string {
    return toHex(this.#session);
  }
}
