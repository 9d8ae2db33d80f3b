/**
 * The gateway: the only door for clients. It checks everything that can be checked before the log: sizes, encoding,
 * schema, signature, and by asking the ledger also key, session and expiry; then it hands the transaction to the leader.
 *
 * It answers from this node's own state: when the ledger here applies the block with the transaction in it, the waiting
 * client gets its receipt, whoever led. What is refused on the way is answered with a code; what is lost is asked again
 * by the client, and the session makes that harmless.
 */
import type { Actor, ActorContext, ActorRef } from "../actor/actor.ts";
import { must } from "../base/assert.ts";
import { equalBytes } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import type { NodeId } from "../base/ids.ts";
import type { Clock } from "../base/ports/clock.ts";
import type { Crypto } from "../base/ports/crypto.ts";
import type { Log } from "../base/ports/log.ts";
import type { ConnectionId, Network } from "../base/ports/network.ts";
import type { Random } from "../base/ports/random.ts";
import type { ConsensusMessage } from "../messages/consensus.ts";
import type { GatewayMessage, QuestionRefusalCode } from "../messages/gateway.ts";
import type { LedgerMessage, SignedTransaction } from "../messages/ledger.ts";
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
import { WireError } from "../wire/msgpack.ts";
import type { AdmissionRefusal } from "../wire/results.ts";
import { signatureJobs } from "../wire/transaction.ts";
import type { TransactionHashes } from "../wire/transaction-hashes.ts";
import { blockReceipts } from "./block-receipts.ts";
import { type Connection, Connections } from "./connections.ts";
import { type OpenQuestion, OpenQuestions } from "./open-questions.ts";
import { Routing } from "./routing.ts";
import { SignatureChecks } from "./signature-checks.ts";
import type { ClientRequest } from "./waiters.ts";

const NONCE_BYTES = 32;
const NS_PER_MS = 1_000_000n;
/** How long a connection may stay without a hello: whoever says nothing must not keep others out. */
const HELLO_MS = 10_000;

export interface GatewayDeps {
  readonly node: NodeId;
  readonly clusterId: Uint8Array;
  readonly crypto: Crypto;
  readonly hashes: TransactionHashes;
  readonly random: Random;
  readonly hostLog: Log;
  readonly network: Network;
  readonly consensus: ActorRef<ConsensusMessage>;
  readonly ledger: ActorRef<LedgerMessage>;
  readonly sendPeer: (to: NodeId, ...payload: readonly Uint8Array[]) => boolean;
  /** Whether an authority has this key, as far as this node's state says, which may lag. */
  readonly isKnown: (publicKey: Uint8Array) => boolean;
  /** Whether blocks wait for space on this node's disk. */
  readonly diskIsFull: () => boolean;
  readonly status: StatusBoard;
}

/** What a signature check is about. */
type Checked =
  | { readonly kind: "hello"; readonly connection: ConnectionId; readonly publicKey: Uint8Array }
  | ({ readonly kind: "submit" } & Submitted);

/** A client's transaction whose signatures are checked, and then whether it is admitted. */
interface Submitted extends SignedTransaction {
  readonly asker: ClientRequest;
}

export class GatewayActor implements Actor<GatewayMessage> {
  readonly #self: ActorRef<GatewayMessage>;
  readonly #after: ActorContext<GatewayMessage>["after"];
  readonly #clock: Clock;
  readonly #deps: GatewayDeps;
  readonly #connections = new Connections();
  readonly #questions = new OpenQuestions();
  readonly #checks: SignatureChecks<Checked>;
  readonly #routing: Routing;
  /** What the ledger is asked about, by the number of the batch whose signatures were checked together. */
  readonly #admitting = new Map<number, readonly Submitted[]>();
  #logTime = 0n;

  constructor(context: ActorContext<GatewayMessage>, deps: GatewayDeps) {
    this.#self = context.self;
    this.#after = (delayMs, message) => context.after(delayMs, message);
    this.#clock = context.clock;
    this.#deps = deps;
    this.#checks = new SignatureChecks<Checked>(deps.crypto);
    const { node, hashes, consensus, sendPeer, diskIsFull, hostLog } = deps;
    this.#routing = new Routing({
      ...{ node, hashes, consensus, sendPeer, diskIsFull, log: hostLog },
      turnAway: (asker, code) => this.#finish(asker, code, REFUSAL_TEXT[code]),
    });
    deps.status.post("gateway", () => ({
      connections: this.#connections.count,
      transactionsWaiting: this.#routing.waiting,
      questionsOpen: this.#questions.count,
      refusals: this.#routing.refusals,
      framesRefused: this.#routing.framesRefused,
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
        this.#forget(message.connection);
        break;
      case "helloDue":
        this.#helloDue(message.connection);
        break;
      case "peerFrame":
        this.#routing.peerFrame(message.from, message.payload);
        break;
      case "verified":
        this.#verified(message.batch, message.valid);
        break;
      case "submitOwn":
        this.#routing.submit(message.transaction, undefined);
        break;
      case "leader":
        this.#routing.leaderIs(message.leader);
        break;
      case "refused":
        this.#routing.refused(message.transactions, message.code);
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
      case "admitted":
        this.#admitted(message.batch, message.refusals);
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
    this.#routing.flush();
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
    this.#after(HELLO_MS, { type: "helloDue", connection: id });
  }

  #helloDue(id: ConnectionId): void {
    const connection = this.#connections.get(id);
    if (connection === undefined || connection.publicKey !== undefined) return;
    this.#error({ connection: id, request: 0 }, "not_authenticated", "hello was not said in time");
    this.#drop(id, "not_authenticated");
  }

  #clientFrame(id: ConnectionId, encoded: Uint8Array): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    let frame: ClientFrame;
    try {
      frame = decodeClientFrame(encoded);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#malformed(connection, error);
      return;
    }
    if (frame.type === "hello") {
      this.#hello(connection, frame);
      return;
    }
    const asker = { connection: id, request: frame.request };
    if (connection.publicKey === undefined) this.#tooEarly(connection, asker);
    else if (!this.#connections.beginRequest(connection)) {
      this.#error(asker, "busy", "too many requests are unanswered");
    } else if (frame.type === "submit") this.#submit(asker, frame.transaction);
    else this.#query(connection.publicKey, asker, frame);
  }

  #malformed(connection: Connection, { code, message }: WireError): void {
    this.#error({ connection: connection.id, request: 0 }, code, message);
    this.#countMalformed(connection);
  }

  /** A request before the hello counts as malformed; one behind a hello that is still being checked is early, no more. */
  #tooEarly(connection: Connection, asker: ClientRequest): void {
    this.#error(asker, "not_authenticated", "say hello first");
    if (!connection.greeted) this.#countMalformed(connection);
  }

  #countMalformed(connection: Connection): void {
    if (this.#connections.countMalformed(connection)) this.#drop(connection.id, "malformed_frames");
  }

  #hello(connection: Connection, frame: Extract<ClientFrame, { type: "hello" }>): void {
    const { clusterId, node, crypto } = this.#deps;
    if (!equalBytes(frame.clusterId, clusterId)) {
      this.#error({ connection: connection.id, request: 0 }, "foreign_cluster", "this node belongs to another cluster");
      this.#drop(connection.id, "foreign_cluster");
      return;
    }
    if (connection.greeted) {
      this.#malformed(connection, new WireError("malformed_frame", "hello is said once"));
      return;
    }
    connection.greeted = true;
    const { publicKey, signature } = frame;
    const message = helloDigest(crypto.sha256.bind(crypto), { clusterId, node, nonce: connection.nonce, publicKey });
    this.#checks.add([{ publicKey, message, signature }], { kind: "hello", connection: connection.id, publicKey });
  }

  #submit(asker: ClientRequest, encoded: Uint8Array): void {
    const { crypto, clusterId } = this.#deps;
    try {
      const { transaction } = admit(encoded);
      const jobs = signatureJobs(crypto.sha256.bind(crypto), clusterId, transaction);
      this.#checks.add(jobs, { kind: "submit", asker, encoded, transaction });
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.#finish(asker, error.code, error.message);
    }
  }

  #verified(batch: number, valid: readonly boolean[]): void {
    const signed: Submitted[] = [];
    for (const { subject, good } of this.#checks.finish(batch, valid)) {
      if (subject.kind === "hello") this.#greeted(subject.connection, good ? subject.publicKey : undefined);
      else if (!good) this.#finish(subject.asker, "bad_signature", "a signature does not match the transaction");
      else if (this.#questions.isFull) this.#finish(subject.asker, "busy", REFUSAL_TEXT.busy);
      else signed.push(subject);
    }
    if (signed.length === 0) return;
    this.#admitting.set(batch, signed);
    this.#deps.ledger.deliver({ type: "admit", batch, transactions: signed });
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

  /**
   * This node may lag, so a refusal by its own state is confirmed by a read that sees everything acknowledged before;
   * only then is the client told.
   */
  #admitted(batch: number, refusals: readonly (AdmissionRefusal | undefined)[]): void {
    const signed = must(this.#admitting.get(batch), `admissions ${batch} came back twice`);
    this.#admitting.delete(batch);
    signed.forEach(({ asker, encoded }, index) => {
      if (refusals[index] === undefined) this.#routing.submit(encoded, asker);
      else this.#confirmRefusal(asker, encoded);
    });
  }

  #confirmRefusal(asker: ClientRequest, transaction: Uint8Array): void {
    if (this.#connections.get(asker.connection) === undefined) return;
    const token = this.#open({ asker, transaction });
    if (token === undefined) {
      this.#finish(asker, "busy", REFUSAL_TEXT.busy);
      return;
    }
    const { connection } = asker;
    const question = { kind: "admission", token, connection, transaction } as const;
    this.#deps.consensus.deliver({ type: "read", question, consistency: "linearizable" });
  }

  #admission(token: number, refusal: AdmissionRefusal | undefined): void {
    const question = this.#questions.take(token);
    if (question?.transaction === undefined) return;
    const { asker, transaction } = question;
    if (refusal === undefined) this.#routing.submit(transaction, asker);
    else this.#finish(asker, refusal, "the cluster's state does not admit the transaction");
  }

  #applied(applied: Applied): void {
    const { block } = applied;
    this.#logTime = block.header.timestamp;
    if (this.#routing.waiting === 0) return;
    const receiptOf = blockReceipts(this.#deps.crypto, this.#deps.clusterId, applied);
    block.tree.leaves.forEach((leaf, index) => {
      for (const { connection, request } of this.#routing.takeAskers(leaf)) {
        this.#endRequest(connection);
        this.#send(connection, { type: "receipt", request, receipt: receiptOf(index) });
      }
    });
  }

  #query(publicKey: Uint8Array, asker: ClientRequest, frame: Extract<ClientFrame, { type: "query" }>): void {
    const token = this.#open({ asker });
    if (token === undefined) {
      this.#finish(asker, "busy", REFUSAL_TEXT.busy);
      return;
    }
    const { connection } = asker;
    const { query, consistency } = frame;
    const question = { kind: "query", token, connection, query, publicKey } as const;
    if (consistency === "local") this.#deps.ledger.deliver({ type: "question", question, height: 0 });
    else this.#deps.consensus.deliver({ type: "read", question, consistency });
  }

  /** A stranger may be one for this node only, which may lag: who it is decides how much may wait, and not the answer. */
  #open(question: Omit<OpenQuestion, "isStranger">): number | undefined {
    const publicKey = this.#connections.get(question.asker.connection)?.publicKey;
    return this.#questions.open({ ...question, isStranger: publicKey === undefined || !this.#deps.isKnown(publicKey) });
  }

  #answered(
    token: number,
    body: { type: "answer"; answer: Uint8Array } | { type: "error"; code: string; message: string },
  ): void {
    const question: OpenQuestion | undefined = this.#questions.take(token);
    if (question === undefined) return;
    const { asker } = question;
    if (body.type === "error") this.#finish(asker, body.code, body.message);
    else {
      this.#endRequest(asker.connection);
      this.#send(asker.connection, { type: "answer", request: asker.request, answer: body.answer });
    }
  }

  /** Ends a request with an error. */
  #finish(asker: ClientRequest, code: string, message: string): void {
    this.#endRequest(asker.connection);
    this.#error(asker, code, message);
  }

  #endRequest(id: ConnectionId): void {
    const connection = this.#connections.get(id);
    if (connection !== undefined) connection.requestsOpen -= 1;
  }

  #error(to: ClientRequest, code: string, message: string): void {
    this.#send(to.connection, { type: "error", request: to.request, code, message });
  }

  /** Nobody hears what this connection asked for: its questions take no other's place. */
  #forget(id: ConnectionId): void {
    this.#connections.close(id);
    this.#routing.dropConnection(id);
    const tokens = this.#questions.dropConnection(id);
    if (tokens.length > 0) this.#deps.consensus.deliver({ type: "forget", tokens });
  }

  #drop(id: ConnectionId, reason: string): void {
    this.#forget(id);
    this.#deps.network.closeClient(id, reason);
  }

  #send(id: ConnectionId, frame: NodeFrame): void {
    if (this.#connections.get(id) !== undefined) this.#deps.network.sendClient(id, encodeNodeFrame(frame));
  }
}

const REFUSAL_TEXT: Readonly<Record<QuestionRefusalCode, string>> = {
  behind: "this node's state does not come far enough in time; ask another node",
  busy: "the cluster has too much waiting; try again a little later",
  disk_full: "the leader's disk is full, so this was not ordered; reads go on: make room, or try again later",
  no_leader: "no leader is known here at the moment; try again, or another node",
  not_leader: "the leader has just changed; try again",
};
