/** What is promised before it is durable, or is forgotten though it was promised. */
import type { HardState } from "../../consensus/raft/hard-state.ts";
import type { Entry, Message } from "../../consensus/raft/messages.ts";
import type { RaftOptions } from "../../consensus/raft/options.ts";
import { Raft } from "../../consensus/raft/raft.ts";
import type { Ready } from "../../consensus/raft/ready.ts";
import { type Disk, DiskError } from "../../node/base/ports/disk.ts";
import type { Host } from "../../node/base/ports/host.ts";
import type { Store } from "../../node/base/ports/store.ts";
import type { NodeParts } from "../../node/compose.ts";
import { StorageError } from "../../storage/errors.ts";
import { reachedPath, settleReached } from "../../storage/wal/reached-file.ts";
import { Wal } from "../../storage/wal/wal.ts";

/** The term is persisted, the vote is not: after a crash a node votes twice in a term. */
export class ForgetsItsVote extends Raft {
  override ready(): Ready {
    const ready = super.ready();
    return ready.hardState === undefined ? ready : { ...ready, hardState: { ...ready.hardState, vote: 0 } };
  }
}

/** The vote is persisted with the term that was before it: after a crash the term can be voted in once more. */
export class ForgetsItsTerm extends Raft {
  #before: HardState;

  constructor(options: RaftOptions) {
    super(options);
    this.#before = options.hardState;
  }

  override ready(): Ready {
    const ready = super.ready();
    const { hardState } = ready;
    if (hardState === undefined) return ready;
    const { term } = this.#before;
    this.#before = hardState;
    return { ...ready, hardState: { term, vote: term === 0 ? 0 : hardState.vote } };
  }
}

/** Votes leave at once, not when they are durable. */
export class VotesBeforeItIsDurable extends Raft {
  override ready(): Ready {
    const ready = super.ready();
    const votes = ready.messagesAfterPersist.filter(isVote);
    if (votes.length === 0) return ready;
    const others = ready.messagesAfterPersist.filter((message) => !isVote(message));
    return { ...ready, messages: [...ready.messages, ...votes], messagesAfterPersist: others };
  }
}

function isVote({ type }: Message): boolean {
  return type === "vote" || type === "voteResponse";
}

/** A follower cuts its log at every append, even at one that is late and long overtaken. */
export class TruncatesOnStaleAppend extends Raft {
  protected override appendToLog(entries: readonly Entry[]): void {
    this.replaceTail(entries);
  }
}

/** A log that has lost something is taken for one that never was, and begins anew. */
export const beginningAnew: NodeParts["openLog"] = (disk, directory, options) => {
  try {
    return Wal.open(disk, directory, options);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    const files = disk.list(directory).map((name) => `${directory}/${name}`);
    for (const path of [...files, reachedPath(directory)]) removeIfThere(disk, path);
    // As a node has it that was stopped before its first block.
    settleReached(disk, directory, 0);
    return Wal.open(disk, directory, options);
  }
};

/** A checkpoint counts as written when its write begins: the log before it may go too early. */
export function answeringForCheckpoints({ store, clock }: Host): Store {
  return {
    get: (key) => store.get(key),
    snapshot: () => store.snapshot(),
    write: (changes, done) => {
      if (!changes.some(({ key }) => key.startsWith("checkpoint/"))) {
        store.write(changes, done);
        return;
      }
      store.write(changes, () => {});
      clock.defer(() => done());
    },
  };
}

function removeIfThere(disk: Disk, path: string): void {
  try {
    disk.remove(path);
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
  }
}

/** What cannot be read is taken for something that no peer can help with: the node does not start. */
export function openingReadableLogs(...args: Parameters<typeof Wal.open>): Wal {
  try {
    return Wal.open(...args);
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== "wal_read_failed") throw error;
    throw new StorageError("wal_foreign_format", error.message);
  }
}

/** A store as it looks to one who takes what cannot be read for what is not there. */
export function deafToReadErrors(store: Store): Store {
  return {
    get: (key) => {
      try {
        return store.get(key);
      } catch {
        return undefined;
      }
    },
    snapshot: () => store.snapshot(),
    write: (changes, done) => store.write(changes, done),
  };
}

/** A store as it looks to one who does not hear that a write has failed. */
export function deafToFailures(store: Store): Store {
  return {
    get: (key) => store.get(key),
    snapshot: () => store.snapshot(),
    write: (changes, done) => store.write(changes, () => done()),
  };
}
