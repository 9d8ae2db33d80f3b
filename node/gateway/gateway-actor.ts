/**
 * The gateway: the only door for clients. It checks everything that can be checked before the log: sizes, encoding,
 * schema, signature, and by asking the ledger also key, session and expiry; then it hands the transaction to the leader.
 *
 * It answers from this node's own state: when the ledger here applies the block with the transaction in it, the waiting
 * client gets its receipt, whoever led. What is refused on the way is answered with a code; what is lost is asked again
 * by the client, and the session makes that harmless.
 */
import type { Actor, ActorContext, ActorRef } from "../actor/actor.ts";
import { equalBytes, toHex } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import type { NodeId } from "../base/ids.ts";
import type { Clock } from "../base/ports/clock.ts";
import type { Crypto } from "../base/ports/crypto.ts";
import type { Log } from "../base/ports/log.ts";
import type { ConnectionId, Network } from "../base/ports/network.ts";
import type { Random } from "../base/ports/random.ts";
import type { ConsensusMessage } from "../messages/consensus.ts";
import type { GatewayMessage, RefusalCode } from "../messages/gateway.ts";
import type { LedgerMessage } from "../messages/ledger.ts";
import type { StatusBoard } from "../messages/status.ts";
import { admit } from "../state/admit.ts";
import type { Applied } from "../state/state-machine.ts";
import {
  type ClientFrame,
  decodeClientFrame,
  encodeNodeFrame,
  helloDigest,
  type NodeFrame,
} from "../wire/client-frames.ts";
import { leafHash } from "../wire/merkle.ts";
import { pack, WireError } from "../wire/msgpack.ts";
import type { Refusal } from "../wire/results.ts";
import { signingDigest } from "../wire/transaction.ts";
import { blockReceipts } from "./block-receipts.ts";
import { type Connection, Connections } from "./connections.ts";
import { decodeForwardFrame, encodeForwardFrame } from "./forward-frames.ts";
import { type OpenQuestion, OpenQuestions } from "./open-questions.ts";
import { SignatureChecks } from "./signature-checks.ts";
import { type Waiter, Waiters } from "./waiters.ts";

const NONCE_BYTES = 32;
const NS_PER_MS = 1_000_000n;
/** The one query that the node answers of itself, without the state machine. */
const STATUS_QUERY = "status";

export interface GatewayDeps {
  readonly node: NodeId;
  readonly clusterId: Uint8Array;
  readonly crypto: Crypto;
  readonly random: Random;
  readonly hostLog: Log;
  readonly network: Network;
  readonly consensus: ActorRef<ConsensusMessage>;
  readonly ledger: ActorRef<LedgerMessage>;
  readonly sendPeer: (to: NodeId, payload: Uint8Array) => boolean;
  readonly status: StatusBoard;
}

/** What a signature check is about. */
type Checked =
  | { readonly kind: "hello"; readonly connection: ConnectionId; readonly publicKey: Uint8Array }
  | { readonly kind: "submit"; readonly waiter: Waiter; readonly transaction: Uint8Array };

export class GatewayActor implements Actor<GatewayMessage> {
  readonly #self: ActorRef<GatewayMessage>;
  readonly #clock: Clock;
  readonly #deps: GatewayDeps;
  readonly #connections = new Connections();
  readonly #waiters = new Waiters();
  readonly #questions = new OpenQuestions();
  readonly #checks: SignatureChecks<Checked>;
  #leader: NodeId = 0;
  /** The last leader there was; 0 before the first. */
  #lastLeader: NodeId = 0;
  #logTime = 0n;
  #refusals = 0;

  constructor(context: ActorContext<GatewayMessage>, deps: GatewayDeps) {
    this.#self = context.self;
    this.#clock = context.clock;
    this.#deps = deps;
    this.#checks = new SignatureChecks<Checked>(deps.crypto);
    deps.status.post("gateway", () => ({
      connections: this.#connections.count,
      transactionsWaiting: this.#waiters.size,
      questionsOpen: this.#questions.count,
      refusals: this.#refusals,
    }));
  }

  receive(message: GatewayMessage): void {
    switch (message.type) {
      case "clientOpened":
        this.#opened(message.connection);
        break;
      case "clientFrame":
        this.#clientFrame(message.connection, message.frame);
        break;
      case "clientClosed":
        this.#connections.close(message.connection);
        this.#waiters.dropConnection(message.connection);
        break;
      case "peerFrame":
        this.#peerFrame(message.from, message.payload);
        break;
      case "verified":
        this.#verified(message.batch, message.valid);
        break;
      case "submitOwn":
        this.#route(message.transaction, undefined);
        break;
      case "leader":
        this.#leaderIs(message.leader);
        break;
      case "refused":
        for (const transaction of message.transactions) this.#refused(this.#hash(transaction), message.code);
        break;
      case "applied":
        this.#applied(message.applied);
        break;
      case "answer":
        this.#answered(message.token, { type: "answer", answer: message.answer });
        break;
      case "answerRefused":
        this.#answered(message.token, { type: "error", code: message.code, message: message.message });
        break;
      case "admission":
        this.#admission(message.token, message.refusal);
        break;
      case "questionRefused":
        this.#answered(message.token, { type: "error", code: message.code, message: REFUSAL_TEXT[message.code] });
        break;
    }
  }

  drained(): void {
    this.#checks.start((batch, valid) => this.#self.deliver({ type: "verified", batch, valid }));
  }

  #opened(id: ConnectionId): void {
    const nonce = new Uint8Array(NONCE_BYTES);
    this.#deps.random.fill(nonce);
    if (this.#connections.open(id, nonce) === undefined) {
      this.#deps.network.closeClient(id, "too_many_connections");
      return;
    }
    this.#send(id, { type: "challenge", clusterId: this.#deps.clusterId, node: this.#deps.node, nonce });
  }

  #clientFrame(id: ConnectionId, encoded: Uint8Array): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    let frame: ClientFrame;
    try {
      frame = decodeClientFrame(encoded);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#error({ connection: id, request: 0 }, error.code, error.message);
      if (this.#connections.countMalformed(connection)) this.#drop(id, "malformed_frames");
      return;
    }
    if (frame.type === "hello") this.#hello(connection, frame);
    else if (connection.publicKey === undefined) {
      this.#error({ connection: id, request: frame.request }, "not_authenticated", "say hello first");
    } else if (!this.#connections.beginRequest(connection)) {
      this.#error({ connection: id, request: frame.request }, "busy", "too many requests are unanswered");
    } else if (frame.type === "submit") this.#submit({ connection: id, request: frame.request }, frame.transaction);
    else this.#query(connection.publicKey, { connection: id, request: frame.request }, frame);
  }

  #hello(connection: Connection, frame: Extract<ClientFrame, { type: "hello" }>): void {
    const { clusterId, node, crypto } = this.#deps;
    if (!equalBytes(frame.clusterId, clusterId)) {
      this.#error({ connection: connection.id, request: 0 }, "foreign_cluster", "this node belongs to another cluster");
      this.#drop(connection.id, "foreign_cluster");
      return;
    }
    if (connection.publicKey !== undefined || connection.helloPending) return;
    connection.helloPending = true;
    const { publicKey, signature } = frame;
    const message = helloDigest(crypto.sha256.bind(crypto), { clusterId, node, nonce: connection.nonce, publicKey });
    this.#checks.add({ publicKey, message, signature }, { kind: "hello", connection: connection.id, publicKey });
  }

  #submit(waiter: Waiter, encoded: Uint8Array): void {
    const { crypto, clusterId } = this.#deps;
    try {
      const { transaction } = admit(encoded);
      const message = signingDigest(crypto.sha256.bind(crypto), clusterId, transaction);
      const { publicKey, signature } = transaction;
      this.#checks.add({ publicKey, message, signature }, { kind: "submit", waiter, transaction: encoded });
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.#finish(waiter, error.code, error.message);
    }
  }

  #verified(batch: number, valid: readonly boolean[]): void {
    this.#checks.finish(batch).forEach((subject, index) => {
      const good = valid[index] === true;
      if (subject.kind === "hello") this.#greeted(subject.connection, good ? subject.publicKey : undefined);
      else if (!good) this.#finish(subject.waiter, "bad_signature", "the signature does not match the transaction");
      else this.#askAdmission(subject.waiter, subject.transaction);
    });
  }

  #greeted(id: ConnectionId, publicKey: Uint8Array | undefined): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    if (publicKey === undefined) {
      this.#error({ connection: id, request: 0 }, "bad_signature", "the hello is not signed by its key");
      this.#drop(id, "bad_signature");
      return;
    }
    connection.publicKey = publicKey;
    this.#send(id, { type: "welcome", node: this.#deps.node, logTime: this.#logTimeNow() });
  }

  /** What log time will be when the next block comes: nobody may have paid for hours. */
  #logTimeNow(): bigint {
    const wall = BigInt(this.#clock.wallMs()) * NS_PER_MS;
    return wall > this.#logTime ? wall : this.#logTime;
  }

  #askAdmission(waiter: Waiter, transaction: Uint8Array): void {
    const token = this.#questions.open({ waiter, transaction, confirmed: false });
    this.#deps.ledger.deliver({ type: "question", question: { kind: "admission", token, transaction }, height: 0 });
  }

  /**
   * This node may lag, so a refusal by its own state is confirmed by a read that sees everything acknowledged before;
   * only then is the client told.
   */
  #admission(token: number, refusal: Refusal | undefined): void {
    const question = this.#questions.take(token);
    if (question?.transaction === undefined) return;
    const { waiter, transaction } = question;
    if (refusal === undefined) this.#route(transaction, waiter);
    else if (question.confirmed) this.#finish(waiter, refusal, "the cluster's state does not admit the transaction");
    else {
      const again = this.#questions.open({ waiter, transaction, confirmed: true });
      this.#deps.consensus.deliver({ type: "read", question: { kind: "admission", token: again, transaction } });
    }
  }

  /**
   * What waited for an earlier leader may be lost with it: the clients are told at once to ask again, instead of waiting
   * until their patience ends. What is not lost is answered all the same, from the session.
   */
  #leaderIs(leader: NodeId): void {
    const followsAnother = leader !== 0 && leader !== this.#lastLeader;
    this.#leader = leader;
    if (!followsAnother) return;
    this.#lastLeader = leader;
    for (const waiter of this.#waiters.takeAll()) this.#finish(waiter, "not_leader", REFUSAL_TEXT.not_leader);
  }

  /** Hands an admitted transaction to whoever leads. */
  #route(transaction: Uint8Array, waiter: Waiter | undefined): void {
    const hash = this.#hash(transaction);
    if (waiter !== undefined) this.#waiters.add(hash, waiter);
    if (this.#leader === this.#deps.node) {
      if (!this.#deps.consensus.tell({ type: "propose", transaction })) this.#refused(hash, "busy");
    } else if (
      this.#leader === 0 ||
      !this.#deps.sendPeer(this.#leader, encodeForwardFrame({ type: "submit", transaction }))
    ) {
      this.#refused(hash, "no_leader");
    }
  }

  #peerFrame(from: NodeId, payload: Uint8Array): void {
    try {
      const frame = decodeForwardFrame(payload);
      if (frame.type === "refused") {
        this.#refused(toHex(frame.hash), frame.code);
        return;
      }
      const { transaction } = frame;
      admit(transaction);
      const refusal = this.#leader !== this.#deps.node ? "not_leader" : "busy";
      if (refusal === "busy" && this.#deps.consensus.tell({ type: "propose", transaction })) return;
      const hash = leafHash(this.#deps.crypto.sha256.bind(this.#deps.crypto), transaction);
      this.#deps.sendPeer(from, encodeForwardFrame({ type: "refused", hash, code: refusal }));
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.#deps.hostLog.warn("gateway.malformed_forward", { from, code: error.code });
    }
  }

  #refused(hash: string, code: RefusalCode): void {
    this.#refusals += 1;
    for (const waiter of this.#waiters.take(hash)) this.#finish(waiter, code, REFUSAL_TEXT[code]);
  }

  #applied(applied: Applied): void {
    const { block } = applied;
    this.#logTime = block.header.timestamp;
    if (this.#waiters.size === 0) return;
    const receiptOf = blockReceipts(this.#deps.crypto, this.#deps.clusterId, applied);
    block.tree.leaves.forEach((leaf, index) => {
      for (const waiter of this.#waiters.take(toHex(leaf))) {
        this.#endRequest(waiter);
        this.#send(waiter.connection, { type: "receipt", request: waiter.request, receipt: receiptOf(index) });
      }
    });
  }

  #query(publicKey: Uint8Array, waiter: Waiter, frame: Extract<ClientFrame, { type: "query" }>): void {
    if (frame.query.length === STATUS_QUERY.length && String.fromCharCode(...frame.query) === STATUS_QUERY) {
      this.#endRequest(waiter);
      const answer = pack({ node: this.#deps.node, ...this.#deps.status.read() });
      this.#send(waiter.connection, { type: "answer", request: waiter.request, answer });
      return;
    }
    const token = this.#questions.open({ waiter });
    const question = { kind: "query", token, query: frame.query, publicKey } as const;
    if (frame.consistency === "local") this.#deps.ledger.deliver({ type: "question", question, height: 0 });
    else this.#deps.consensus.deliver({ type: "read", question });
  }

  #answered(
    token: number,
    body: { type: "answer"; answer: Uint8Array } | { type: "error"; code: string; message: string },
  ): void {
    const question: OpenQuestion | undefined = this.#questions.take(token);
    if (question === undefined) return;
    const { waiter } = question;
    if (body.type === "error") this.#finish(waiter, body.code, body.message);
    else {
      this.#endRequest(waiter);
      this.#send(waiter.connection, { type: "answer", request: waiter.request, answer: body.answer });
    }
  }

  /** Ends a request with an error. */
  #finish(waiter: Waiter, code: string, message: string): void {
    this.#endRequest(waiter);
    this.#error(waiter, code, message);
  }

  #endRequest(waiter: Waiter): void {
    const connection = this.#connections.get(waiter.connection);
    if (connection !== undefined) connection.requestsOpen -= 1;
  }

  #error(to: Waiter, code: string, message: string): void {
    this.#send(to.connection, { type: "error", request: to.request, code, message });
  }

  #drop(id: ConnectionId, reason: string): void {
    this.#connections.close(id);
    this.#waiters.dropConnection(id);
    this.#deps.network.closeClient(id, reason);
  }

  #send(id: ConnectionId, frame: NodeFrame): void {
    if (this.#connections.get(id) !== undefined) this.#deps.network.sendClient(id, encodeNodeFrame(frame));
  }

  #hash(transaction: Uint8Array): string {
    return toHex(leafHash(this.#deps.crypto.sha256.bind(this.#deps.crypto), transaction));
  }
}

const REFUSAL_TEXT: Readonly<Record<RefusalCode, string>> = {
  busy: "the cluster has too much waiting; try again a little later",
  no_leader: "no leader is known here at the moment; try again, or another node",
  not_leader: "the leader has just changed; try again",
};
