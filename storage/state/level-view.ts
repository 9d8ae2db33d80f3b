/** What a `LevelStore` held at one moment, read with its checksums while it goes on. */
import type { Level } from "level";
import { must } from "../../node/base/assert.ts";
import { utf8 } from "../../node/base/bytes.ts";
import { errorMessage } from "../../node/base/errors.ts";
import type { Cipher } from "../../node/base/ports/cipher.ts";
import type { StoreSnapshot } from "../../node/base/ports/store.ts";
import { crc32c } from "../checksum.ts";
import { damaged } from "./faults.ts";
import { keysOf } from "./keys.ts";

export const VALUE_PREFIX = "value/";

export type Database = Level<string, Uint8Array>;

/** A snapshot of LevelDB that is closed when the last who uses it lets go. */
export class SharedSnapshot {
  readonly #snapshot: ReturnType<Database["snapshot"]>;
  #users = 1;

  constructor(level: Database) {
    this.#snapshot = level.snapshot();
  }

  get snapshot(): ReturnType<Database["snapshot"]> {
    return this.#snapshot;
  }

  retain(): this {
    this.#users += 1;
    return this;
  }

  release(): void {
    this.#users -= 1;
    if (this.#users === 0) void this.#snapshot.close();
  }
}

export interface LevelContents {
  readonly level: Database;
  readonly cipher: Cipher | undefined;
  readonly shared: SharedSnapshot;
  /** The checksum of each key's value. */
  readonly sums: ReadonlyMap<string, number>;
}

/** The value of a key; throws `StorageError` where it is not the one that was written. */
export function readValue({ level, cipher, shared, sums }: LevelContents, key: string): Uint8Array | undefined {
  const stored = readStored(level, shared, key);
  const sum = stored === undefined ? undefined : crc32c(stored);
  if (sum !== sums.get(key)) throw damaged(`the value of ${key} is not the one that was written`, undefined, key);
  if (stored === undefined || cipher === undefined) return stored;
  const value = cipher.open(stored, utf8(key));
  if (value === undefined) throw damaged(`the value of ${key} does not open with the data key`, undefined, key);
  return value;
}

function readStored(level: Database, { snapshot }: SharedSnapshot, key: string): Uint8Array | undefined {
  try {
    const value = level.getSync(VALUE_PREFIX + key, { snapshot });
    return value === undefined ? undefined : new Uint8Array(value);
  } catch (error) {
    throw damaged(`the value of ${key} cannot be read (${errorMessage(error)})`, error, key);
  }
}

export class LevelView implements StoreSnapshot {
  #contents: LevelContents | undefined;

  /** Holds on to the snapshot; `sums` are not changed any more. */
  constructor(contents: LevelContents) {
    this.#contents = { ...contents, shared: contents.shared.retain() };
  }

  get(key: string): Uint8Array | undefined {
    return readValue(this.#open(), key);
  }

  keys(prefix: string): string[] {
    return keysOf(this.#open().sums, prefix);
  }

  close(): void {
    this.#contents?.shared.release();
    this.#contents = undefined;
  }

  #open(): LevelContents {
    return must(this.#contents, "a snapshot is not read when it is closed");
  }
}
