/**
 * The log actor: makes durable what the Raft core asks for, in order, and says so in the same order.
 *
 * Term and vote go to the store, entries to the write-ahead log. Entries of a request are not handed to the log before
 * its term and vote are durable, and no later request overtakes an earlier one; appends of several requests do share one
 * write and one sync (group commit happens below, in the log).
 */
import type { LogStore } from "../../storage/wal/log-store.ts";
import type { Actor, ActorContext, ActorRef } from "../actor/actor.ts";
import { must } from "../base/assert.ts";
import type { CodedError } from "../base/errors.ts";
import type { Store } from "../base/ports/store.ts";
import type { ConsensusMessage } from "../messages/consensus.ts";
import type { LogMessage, PersistRequest } from "../messages/log.ts";
import { saveHardState } from "./hard-state-store.ts";

export interface LogActorDeps {
  readonly log: LogStore;
  readonly store: Store;
  readonly consensus: () => ActorRef<ConsensusMessage>;
  /** A failed disk: the node must stop, for nothing it says about durability could be believed. */
  readonly fail: (error: CodedError) => void;
}

interface Progress {
  readonly request: PersistRequest;
  hardStateDurable: boolean;
  entriesHanded: boolean;
  entriesDurable: boolean;
}

export class LogActor implements Actor<LogMessage> {
  readonly #self: ActorRef<LogMessage>;
  readonly #deps: LogActorDeps;
  /** Requests not yet reported durable, oldest first. */
  readonly #open: Progress[] = [];

  constructor(context: ActorContext<LogMessage>, deps: LogActorDeps) {
    this.#self = context.self;
    this.#deps = deps;
  }

  receive(message: LogMessage): void {
    switch (message.type) {
      case "persist":
        this.#begin(message);
        break;
      case "hardStateDurable":
        this.#find(message.sequence).hardStateDurable = true;
        break;
      case "entriesDurable":
        this.#find(message.sequence).entriesDurable = true;
        break;
    }
    this.#handEntries();
    this.#report();
  }

  #begin(request: PersistRequest): void {
    const { sequence, hardState, truncateFrom, entries } = request;
    const noEntries = truncateFrom === undefined && entries.length === 0;
    this.#open.push({
      request,
      hardStateDurable: hardState === undefined,
      entriesHanded: noEntries,
      entriesDurable: noEntries,
    });
    if (hardState === undefined) return;
    saveHardState(this.#deps.store, hardState, (error) => {
      if (error === undefined) this.#self.deliver({ type: "hardStateDurable", sequence });
      else this.#deps.fail(error);
    });
  }

  /** Hands entries to the log as far as no term and vote is still on its way before them. */
  #handEntries(): void {
    for (const progress of this.#open) {
      if (!progress.hardStateDurable) return;
      if (progress.entriesHanded) continue;
      progress.entriesHanded = true;
      const { sequence, truncateFrom, entries } = progress.request;
      const durable = (): void => this.#self.deliver({ type: "entriesDurable", sequence });
      const { log } = this.#deps;
      if (truncateFrom !== undefined && truncateFrom <= log.lastIndex()) {
        log.truncate(truncateFrom, entries.length === 0 ? durable : () => {});
      } else if (entries.length === 0) durable();
      if (entries.length > 0) log.append(entries, durable);
    }
  }

  #report(): void {
    for (;;) {
      const head = this.#open[0];
      if (head === undefined || !head.hardStateDurable || !head.entriesDurable) return;
      this.#open.shift();
      this.#deps.consensus().deliver({ type: "persisted", sequence: head.request.sequence });
    }
  }

  #find(sequence: number): Progress {
    return must(
      this.#open.find((open) => open.request.sequence === sequence),
      `the disk completed request ${sequence}, which is not open`,
    );
  }
}
