/**
 * What a leader knows about one follower's log, and how fast it may send to it.
 *
 *     probe ──── accepted ───► replicate          probe: one append at a time, looking for where the logs agree
 *       ▲                       │  ▲              replicate: a pipeline of appends, bounded by `InFlight`
 *       └──────── rejected ─────┘  │              snapshot: what comes next is compacted away; nothing is sent until
 *     either ─ compacted ► snapshot ─ accepted              the follower has a checkpoint, and says so
 *
 * A peer that is `paused` gets no append until it answers something; each heartbeat answer allows one more, so that a
 * lost append delays a follower by a heartbeat and never for ever. That one only asks where the follower is: what it was
 * sent before may not be lost, but wait for its disk.
 */
import { assert } from "../../node/base/assert.ts";
import type { LogIndex } from "../../node/base/ids.ts";
import type { InFlight } from "./in-flight.ts";
import { bytesOf, type Entry } from "./messages.ts";
import type { Pace } from "./pace.ts";

export type ProgressState = "probe" | "replicate" | "snapshot";

export class Progress {
  /** The follower's log agrees with ours up to here, durably. Never goes back. */
  #match: LogIndex = 0;
  /** The next position to send. Invariant: #match < #next. */
  #next: LogIndex;
  #state: ProgressState = "probe";
  #paused = false;
  /** Whether a probe has been sent from `#next`. */
  #probed = false;
  /** What the follower knows to be committed when it has taken the newest append. */
  #commitSent: LogIndex = 0;
  readonly #inFlight: InFlight;
  /** Of what is committed. */
  readonly pace: Pace;
  /** Ticks since the follower has answered; of one that is new nothing was heard. */
  silentTicks: number = Number.POSITIVE_INFINITY;

  constructor(next: LogIndex, inFlight: InFlight, pace: Pace) {
    this.#next = next;
    this.#inFlight = inFlight;
    this.pace = pace;
  }

  get match(): LogIndex {
    return this.#match;
  }

  get next(): LogIndex {
    return this.#next;
  }

  get state(): ProgressState {
    return this.#state;
  }

  get paused(): boolean {
    return this.#paused;
  }

  get inFlightCount(): number {
    return this.#inFlight.count;
  }

  get inFlightBytes(): number {
    return this.#inFlight.bytes;
  }

  get commitSent(): LogIndex {
    return this.#commitSent;
  }

  /** Whether the next append may carry entries, or only ask where the follower is. */
  get mayCarryEntries(): boolean {
    return this.#state === "probe" ? !this.#probed : !this.#inFlight.isFull;
  }

  /** An append has been sent that starts at `next`. */
  sent(entries: readonly Entry[], commit: LogIndex): void {
    assert(!this.#paused, "a paused follower is sent nothing");
    this.#commitSent = Math.min(commit, this.#next - 1 + entries.length);
    if (this.#state === "probe") {
      this.#paused = true;
      this.#probed = true;
      return;
    }
    if (entries.length > 0) {
      this.#next += entries.length;
      this.#inFlight.add(this.#next - 1, bytesOf(entries));
    }
    this.#paused = this.#inFlight.isFull;
  }

  /** The follower's log agrees up to `index`. False when that was known and changes nothing. */
  acknowledge(index: LogIndex): boolean {
    if (index < this.#match || (index === this.#match && this.#state === "replicate")) return false;
    this.#match = index;
    if (this.#state !== "replicate") {
      this.#state = "replicate";
      this.#next = this.#match + 1;
    } else {
      this.#inFlight.freeTo(index);
      this.#next = Math.max(this.#next, index + 1);
    }
    // An answer that frees nothing in a full pipeline does not open it.
    this.#paused = this.#inFlight.isFull;
    return true;
  }

  /**
   * The follower's log does not have what stands before an append: `rejected`. The logs cannot agree behind `limit`.
   * False when the answer is stale: about an append that was not the newest, or about what is known to agree.
   */
  reject(rejected: LogIndex, limit: LogIndex): boolean {
    if (this.#state === "snapshot") return false;
    if (this.#state === "replicate") {
      if (rejected <= this.#match) return false;
      this.#state = "probe";
      this.#inFlight.clear();
      this.#next = this.#match + 1;
    } else {
      if (rejected !== this.#next - 1) return false;
      this.#next = Math.max(Math.min(rejected, limit + 1), this.#match + 1);
    }
    this.#probed = false;
    this.#paused = false;
    return true;
  }

  /** A sign of life: one more append may be sent, even when all before it are still on their way, or lost. */
  resume(): void {
    this.#paused = this.#state === "snapshot";
  }

  /** What the follower needs next is gone: only a checkpoint helps. */
  awaitCheckpoint(): void {
    this.#state = "snapshot";
    this.#inFlight.clear();
    this.#paused = true;
  }
}
