/**
 * The way of admitted transactions to whoever leads, and who waits for each: clients of this node, and other nodes that
 * have handed theirs on to this one. Nobody waits in vain for what will not be ordered.
 */
import type { ActorRef } from "../actor/actor.ts";
import { nameOf } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import type { NodeId } from "../base/ids.ts";
import type { Log } from "../base/ports/log.ts";
import type { ConnectionId } from "../base/ports/network.ts";
import type { ConsensusMessage } from "../messages/consensus.ts";
import type { RefusalCode } from "../messages/gateway.ts";
import { RefusedFrames } from "../messages/refused-frames.ts";
import { admit } from "../state/admit.ts";
import type { TransactionHashes } from "../wire/transaction-hashes.ts";
import { decodeForwardFrame, encodeForwardFrame, inFrames } from "./forward-frames.ts";
import { type ClientRequest, type Waiter, Waiters } from "./waiters.ts";

export interface RoutingDeps {
  readonly node: NodeId;
  readonly hashes: TransactionHashes;
  readonly consensus: ActorRef<ConsensusMessage>;
  readonly sendPeer: (to: NodeId, ...payload: readonly Uint8Array[]) => boolean;
  readonly diskIsFull: () => boolean;
  readonly log: Log;
  /** Tells a client that its transaction will not be ordered. */
  readonly turnAway: (asker: ClientRequest, code: RefusalCode) => void;
}

export class Routing {
  readonly #deps: RoutingDeps;
  readonly #waiters = new Waiters();
  #leader: NodeId = 0;
  /** The last leader there was; 0 before the first. */
  #lastLeader: NodeId = 0;
  #refusals = 0;
  readonly #malformed: RefusedFrames;
  /** What is to go to the leader when this turn ends: together, as one message or frame. */
  #leaving: Uint8Array[] = [];

  constructor(deps: RoutingDeps) {
    this.#deps = deps;
    this.#malformed = new RefusedFrames(deps.log, "gateway.malformed_forward");
  }

  /** Transactions that somebody waits for. */
  get waiting(): number {
    return this.#waiters.size;
  }

  get refusals(): number {
    return this.#refusals;
  }

  /** Frames of peers, and transactions in them, that make no sense. */
  get framesRefused(): number {
    return this.#malformed.count;
  }

  /**
   * What waited for an earlier leader may be lost with it: who waits is told at once to ask again, instead of waiting
   * until their patience ends. What is not lost is answered all the same, from the session.
   */
  leaderIs(leader: NodeId): void {
    const followsAnother = leader !== 0 && leader !== this.#lastLeader;
    this.#leader = leader;
    if (!followsAnother) return;
    this.#lastLeader = leader;
    for (const waiter of this.#waiters.takeAll()) this.#turnAway(waiter, "not_leader");
  }

  /** Lets an admitted transaction go to whoever leads, at the next `flush`; without an asker it is this node's own, and nobody waits. */
  submit(transaction: Uint8Array, asker: ClientRequest | undefined): void {
    if (asker !== undefined) this.#order(transaction, asker);
    else if (!this.#isFull()) this.#leaving.push(transaction);
  }

  /** Sends to the leader what was submitted since the last call. */
  flush(): void {
    if (this.#leaving.length === 0) return;
    const transactions = this.#leaving;
    this.#leaving = [];
    const { node, consensus, sendPeer } = this.#deps;
    const leader = this.#leader;
    if (leader === node) {
      if (!consensus.tell({ type: "propose", transactions })) this.refused(transactions, "busy");
      return;
    }
    for (const some of inFrames(transactions)) {
      const sent = leader !== 0 && sendPeer(leader, ...encodeForwardFrame({ type: "submit", transactions: some }));
      if (!sent) this.refused(some, "no_leader");
    }
  }

  /** A frame of the forward lane. */
  peerFrame(from: NodeId, payload: Uint8Array): void {
    try {
      const frame = decodeForwardFrame(payload);
      if (frame.type === "refused") this.#refuse(nameOf(frame.hash), frame.code);
      else for (const transaction of frame.transactions) this.#forwarded(from, transaction);
    } catch (error) {
      this.#refuseFrame(from, error);
    }
  }

  /** These will not be ordered. */
  refused(transactions: readonly Uint8Array[], code: RefusalCode): void {
    for (const transaction of transactions) this.#refuse(nameOf(this.#deps.hashes.of(transaction)), code);
  }

  /** Takes out the clients that wait for a transaction, which has been applied. Nodes have applied it themselves. */
  takeAskers(hash: Uint8Array): readonly ClientRequest[] {
    return this.#waiters.take(nameOf(hash)).filter((waiter) => "connection" in waiter);
  }

  /** Forgets a connection that is gone. */
  dropConnection(connection: ConnectionId): void {
    this.#waiters.dropConnection(connection);
  }

  /** Another node has checked the transaction's signature and asked its own state; its shape is checked here again. */
  #forwarded(from: NodeId, transaction: Uint8Array): void {
    try {
      admit(transaction);
    } catch (error) {
      this.#refuseFrame(from, error);
      return;
    }
    const hash = this.#deps.hashes.of(transaction);
    const forwarder = { node: from, hash };
    if (this.#leader !== this.#deps.node) {
      this.#turnAway(forwarder, "not_leader");
      return;
    }
    this.#order(transaction, forwarder);
  }

  /**
   * Where a full disk holds the log up nothing new goes there. What went there before may be committed yet: whoever asks for
   * that again waits for it with the others.
   */
  #order(transaction: Uint8Array, waiter: Waiter): void {
    const name = nameOf(this.#deps.hashes.of(transaction));
    const isFull = this.#isFull();
    if (isFull && !this.#waiters.has(name)) {
      this.#refusals += 1;
      this.#turnAway(waiter, "disk_full");
      return;
    }
    this.#waiters.add(name, waiter);
    if (!isFull) this.#leaving.push(transaction);
  }

  /** Whether this node would order what is submitted, and has no space to keep it. */
  #isFull(): boolean {
    return this.#leader === this.#deps.node && this.#deps.diskIsFull();
  }

  #refuseFrame(from: NodeId, error: unknown): void {
    if (!(error instanceof CodedError)) throw error;
    this.#malformed.refuse(from, error.message);
  }

  #refuse(hash: string, code: RefusalCode): void {
    this.#refusals += 1;
    for (const waiter of this.#waiters.take(hash)) this.#turnAway(waiter, code);
  }

  #turnAway(waiter: Waiter, code: RefusalCode): void {
    if ("connection" in waiter) this.#deps.turnAway(waiter, code);
    else this.#deps.sendPeer(waiter.node, ...encodeForwardFrame({ type: "refused", hash: waiter.hash, code }));
  }
}
