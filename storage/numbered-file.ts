/**
 * A small value in a `TwoCopyFile` whose writes are numbered, so that of two copies that differ the newer is known. What
 * another version of this program has written there is refused, and never taken for nothing, nor written over.
 *
 * A copy: magic u32 | version u32 | number u64 | the value, and what `TwoCopyFile` adds.
 */
import { viewOf } from "../node/base/bytes.ts";
import { type Disk, DiskError } from "../node/base/ports/disk.ts";
import { StorageError } from "./errors.ts";
import { TwoCopyFile } from "./two-copy-file.ts";
import { foreignCopy } from "./wal/faults.ts";

const HEADER_BYTES = 16;

/** How a kind of value stands in its file. */
export interface NumberedLayout<T> {
  readonly magic: number;
  readonly version: number;
  readonly valueBytes: number;
  /** Writes a value into so many bytes of zeros. */
  readonly encode: (value: T, into: Uint8Array) => void;
  readonly decode: (bytes: Uint8Array) => T;
}

export type NumberedDone = (error?: DiskError | StorageError) => void;

export class NumberedFile<T> {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #layout: NumberedLayout<T>;

  constructor(disk: Disk, path: string, layout: NumberedLayout<T>) {
    this.#disk = disk;
    this.#path = path;
    this.#layout = layout;
  }

  /**
   * The value that was written last, or undefined where there is none. Throws `DiskError`, or `StorageError`
   * `wal_foreign_format`.
   */
  read(): T | undefined {
    const bytes = this.#ifThere((file) => this.#newestIn(file));
    return bytes === undefined ? undefined : this.#layout.decode(bytes.subarray(HEADER_BYTES));
  }

  /** Offsets of copies that are damaged. Throws `DiskError`. */
  damage(): number[] {
    return this.#ifThere((file) => file.damage()) ?? [];
  }

  /** Starts writing a value; `done` comes when it is durable, and so is the file's name, or with what `read` throws. */
  write(value: T, done: NumberedDone): void {
    let file: TwoCopyFile | undefined;
    let next: Uint8Array;
    try {
      file = this.#openOrCreate();
      next = this.#next(file, value);
    } catch (error) {
      file?.close();
      if (!(error instanceof DiskError || error instanceof StorageError)) throw error;
      done(error);
      return;
    }
    file.replace(next, (error) => {
      file.close();
      if (error === undefined) this.#disk.syncDirectory(directoryOf(this.#path), done);
      else done(error);
    });
  }

  /** Writes a value, and returns when it and all names in its directory are durable. Throws `DiskError`. */
  settle(value: T): void {
    const file = this.#openOrCreate();
    try {
      file.settle(this.#next(file, value));
    } finally {
      file.close();
    }
  }

  get #copyBytes(): number {
    return HEADER_BYTES + this.#layout.valueBytes;
  }

  #openOrCreate(): TwoCopyFile {
    return TwoCopyFile.openOrCreate(this.#disk, this.#path, this.#copyBytes);
  }

  #ifThere<R>(look: (file: TwoCopyFile) => R): R | undefined {
    const file = TwoCopyFile.open(this.#disk, this.#path, this.#copyBytes);
    if (file === undefined) return undefined;
    try {
      return look(file);
    } finally {
      file.close();
    }
  }

  #newestIn(file: TwoCopyFile): Uint8Array | undefined {
    const found = file.read().filter((bytes) => this.#isOurs(bytes));
    this.#refuseForeign(found);
    // Copies of another version may be longer, and then their checksums are not where ours are.
    if (found.length === 0) this.#refuseForeign(file.beginnings(HEADER_BYTES).filter((bytes) => this.#isOurs(bytes)));
    return found.sort((a, b) => numberOf(b) - numberOf(a))[0];
  }

  #isOurs(copy: Uint8Array): boolean {
    return copy.length >= HEADER_BYTES && viewOf(copy).getUint32(0, true) === this.#layout.magic;
  }

  #refuseForeign(copies: readonly Uint8Array[]): void {
    const { version: known } = this.#layout;
    for (const copy of copies) {
      const version = viewOf(copy).getUint32(4, true);
      if (version !== known) throw foreignCopy(this.#path, version, known);
    }
  }

  #next(file: TwoCopyFile, value: T): Uint8Array {
    const newest = this.#newestIn(file);
    const bytes = new Uint8Array(this.#copyBytes);
    const view = viewOf(bytes);
    view.setUint32(0, this.#layout.magic, true);
    view.setUint32(4, this.#layout.version, true);
    view.setBigUint64(8, BigInt(newest === undefined ? 1 : numberOf(newest) + 1), true);
    this.#layout.encode(value, bytes.subarray(HEADER_BYTES));
    return bytes;
  }
}

function numberOf(copy: Uint8Array): number {
  return Number(viewOf(copy).getBigUint64(8, true));
}

function directoryOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
