/**
 * The data of a node that is left, opened so that no node can be started on it meanwhile. Reading changes nothing, not
 * even LevelDB's own notes, but for a `LOCK` that is missing; what is written in the end is the log alone.
 */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { equalBytes } from "../../node/base/bytes.ts";
import { CodedError } from "../../node/base/errors.ts";
import { HashColumn } from "../../node/base/hash-column.ts";
import type { Cipher } from "../../node/base/ports/cipher.ts";
import type { Disk } from "../../node/base/ports/disk.ts";
import type { Store } from "../../node/base/ports/store.ts";
import { NEWEST_RELEASE, releaseError } from "../../node/base/release.ts";
import type { ClusterFile } from "../../node/client/index.ts";
import { checkOwner, lostStore } from "../../node/data-owner.ts";
import { sha256 } from "../../node/host/node-crypto.ts";
import { loadCheckpointMeta, restoreCheckpoint } from "../../node/replica/checkpoint.ts";
import { loadHardState } from "../../node/replica/hard-state-store.ts";
import { StateMachine } from "../../node/state/state-machine.ts";
import { releaseOf } from "../../node/wire/block.ts";
import type { StorageError } from "../../storage/errors.ts";
import { NodeDisk } from "../../storage/node-disk.ts";
import { UntouchedStore } from "../../storage/state/untouched-store.ts";
import { growthOf } from "../../storage/wal/log-operations.ts";
import type { WalRecord } from "../../storage/wal/log-store.ts";
import { logStart, verifyWal, type WalReport } from "../../storage/wal/verify.ts";
import { Wal } from "../../storage/wal/wal.ts";
import { lostLog, toldOfLog } from "../verify/lost-log.ts";
import type { NodeDirectory } from "../verify/node-directories.ts";
import { replayOf } from "../verify/replay-of.ts";

/** Between two looks at whether the log waits for space. */
const POLL_MS = 20;

type StoreReader = Pick<Store, "get" | "snapshot">;

interface OpenedData {
  readonly locked: UntouchedStore;
  readonly store: StoreReader;
  readonly cipher: Cipher | undefined;
  readonly disk: Disk;
}

export class Survivor {
  readonly node: NodeDirectory;
  /** Of the last block: of two logs the one with the higher has all that was committed; of two with the same, the longer. */
  term = 0;
  height = 0;
  /** The highest that it has heard of. */
  readonly termSeen: number;
  readonly checkpointHeight: number;
  readonly #locked: UntouchedStore;
  readonly #store: StoreReader;
  readonly #cipher: Cipher | undefined;
  readonly #disk: Disk;
  /** The height before the log's first block. */
  readonly #beginsAt: number;
  /** By height, from the one before the log's first block on. */
  readonly #hashes = new HashColumn();

  private constructor(node: NodeDirectory, { locked, store, cipher, disk }: OpenedData) {
    this.node = node;
    this.#locked = locked;
    this.#store = store;
    this.#cipher = cipher;
    this.#disk = disk;
    this.termSeen = loadHardState(store).term;
    const meta = loadCheckpointMeta(store);
    this.checkpointHeight = meta?.height ?? 0;
    const start = logStart(this.#disk, "log");
    this.#beginsAt = start?.index ?? 0;
    if (start !== undefined) {
      this.height = start.index;
      this.term = start.term;
      this.#hashes.set(start.index, start.hash);
    }
    let release = 0;
    const log = this.records(0, ({ index, term, hash, payload }) => {
      this.height = index;
      this.term = term;
      this.#hashes.set(index, hash);
      release = releaseOf(payload);
    });
    // Nothing is wrong with it: whoever left it out would lose what it has more than others.
    if (release > NEWEST_RELEASE) throw releaseError(`the log of node ${this.id}`, release, NEWEST_RELEASE);
    const lost = lostLog(this.#disk, toldOfLog(store), log);
    if (lost !== undefined) throw this.#unsound(lost.reason);
    if (this.checkpointHeight > this.height) {
      const began = meta?.isForeign === true ? "; it has just been given that: start it once, and stop it" : "";
      throw this.#unsound(`its checkpoint is ahead of its log${began}`);
    }
  }

  /** Throws `CodedError` `data_in_use` where a node runs on it, `log_unsound` where it is damaged, or what opening it throws. */
  static async open(
    node: NodeDirectory,
    diskOf: (data: string) => Disk = (data) => new NodeDisk(data),
  ): Promise<Survivor> {
    const path = join(node.data, "state");
    if (!existsSync(path)) throw new CodedError("usage", `${node.data} has no data of a node`);
    const cipher = node.openCipher();
    const locked = await UntouchedStore.lock(path, { makesLock: true });
    try {
      const store = await locked.open(cipher);
      return new Survivor(node, { locked, store, cipher, disk: diskOf(node.data) });
    } catch (error) {
      await locked.close();
      throw error;
    }
  }

  get id(): number {
    return this.node.id;
  }

  /** Throws `CodedError` `data_foreign` where the data is not this node's, of this cluster, and `log_unsound` where it would not start. */
  checkOwner({ clusterId }: ClusterFile): void {
    if (checkOwner(this.#store, { clusterId, node: this.id })) return;
    const lost = lostStore(this.height);
    if (lost !== undefined) throw this.#unsound(lost.message);
  }

  /** The hash of the block at a height; undefined where the log does not know it. */
  hash(height: number): Uint8Array | undefined {
    return this.#hashes.get(height);
  }

  /** The height up to which its log is the other's; throws `CodedError` `log_compacted` where they have nothing in common. */
  commonWith(other: Survivor): number {
    for (let height = Math.min(this.height, other.height); height > 0; height--) {
      const [here, there] = [this.hash(height), other.hash(height)];
      if (here === undefined || there === undefined) break;
      if (equalBytes(here, there)) return height;
    }
    if (this.#beginsAt === 0 && other.#beginsAt === 0) return 0;
    const text = `the logs of nodes ${this.id} and ${other.id} have no block in common: leave node ${this.id} out`;
    throw new CodedError("log_compacted", `${text}, and add a new node in its place afterwards`);
  }

  /** The blocks above a height, in order. */
  records(above: number, visit: (record: WalRecord) => void): WalReport {
    const report = verifyWal(this.#disk, "log", this.#cipher, (record) => {
      // What the reader shows of a record is its own again afterwards.
      if (record.index > above)
        visit({ ...record, hash: record.hash.slice(), previousHash: record.previousHash.slice() });
    });
    if (report.problem !== undefined) throw this.#unsound(report.problem.message);
    return report;
  }

  /** The state after the last block: of the checkpoint, and the rest executed with all that `quorate verify` checks. */
  state(cluster: ClusterFile): StateMachine {
    const state = new StateMachine({ genesis: cluster.genesis, sha256 });
    restoreCheckpoint(this.#store, state);
    const replay = replayOf(cluster, state);
    this.records(0, ({ payload }) => replay.apply(payload));
    if (replay.problem !== undefined) throw this.#unsound(replay.problem);
    return state;
  }

  /** Which disk the data is on: several may be on one. */
  get device(): number {
    return statSync(this.node.data).dev;
  }

  get freeBytes(): number {
    return this.#disk.freeBytes();
  }

  /** What the log may need of its disk to go on with these, besides what it leaves free in any case. */
  growth(records: readonly WalRecord[]): number {
    return growthOf(records, this.#cipher);
  }

  /**
   * Cuts the log behind a height, and goes on with these; resolves when that is durable. Throws `CodedError` `disk_full`
   * where there is no room for all of them. Then none of them is there, unless the error says otherwise: taking back what
   * was written may want room, too. Doing all of it again brings the log to the same end.
   */
  async goOn(height: number, records: readonly WalRecord[]): Promise<void> {
    if (await this.#write(height, records)) return;
    const isCut = await this.#write(height, []);
    const left = isCut ? "" : " (and too full to cut it behind what is sure to stay)";
    const text = `${this.node.data}: its disk has become full while the log was written${left}`;
    throw new CodedError("disk_full", `${text}: make room on it, and run the command again`);
  }

  /** Whether there was room. */
  async #write(height: number, records: readonly WalRecord[]): Promise<boolean> {
    const { segmentBytes } = this.node;
    let isDone = false;
    let failure: StorageError | undefined;
    const onFatal = (error: StorageError): void => {
      failure = error;
    };
    const log = Wal.open(this.#disk, "log", { segmentBytes, cacheBytes: 0, cipher: this.#cipher, onFatal });
    if (log.lastIndex() > height) log.truncate(height + 1, () => undefined);
    log.append(records, () => {
      isDone = true;
    });
    // What waits for space waits for ever here, and says nothing.
    while (!isDone && failure === undefined && !log.isFull()) await sleep(POLL_MS);
    log.close();
    if (failure !== undefined) throw failure;
    return isDone;
  }

  async close(): Promise<void> {
    await this.#locked.close();
  }

  #unsound(reason: string): CodedError {
    return new CodedError(
      "log_unsound",
      `${this.node.data}: ${reason}; leave node ${this.id} out, or see "quorate verify"`,
    );
  }
}
