/**
 * What the next Ready will carry, and the Readies whose durable work is still on its way to the disk.
 *
 * Hard state and role are handed out when they differ from what was handed out last, so several changes between two
 * Readies become one.
 */
import { assert } from "../../node/base/assert.ts";
import type { Term } from "../../node/base/ids.ts";
import type { HardState } from "./hard-state.ts";
import type { RaftLog } from "./log.ts";
import type { Message } from "./messages.ts";
import type { CheckpointWanted, ReadState, Ready, RoleState } from "./ready.ts";

/** Where a node stands: what of it is durable, and what its driver should know. */
export type Standing = HardState & RoleState;

export class PendingReady {
  #messages: Message[] = [];
  #messagesAfterPersist: Message[] = [];
  #reads: ReadState[] = [];
  #checkpointWanted: CheckpointWanted | undefined;
  #handedHardState: HardState;
  #handedRole: RoleState;
  #sequence = 0;
  #durableTerm: Term;
  /** Readies with durable work that the driver has not reported yet: the term that each has, and whether it wrote to the log. */
  readonly #persisting: { readonly sequence: number; readonly term: Term; readonly wroteLog: boolean }[] = [];

  constructor(hardState: HardState) {
    this.#handedHardState = hardState;
    this.#durableTerm = hardState.term;
    this.#handedRole = { role: "follower", leader: 0, term: hardState.term };
  }

  send(message: Message): void {
    this.#messages.push(message);
  }

  /** For a message that promises something: it leaves when all that was handed out so far is durable. */
  sendAfterPersist(message: Message): void {
    this.#messagesAfterPersist.push(message);
  }

  answerRead(read: ReadState): void {
    this.#reads.push(read);
  }

  wantCheckpoint(wanted: CheckpointWanted): void {
    this.#checkpointWanted = wanted;
  }

  /** The term that a crash cannot take back. */
  get durableTerm(): Term {
    return this.#durableTerm;
  }

  hasWork(now: Standing, log: RaftLog): boolean {
    return (
      this.#messages.length > 0 ||
      this.#messagesAfterPersist.length > 0 ||
      this.#reads.length > 0 ||
      this.#checkpointWanted !== undefined ||
      log.hasUnwritten ||
      log.hasCommitted ||
      this.#hardStateOf(now) !== undefined ||
      this.#roleOf(now) !== undefined
    );
  }

  take(now: Standing, log: RaftLog): Ready {
    this.#sequence += 1;
    const sequence = this.#sequence;
    const hardState = this.#hardStateOf(now);
    const write = log.hasUnwritten ? log.takeWrite() : undefined;
    if (hardState !== undefined || write !== undefined) {
      this.#persisting.push({ sequence, term: now.term, wroteLog: write !== undefined });
    }
    if (hardState !== undefined) this.#handedHardState = hardState;
    const role = this.#roleOf(now);
    if (role !== undefined) this.#handedRole = role;
    const committed = log.takeCommitted();
    const ready: Ready = {
      sequence,
      entries: write?.entries ?? [],
      messages: this.#messages,
      messagesAfterPersist: this.#messagesAfterPersist,
      reads: this.#reads,
      ...(hardState === undefined ? {} : { hardState }),
      ...(write?.truncateFrom === undefined ? {} : { truncateFrom: write.truncateFrom }),
      ...(committed === undefined ? {} : { committed }),
      ...(role === undefined ? {} : { role }),
      ...(this.#checkpointWanted === undefined ? {} : { checkpointWanted: this.#checkpointWanted }),
    };
    this.#messages = [];
    this.#messagesAfterPersist = [];
    this.#reads = [];
    this.#checkpointWanted = undefined;
    return ready;
  }

  /** The durable work of a Ready is done; Readies complete in order. True when it wrote to the log. */
  persisted(sequence: number): boolean {
    const oldest = this.#persisting.shift();
    assert(oldest?.sequence === sequence, `Ready ${sequence} completed out of order`);
    this.#durableTerm = oldest.term;
    return oldest.wroteLog;
  }

  #hardStateOf({ term, vote }: Standing): HardState | undefined {
    const handed = this.#handedHardState;
    return term === handed.term && vote === handed.vote ? undefined : { term, vote };
  }

  #roleOf({ role, leader, term }: Standing): RoleState | undefined {
    const handed = this.#handedRole;
    return role === handed.role && leader === handed.leader && term === handed.term
      ? undefined
      : { role, leader, term };
  }
}
