/**
 * The store over `level`, made to notice what LevelDB does not. LevelDB drops what it cannot read of its files without a
 * word, and goes on with older values; a node that believed it could vote twice in one term.
 *
 * Beside every value stands its checksum under a key of its own; a seal says how many there are, what they add up to, and
 * the number of the write that made it so. Each write is one synced batch of all that. Its number is then written to a
 * file outside of LevelDB, and only after that is the write done: a store whose newest write is gone, or that lacks a
 * part of an older one, is refused when it is opened; a value that is not the one written is refused when it is read.
 *
 * With a cipher values are sealed, bound to their keys, and checksums are of what is sealed. Keys are not.
 */
import { Level } from "level";
import { concatBytes, utf8, viewOf } from "../../node/base/bytes.ts";
import { errorMessage } from "../../node/base/errors.ts";
import type { Cipher } from "../../node/base/ports/cipher.ts";
import { DiskError } from "../../node/base/ports/disk.ts";
import type { Store, StoreChange, StoreSnapshot } from "../../node/base/ports/store.ts";
import { crc32c } from "../checksum.ts";
import { checkKeyId, keyIdOf } from "../data-key.ts";
import { DiskCalls } from "../disk-calls.ts";
import { StorageError } from "../errors.ts";
import { NodeDisk } from "../node-disk.ts";
import type { SyncCount } from "../sync-count.ts";
import { damaged } from "./faults.ts";
import { type Database, type LevelContents, LevelView, readValue, SharedSnapshot, VALUE_PREFIX } from "./level-view.ts";
import { SEAL_FILE, SealFile } from "./seal-file.ts";
import { decodeSeal, EMPTY_SEAL, encodeSeal, type Seal, STORE_VERSION, sealAfter } from "./store-seal.ts";

const SEAL_KEY = "seal";
const SUM_PREFIX = "sum/";
const SUMS_END = "sum0";
/** LevelDB's own buffer: what is larger it writes in many calls, of which nobody sees any. */
const LONG_WRITE_BYTES = 4_194_304;

export interface LevelStoreOptions {
  /** Seals values; a store is written with one data key from its beginning, or with none. */
  readonly cipher?: Cipher | undefined;
  /** Counts writes, each of which is synced twice: by LevelDB, with all that it does for it, and in the file outside. */
  readonly syncs?: SyncCount | undefined;
  readonly createLevel?: (path: string) => Database;
  /** Is told what is under way beside LevelDB's own files, and while these are written for long. */
  readonly calls?: DiskCalls | undefined;
}

interface Waiting {
  /** As they will stand in LevelDB. */
  readonly values: ReadonlyMap<string, Uint8Array | undefined>;
  readonly done: (error?: StorageError) => void;
}

interface Contents {
  readonly seal: Seal;
  /** The checksum of each key's value. */
  readonly sums: Map<string, number>;
}

export class LevelStore implements Store {
  readonly #level: Database;
  readonly #cipher: Cipher | undefined;
  readonly #sealFile: SealFile;
  readonly #syncs: SyncCount | undefined;
  readonly #calls: DiskCalls;
  readonly #sums: Map<string, number>;
  #seal: Seal;
  /** What the newest write that is done has left: nobody sees one that is still on its way. */
  #newest: SharedSnapshot;
  readonly #waiting: Waiting[] = [];
  #writing = false;
  /** Resolves when the write that is under way, or was last, is over. */
  #underWay: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(
    {
      level,
      sealFile,
      cipher,
      syncs,
      calls = new DiskCalls(),
    }: Pick<LevelStoreOptions, "cipher" | "syncs" | "calls"> & { level: Database; sealFile: SealFile },
    { seal, sums }: Contents,
  ) {
    this.#level = level;
    this.#sealFile = sealFile;
    this.#cipher = cipher;
    this.#syncs = syncs;
    this.#calls = calls;
    this.#seal = seal;
    this.#sums = sums;
    this.#newest = new SharedSnapshot(level);
  }

  /** Opens or creates the store; throws `StorageError`, `data_in_use` where another process has it. */
  static async open(
    path: string,
    { cipher, calls, syncs, createLevel = newLevel }: LevelStoreOptions = {},
  ): Promise<LevelStore> {
    const disk = new NodeDisk(path, { calls, syncs });
    const level = createLevel(path);
    await openLevel(level, path);
    try {
      const contents = await readContents(level, cipher);
      const { sequence } = contents.seal;
      const sealFile = SealFile.open(disk, SEAL_FILE, { create: sequence === 0 });
      const done = sealFile.read();
      if (sequence < done || sequence > done + 1) {
        throw damaged(`its newest write is number ${sequence}, the last that was done is number ${done}`);
      }
      sealFile.settle(sequence);
      return new LevelStore({ level, sealFile, cipher, syncs, calls }, contents);
    } catch (error) {
      await level.close();
      throw openingError(error);
    }
  }

  get(key: string): Uint8Array | undefined {
    return readValue(this.#contents(), key);
  }

  snapshot(): StoreSnapshot {
    return new LevelView({ ...this.#contents(), sums: new Map(this.#sums) });
  }

  write(changes: readonly StoreChange[], done: (error?: StorageError) => void): void {
    this.#waiting.push({ values: new Map(changes.map(({ key, value }) => [key, this.#stored(key, value)])), done });
    if (!this.#writing) this.#next();
  }

  /** Finishes the write that is under way; those that wait behind it are never done. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#underWay;
    // Tables may be merged meanwhile, which is waited for.
    await this.#calls.unseen(async () => await this.#level.close());
    this.#sealFile.close();
  }

  /** A copy of the value as it is to stand in LevelDB. */
  #stored(key: string, value: Uint8Array | undefined): Uint8Array | undefined {
    if (value === undefined || this.#cipher === undefined) return value?.slice();
    return concatBytes(this.#cipher.seal(value, utf8(key)));
  }

  #contents(): LevelContents {
    return { level: this.#level, cipher: this.#cipher, shared: this.#newest, sums: this.#sums };
  }

  /** Starts the next write. After one that failed there is none: nothing ever completes again. */
  #next(): void {
    const head = this.#closed ? undefined : this.#waiting.shift();
    this.#writing = head !== undefined;
    if (head === undefined) return;
    const sums = new Map(
      [...head.values].map(([key, value]) => [key, value === undefined ? undefined : crc32c(value)]),
    );
    const seal = sealAfter(this.#seal, this.#sums, sums);
    const operations = [...head.values].flatMap(([key, value]) => [
      change(VALUE_PREFIX + key, value),
      change(SUM_PREFIX + key, value === undefined ? undefined : u32Bytes(sums.get(key) ?? 0)),
    ]);
    const fail = (error: unknown): void => head.done(writeFailed(error));
    const finish = (): void => {
      this.#seal = seal;
      for (const [key, sum] of sums) {
        if (sum === undefined) this.#sums.delete(key);
        else this.#sums.set(key, sum);
      }
      this.#showNewest();
      head.done();
      this.#next();
    };
    this.#underWay = this.#commit([...operations, change(SEAL_KEY, encodeSeal(seal))], seal).then(finish, fail);
  }

  async #commit(operations: readonly Change[], { sequence }: Seal): Promise<void> {
    const synced = this.#syncs?.begin();
    const write = async (): Promise<void> => await this.#level.batch([...operations], { sync: true });
    await (bytesOf(operations) < LONG_WRITE_BYTES ? write() : this.#calls.unseen(write));
    synced?.();
    await new Promise<void>((resolve, reject) => {
      this.#sealFile.write(sequence, (error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  #showNewest(): void {
    const before = this.#newest;
    this.#newest = new SharedSnapshot(this.#level);
    before.release();
  }
}

function newLevel(path: string): Database {
  return new Level(path, { valueEncoding: "view" });
}

async function openLevel(level: Database, path: string): Promise<void> {
  try {
    await level.open();
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    if ((cause as { code?: unknown }).code === "LEVEL_LOCKED") {
      throw new StorageError("data_in_use", `${path} is in use by another process`, { path }, error);
    }
    throw damaged(`${path} cannot be opened: ${errorMessage(cause)}`, error);
  }
}

/** The checksums of all values, which must be what the seal says. */
async function readContents(level: Database, cipher: Cipher | undefined): Promise<Contents> {
  const encoded = level.getSync(SEAL_KEY);
  if (encoded === undefined) {
    for await (const key of level.keys({ limit: 1 })) throw damaged(`it has no seal, but a key ${key}`);
    return { seal: { ...EMPTY_SEAL, keyId: keyIdOf(cipher) }, sums: new Map() };
  }
  const seal = decodeSeal(encoded);
  if (seal === undefined) throw damaged("its seal is broken");
  if (seal.version !== STORE_VERSION) throw foreign(seal.version);
  checkKeyId(seal.keyId, cipher, "the store");
  const sums = new Map<string, number>();
  for await (const [key, bytes] of level.iterator({ gte: SUM_PREFIX, lt: SUMS_END })) {
    sums.set(key.slice(SUM_PREFIX.length), viewOf(bytes).getUint32(0, true));
  }
  const { count, total } = sealAfter(EMPTY_SEAL, new Map(), sums);
  if (seal.count !== count || seal.total !== total) throw damaged("what it holds is not what was written");
  return { seal, sums };
}

type Change =
  | { readonly type: "del"; readonly key: string }
  | { readonly type: "put"; readonly key: string; readonly value: Uint8Array };

function change(key: string, value: Uint8Array | undefined): Change {
  return value === undefined ? { type: "del", key } : { type: "put", key, value };
}

function bytesOf(changes: readonly Change[]): number {
  return changes.reduce((sum, each) => sum + (each.type === "put" ? each.value.length : 0), 0);
}

function u32Bytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, value, true);
  return bytes;
}

function openingError(error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  const failed = error instanceof DiskError && error.code !== "disk_not_found";
  return failed ? writeFailed(error) : damaged(errorMessage(error), error);
}

function foreign(version: number): StorageError {
  const text = `the store has format ${version}, this program format ${STORE_VERSION}; use the version that wrote it`;
  return new StorageError("store_foreign_format", text, { version });
}

function writeFailed(error: unknown): StorageError {
  return new StorageError("store_failed", `the store cannot be written (${errorMessage(error)})`, {}, error);
}
