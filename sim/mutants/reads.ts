/** Answers that are older than they may be. */
import type { Message } from "../../consensus/raft/messages.ts";
import type { RaftOptions } from "../../consensus/raft/options.ts";
import { Raft } from "../../consensus/raft/raft.ts";
import type { ReadState, Ready } from "../../consensus/raft/ready.ts";
import type { LogIndex } from "../../node/base/ids.ts";
import { Freshness } from "../../node/replica/freshness.ts";

/** A leader answers reads without asking a quorum whether it still leads. */
export class ServesReadsUnconfirmed extends Raft {
  protected override readsNeedQuorum(): boolean {
    return false;
  }
}

/** A follower answers reads as of what it knows to be committed, without asking the leader. */
export class FollowersAnswerReads extends Raft {
  readonly #own: ReadState[] = [];

  override requestRead(requestId: number, lease?: boolean): boolean {
    if (this.role !== "follower") return super.requestRead(requestId, lease);
    this.#own.push({ requestId, index: this.commit });
    return true;
  }

  override hasReady(): boolean {
    return this.#own.length > 0 || super.hasReady();
  }

  override ready(): Ready {
    const ready = super.ready();
    return { ...ready, reads: [...ready.reads, ...this.#own.splice(0)] };
  }
}

/** A read that waits for the leader's first commit gets the index that was known before it (etcd #7331). */
export class FixesReadsTooEarly extends Raft {
  readonly #early = new Map<string, LogIndex>();

  override requestRead(requestId: number, lease?: boolean): boolean {
    this.#fix(`${this.id} ${requestId}`);
    return super.requestRead(requestId, lease);
  }

  override step(message: Message): boolean {
    if (message.type === "readIndex") this.#fix(`${message.from} ${message.requestId}`);
    return super.step(message);
  }

  override ready(): Ready {
    const ready = super.ready();
    const reads = ready.reads.map((read) => {
      return "refused" in read ? read : { ...read, index: this.#fixed(`${this.id} ${read.requestId}`, read.index) };
    });
    const messages = ready.messages.map((message) => {
      if (message.type !== "readIndexResponse" || message.refused) return message;
      return { ...message, index: this.#fixed(`${message.to} ${message.requestId}`, message.index) };
    });
    return { ...ready, reads, messages };
  }

  #fix(name: string): void {
    if (this.role === "leader" && this.termAt(this.commit) !== this.term) this.#early.set(name, this.commit);
  }

  #fixed(name: string, index: LogIndex): LogIndex {
    const early = this.#early.get(name);
    this.#early.delete(name);
    return early ?? index;
  }
}

/** A leader takes all clocks for true: its lease lasts as long by its own as the promises do that others keep by theirs. */
export class LeasesWithoutMargin extends Raft {
  constructor(options: RaftOptions) {
    super(options.leaseDriftPermille === undefined ? options : { ...options, leaseDriftPermille: 1 });
  }
}

/** Where a link has ended there is no leader, whatever was promised to it. */
export class ForgetsPromises extends Raft {
  protected override mayForgetLeader(): boolean {
    return true;
  }
}

/**
 * Whatever round of heartbeats is answered, a leader takes it for the newest: an answer that was on its way for long renews
 * its lease, and confirms reads, as if it had just been promised.
 */
export class ConfirmsTheNewestRound extends Raft {
  #newest = 0;

  override step(message: Message): boolean {
    return super.step(message.type === "heartbeatResponse" ? { ...message, sequence: this.#newest } : message);
  }

  override ready(): Ready {
    const ready = super.ready();
    for (const message of ready.messages) if (message.type === "heartbeat") this.#newest = message.sequence;
    return ready;
  }
}

/** A state counts as fresh as soon as the index is known that would make it so, before it is applied. */
export class FreshBeforeApplied extends Freshness {
  override isWithin(boundMs: number, _applied: LogIndex, nowMs: number): boolean {
    return super.isWithin(boundMs, Number.MAX_SAFE_INTEGER, nowMs);
  }
}
