/**
 * A leader's side of replication (§5.3): what each follower is known to have, and what it is sent next. Made when a term
 * of leadership begins and dropped when it ends, so nothing that was learned in one term is believed in another.
 */
import { assert } from "../../node/base/assert.ts";
import type { LogIndex, NodeId } from "../../node/base/ids.ts";
import { InFlight } from "./in-flight.ts";
import type { RaftLog } from "./log.ts";
import type { MessageBody, MessageOf } from "./messages.ts";
import type { RaftOptions } from "./options.ts";
import { Progress, type ProgressState } from "./progress.ts";
import { quorumValue } from "./quorum.ts";

export interface ReplicationDeps {
  readonly peers: readonly NodeId[];
  readonly log: RaftLog;
  readonly limits: Pick<RaftOptions, "appendBytesMax" | "appendsInFlightMax" | "bytesInFlightMax">;
  readonly send: (to: NodeId, body: MessageBody) => void;
}

/** How far one follower is, for people to look at. */
export interface PeerProgress {
  readonly peer: NodeId;
  readonly match: LogIndex;
  readonly next: LogIndex;
  readonly state: ProgressState;
  readonly paused: boolean;
  readonly inFlight: number;
}

export class Replication {
  readonly #log: RaftLog;
  readonly #appendBytesMax: number;
  readonly #send: (to: NodeId, body: MessageBody) => void;
  readonly #progress: ReadonlyMap<NodeId, Progress>;

  /** Begins with one empty append to each follower, to find out where its log is. */
  constructor({ peers, log, limits, send }: ReplicationDeps) {
    this.#log = log;
    this.#appendBytesMax = limits.appendBytesMax;
    this.#send = send;
    const next = log.lastIndex + 1;
    const inFlight = (): InFlight => new InFlight(limits.appendsInFlightMax, limits.bytesInFlightMax);
    this.#progress = new Map(peers.map((peer) => [peer, new Progress(next, inFlight())]));
    for (const peer of peers) this.#sendAppend(peer, true);
  }

  /** The last position that a quorum has durably, the leader among it only as far as its own disk is. */
  quorumIndex(): LogIndex {
    const matches = [...this.#progress.values()].map((progress) => progress.match);
    return quorumValue([...matches, this.#log.stableIndex]);
  }

  /** Followers that have answered since this was last asked. */
  takeActiveCount(): number {
    let active = 0;
    for (const progress of this.#progress.values()) {
      if (progress.active) active += 1;
      progress.active = false;
    }
    return active;
  }

  /** How far a follower's log is known to agree. */
  matchOf(peer: NodeId): LogIndex {
    return this.#of(peer).match;
  }

  status(): readonly PeerProgress[] {
    return [...this.#progress].map(([peer, { match, next, state, paused, inFlightCount: inFlight }]) => ({
      ...{ peer, match, next, state, paused, inFlight },
    }));
  }

  sendHeartbeats(sequence: number): void {
    for (const [peer, progress] of this.#progress) {
      // A follower is told no more than what it is known to have.
      this.#send(peer, { type: "heartbeat", commit: Math.min(progress.match, this.#log.commit), sequence });
    }
  }

  /** Sends all followers what they lack, as far as their pipelines allow. */
  sendToAll(): void {
    for (const peer of this.#progress.keys()) this.sendTo(peer);
  }

  /** Sends a follower what it lacks, as far as its pipeline allows; tells a new commit index in any case. */
  sendTo(peer: NodeId): void {
    const progress = this.#of(peer);
    while (progress.next <= this.#log.lastIndex && this.#sendAppend(peer, false));
    if (progress.commitSent < this.#log.commit) this.#sendAppend(peer, true);
  }

  /** A follower's log agrees up to `index`. False when that was known. */
  acknowledged(peer: NodeId, index: LogIndex): boolean {
    const progress = this.#of(peer);
    progress.active = true;
    return progress.acknowledge(index);
  }

  /** A follower does not have what stands before an append; its hint spares a step back for each entry (§5.3). */
  rejected(peer: NodeId, { index, hintIndex, hintTerm }: MessageOf<"appendResponse">): void {
    const progress = this.#of(peer);
    progress.active = true;
    const hint = Math.min(hintIndex, this.#log.lastIndex);
    const limit = hintTerm > 0 ? this.#log.lastIndexUpToTerm(hint, hintTerm) : hint;
    if (progress.reject(index, limit)) this.#sendAppend(peer, true);
  }

  /** A follower has answered a heartbeat: whatever was lost on the way to it can be found out now. */
  heard(peer: NodeId): void {
    const progress = this.#of(peer);
    progress.active = true;
    progress.resume();
    if (progress.match < this.#log.lastIndex) this.#sendAppend(peer, true);
  }

  /** Sends one append; false when the follower's pipeline is full or there is nothing to say. */
  #sendAppend(peer: NodeId, evenEmpty: boolean): boolean {
    const progress = this.#of(peer);
    if (progress.paused) return false;
    const previousIndex = progress.next - 1;
    const previousTerm = this.#log.term(previousIndex);
    assert(previousTerm !== undefined, `position ${previousIndex} is still in the log`);
    const entries = progress.mayCarryEntries
      ? this.#log.entries(progress.next, this.#log.lastIndex + 1, this.#appendBytesMax)
      : [];
    if (entries.length === 0 && !evenEmpty) return false;
    const { commit } = this.#log;
    this.#send(peer, { type: "append", previousIndex, previousTerm, entries, commit });
    progress.sent(entries, commit);
    return true;
  }

  #of(peer: NodeId): Progress {
    const progress = this.#progress.get(peer);
    assert(progress !== undefined, `node ${peer} is a peer`);
    return progress;
  }
}
