/**
 * A store that is opened and stays as it is, for whoever only looks. LevelDB makes new files whenever it opens a database
 * and removes others, and the store notes in `seal` what it has found. So it is opened in a temporary directory, its twin:
 * what LevelDB only reads, tables and logs, are links there, however large; what it replaces are copies, which are small.
 * What is in the logs LevelDB writes into tables there, so the twin grows as large as they are, and larger where it merges
 * tables. Files that LevelDB would take for leftovers and write over are not linked.
 *
 * Before anything is read an empty database is opened whose `LOCK` is a link to the store's, which locks that: one that a
 * node has is refused, and no node starts on it meanwhile. Where nothing can be written, as in a snapshot, nobody can start one.
 */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Cipher } from "../../node/base/ports/cipher.ts";
import type { Store } from "../../node/base/ports/store.ts";
import { StorageError } from "../errors.ts";
import { NodeDisk } from "../node-disk.ts";
import { databaseFiles } from "./level-files.ts";
import { LevelStore } from "./level-store.ts";
import { SEAL_FILE } from "./seal-file.ts";

const COPIED = ["CURRENT", SEAL_FILE];
const LOCK = "LOCK";
/**
 * Process and host, in an order in which neither can be read otherwise: processes have numbers of their own on each host, and
 * containers, which may share a temporary directory, are hosts. `mkdtemp` puts six characters behind them.
 */
const TWIN = /^quorate-store-(\d+)@(.*)-.{6}$/s;
/** Of the system, in the words of LevelDB, which gives no codes. */
const NO_SPACE = /no space left/i;
const READ_ONLY = /read-only file system/i;
const NOT_PERMITTED = /permission denied|operation not permitted/i;

export interface LockOptions {
  readonly makesLock?: boolean;
}

export class UntouchedStore {
  /** Paths of those that this process has. */
  static readonly #twins = new Set<string>();
  readonly path: string;
  readonly #twin: string;
  readonly #open: LevelStore[] = [];

  private constructor(path: string) {
    this.path = path;
    removeLeftTwins(UntouchedStore.#twins);
    this.#twin = mkdtempSync(join(tmpdir(), `quorate-store-${process.pid}@${hostname()}-`));
    UntouchedStore.#twins.add(this.#twin);
  }

  /**
   * Locks the store in a directory, which must be there. One that was copied without its `LOCK` gets one where `makesLock` is
   * true, as whoever is to write beside it needs, and is not locked otherwise; nor is one on a file system that is read-only.
   * Throws `StorageError` as `LevelStore.open`, and `data_not_lockable`.
   */
  static async lock(path: string, { makesLock = false }: LockOptions = {}): Promise<UntouchedStore> {
    const locked = new UntouchedStore(path);
    try {
      // Where a link leads to nothing LevelDB makes what is not there.
      if (makesLock || existsSync(join(path, LOCK))) await locked.#lock(makesLock);
      return locked;
    } catch (error) {
      await locked.close();
      throw error;
    }
  }

  /** Throws `StorageError` as `LevelStore.open`. */
  async open(cipher: Cipher | undefined): Promise<Pick<Store, "get" | "snapshot">> {
    const { manifest, contents = [] } = databaseFiles(new NodeDisk(this.path, { readOnly: true })) ?? {};
    return await this.#openIn("store", cipher, contents, manifest === undefined ? COPIED : [...COPIED, manifest]);
  }

  async close(): Promise<void> {
    try {
      // The lock last.
      for (const store of this.#open.splice(0).reverse()) await store.close();
    } finally {
      UntouchedStore.#twins.delete(this.#twin);
      rmSync(this.#twin, { recursive: true });
    }
  }

  async #lock(isWritten: boolean): Promise<void> {
    try {
      await this.#openIn("lock", undefined, [LOCK]);
    } catch (error) {
      const refusal = error instanceof StorageError ? error.message : "";
      if (READ_ONLY.test(refusal) && !isWritten) return;
      throw READ_ONLY.test(refusal) || NOT_PERMITTED.test(refusal) ? notLockable(this.path, error) : error;
    }
  }

  async #openIn(
    name: string,
    cipher: Cipher | undefined,
    linked: readonly string[],
    copied: readonly string[] = [],
  ): Promise<LevelStore> {
    const twin = join(this.#twin, name);
    try {
      mkdirSync(twin);
      for (const file of copied) {
        if (existsSync(join(this.path, file))) copyFileSync(join(this.path, file), join(twin, file));
      }
      for (const file of linked) symlinkSync(resolve(this.path, file), join(twin, file));
      const store = await LevelStore.open(twin, { cipher });
      this.#open.push(store);
      return store;
    } catch (error) {
      throw error instanceof StorageError ? ofPath(error, this.path, twin) : error;
    }
  }
}

/** What a process has left that was ended while it looked, perhaps one that had our number before us. */
function removeLeftTwins(ours: ReadonlySet<string>): void {
  for (const name of temporaryNames()) {
    const [, pid, host] = TWIN.exec(name) ?? [];
    const path = join(tmpdir(), name);
    if (pid === undefined || host !== hostname() || ours.has(path)) continue;
    // Another may do the same at the same time, or be somebody else.
    if (Number(pid) === process.pid || !runs(Number(pid))) removeIfAllowed(path);
  }
}

/** None where others may be kept from seeing what is there. */
function temporaryNames(): readonly string[] {
  try {
    return readdirSync(tmpdir());
  } catch {
    return [];
  }
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

function removeIfAllowed(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // It stays.
  }
}

function notLockable(path: string, cause: unknown): StorageError {
  const need = `${path}: ${LOCK} there cannot be written, and without that nothing keeps a node from starting on it`;
  return new StorageError(
    "data_not_lockable",
    `${need}: do this as the user whose it is, or with a copy`,
    { path },
    cause,
  );
}

/** The same of the directory that is meant. */
function ofPath({ code, message, facts, cause }: StorageError, path: string, twin: string): StorageError {
  if (NO_SPACE.test(message)) {
    const text = `${path} is read by way of ${tmpdir()}, where there is no room: let TMPDIR be a directory with more`;
    return new StorageError("store_failed", text, {}, cause);
  }
  return new StorageError(code, message.replaceAll(twin, path), facts, cause);
}
