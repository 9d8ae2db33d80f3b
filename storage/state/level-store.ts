/** The store over `level`: each value bears its checksum, each write is one synced batch, one after the other. */
import { Level } from "level";
import { viewOf } from "../../node/base/bytes.ts";
import { errorMessage } from "../../node/base/errors.ts";
import type { Store, StoreChange } from "../../node/base/ports/store.ts";
import { crc32c } from "../checksum.ts";
import { StorageError } from "../errors.ts";

const CHECKSUM_BYTES = 4;

interface Waiting {
  readonly changes: readonly StoreChange[];
  readonly done: (error?: StorageError) => void;
}

export class LevelStore implements Store {
  readonly #level: Level<string, Uint8Array>;
  readonly #waiting: Waiting[] = [];
  #writing = false;

  private constructor(level: Level<string, Uint8Array>) {
    this.#level = level;
  }

  /** Opens or creates the store; throws `StorageError` `data_in_use` where another process has it. */
  static async open(path: string): Promise<LevelStore> {
    const level = new Level<string, Uint8Array>(path, { valueEncoding: "view" });
    try {
      await level.open();
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      const locked = (cause as { code?: unknown }).code === "LEVEL_LOCKED";
      const code = locked ? "data_in_use" : "store_damaged";
      const message = locked
        ? `${path} is in use by another process`
        : `${path} cannot be opened: ${errorMessage(cause)}`;
      throw new StorageError(code, message, { path }, error);
    }
    return new LevelStore(level);
  }

  get(key: string): Uint8Array | undefined {
    const stored = this.#level.getSync(key);
    if (stored === undefined) return undefined;
    const value = new Uint8Array(stored.subarray(CHECKSUM_BYTES));
    const sound = stored.length >= CHECKSUM_BYTES && viewOf(stored).getUint32(0, true) === checksum(key, value);
    if (!sound) throw new StorageError("store_damaged", `the value of ${key} does not match its checksum`, { key });
    return value;
  }

  write(changes: readonly StoreChange[], done: (error?: StorageError) => void): void {
    this.#waiting.push({ changes, done });
    if (!this.#writing) this.#next();
  }

  async close(): Promise<void> {
    await this.#level.close();
  }

  #next(): void {
    const head = this.#waiting.shift();
    this.#writing = head !== undefined;
    if (head === undefined) return;
    const operations = head.changes.map(({ key, value }) =>
      value === undefined
        ? ({ type: "del", key } as const)
        : ({ type: "put", key, value: withChecksum(key, value) } as const),
    );
    this.#level.batch(operations, { sync: true }).then(
      () => {
        head.done();
        this.#next();
      },
      (error: unknown) => {
        const message = `the store cannot be written (${errorMessage(error)})`;
        head.done(new StorageError("store_failed", message, {}, error));
      },
    );
  }
}

function checksum(key: string, value: Uint8Array): number {
  return crc32c(value, crc32c(new TextEncoder().encode(key)));
}

function withChecksum(key: string, value: Uint8Array): Uint8Array {
  const stored = new Uint8Array(CHECKSUM_BYTES + value.length);
  viewOf(stored).setUint32(0, checksum(key, value), true);
  stored.set(value, CHECKSUM_BYTES);
  return stored;
}
