/**
 * The data key of a data directory, encrypted under a key that is kept elsewhere: a small file with two copies. Wrapping it
 * anew changes one after the other, so that at every moment at least one is whole.
 *
 * A copy: magic u32 | version u32 | id of the wrapping key 8 | wrapped key 60, and what `TwoCopyFile` adds.
 */
import { viewOf } from "../node/base/bytes.ts";
import type { Disk, DiskDone } from "../node/base/ports/disk.ts";
import { TwoCopyFile } from "./two-copy-file.ts";

export const WRAPPED_BYTES = 60;
const COPY_BYTES = 76;
const MAGIC = 0x4b415751; // "QWAK"
const VERSION = 1;

export interface WrappedKey {
  /** Which key it is wrapped with, 8 bytes. */
  readonly keyId: Uint8Array;
  /** `WRAPPED_BYTES` bytes. */
  readonly wrapped: Uint8Array;
}

export class WrappedKeyFile {
  readonly #file: TwoCopyFile;

  private constructor(file: TwoCopyFile) {
    this.#file = file;
  }

  /** The file, or undefined where there is none. Throws `DiskError`. */
  static open(disk: Disk, path: string): WrappedKeyFile | undefined {
    const file = TwoCopyFile.open(disk, path, COPY_BYTES);
    return file && new WrappedKeyFile(file);
  }

  /** Makes the file, or fills one whose making was cut off; durable when it returns. Throws `DiskError`. */
  static create(disk: Disk, path: string, key: WrappedKey): WrappedKeyFile {
    const file = TwoCopyFile.openOrCreate(disk, path, COPY_BYTES);
    file.settle(encode(key));
    return new WrappedKeyFile(file);
  }

  /** The copies that are whole; more than one key only where wrapping it anew was cut off. Throws `DiskError`. */
  read(): WrappedKey[] {
    return this.#file.read().flatMap((bytes) => decode(bytes) ?? []);
  }

  /** Offsets of copies that are damaged. Throws `DiskError`. */
  damage(): number[] {
    return this.#file.damage();
  }

  /** Puts the same key wrapped anew in place of both copies. Done in the middle, the old or the new wrapping opens it. */
  replace(key: WrappedKey, done: DiskDone): void {
    this.#file.replace(encode(key), done);
  }

  close(): void {
    this.#file.close();
  }
}

function encode({ keyId, wrapped }: WrappedKey): Uint8Array {
  const bytes = new Uint8Array(COPY_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, VERSION, true);
  bytes.set(keyId, 8);
  bytes.set(wrapped, 16);
  return bytes;
}

function decode(bytes: Uint8Array): WrappedKey | undefined {
  const view = viewOf(bytes);
  if (view.getUint32(0, true) !== MAGIC || view.getUint32(4, true) !== VERSION) return undefined;
  return { keyId: bytes.slice(8, 16), wrapped: bytes.slice(16) };
}
