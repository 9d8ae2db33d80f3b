/**
 * Reads that wait on a leader (§6.4). A read's index is fixed when it arrives; it may be answered once a quorum has
 * answered a heartbeat that was sent after it arrived, for then no newer leader can have committed anything before.
 *
 * Rounds are numbered by the leader, never by the requester, so that neither a repeated request nor a late answer can
 * release a read that came after. All heartbeats belong to a round; it is open to reads until they leave.
 */
import { assert } from "../../node/base/assert.ts";
import type { LogIndex, NodeId } from "../../node/base/ids.ts";
import { quorumValue } from "../../node/base/quorum.ts";
import type { Configuration } from "./configuration.ts";

/** Who asked, and its name for the question. */
export interface ReadRequest {
  readonly from: NodeId;
  readonly requestId: number;
  /** The leader's lease will do, if it has one. */
  readonly lease: boolean;
}

interface WaitingRead extends ReadRequest {
  readonly index: LogIndex;
  readonly sequence: number;
}

export class ReadOnly {
  readonly #self: NodeId;
  /** Reads that came before the leader's first commit: what is committed is not known yet. */
  #held: ReadRequest[] = [];
  /** In order of arrival, hence of sequence. */
  #waiting: WaitingRead[] = [];
  /** The newest round each peer has answered. */
  readonly #answered = new Map<NodeId, number>();
  #confirmed = 0;
  #sequence = 0;
  #open = false;

  constructor(self: NodeId) {
    this.#self = self;
  }

  /** The newest round; heartbeats carry it. */
  get sequence(): number {
    return this.#sequence;
  }

  /** The newest round that a quorum has answered. */
  get confirmed(): number {
    return this.#confirmed;
  }

  get count(): number {
    return this.#held.length + this.#waiting.length;
  }

  /** Keeps a read until the leader has committed an entry of its term. */
  hold(request: ReadRequest): void {
    this.#held.push(request);
  }

  /** The reads that were kept; none is afterwards. */
  takeHeld(): readonly ReadRequest[] {
    return this.#held.splice(0);
  }

  /** Adds a read. True when it begins a round, whose heartbeats must now be sent. */
  add(request: ReadRequest, index: LogIndex): boolean {
    const begins = !this.#open;
    if (begins) this.#sequence += 1;
    this.#open = true;
    this.#waiting.push({ index, sequence: this.#sequence, ...request });
    return begins;
  }

  /** Heartbeats leave: the round they belong to. Later reads need another. */
  leave(): number {
    if (!this.#open) this.#sequence += 1;
    this.#open = false;
    return this.#sequence;
  }

  /** A peer has answered a heartbeat of this round. */
  answered(from: NodeId, sequence: number): void {
    assert(sequence <= this.#sequence, "only rounds that were begun are answered");
    this.#answered.set(from, Math.max(sequence, this.#answered.get(from) ?? 0));
  }

  /** The reads that a quorum has confirmed, in this configuration; none of them waits afterwards. */
  takeConfirmed(configuration: Configuration): readonly WaitingRead[] {
    this.#confirmed = quorumValue(configuration, (voter) =>
      voter === this.#self ? this.#sequence : (this.#answered.get(voter) ?? 0),
    );
    const held = this.#waiting.findIndex((read) => read.sequence > this.#confirmed);
    return this.#waiting.splice(0, held < 0 ? this.#waiting.length : held);
  }

  /** All reads that wait; none does afterwards. */
  drain(): readonly ReadRequest[] {
    return [...this.#waiting.splice(0), ...this.takeHeld()];
  }
}
