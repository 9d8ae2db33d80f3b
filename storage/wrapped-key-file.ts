/**
 * The data key of a data directory, encrypted under a key that is kept elsewhere: a small file with two copies, each in a
 * sector of its own. Wrapping it anew changes one copy after the other, so that at every moment at least one is whole.
 *
 * A copy, 80 bytes: magic u32 | version u32 | id of the wrapping key 8 | wrapped key 60 | crc32c u32 of these.
 */
import { viewOf } from "../node/base/bytes.ts";
import { type Disk, type DiskDone, DiskError, type DiskFile } from "../node/base/ports/disk.ts";
import { crc32c } from "./checksum.ts";

export const WRAPPED_BYTES = 60;
const COPY_BYTES = 80;
const SECTOR_BYTES = 512;
const COPIES = [0, 1] as const;
const FILE_BYTES: number = COPIES.length * SECTOR_BYTES;
const MAGIC = 0x4b415751; // "QWAK"
const VERSION = 1;
const SUM_AT = COPY_BYTES - 4;

export interface WrappedKey {
  /** Which key it is wrapped with, 8 bytes. */
  readonly keyId: Uint8Array;
  /** `WRAPPED_BYTES` bytes. */
  readonly wrapped: Uint8Array;
}

export class WrappedKeyFile {
  readonly #file: DiskFile;

  private constructor(file: DiskFile) {
    this.#file = file;
  }

  /** The file, or undefined where there is none. Throws `DiskError`. */
  static open(disk: Disk, path: string): WrappedKeyFile | undefined {
    try {
      return new WrappedKeyFile(disk.open(path, { create: false }));
    } catch (error) {
      if (error instanceof DiskError && error.code === "disk_not_found") return undefined;
      throw error;
    }
  }

  /** Makes the file, or fills one whose making was cut off; durable when it returns. Throws `DiskError`. */
  static create(disk: Disk, path: string, key: WrappedKey): WrappedKeyFile {
    const made = WrappedKeyFile.open(disk, path) ?? new WrappedKeyFile(disk.open(path, { create: true }));
    const bytes = new Uint8Array(FILE_BYTES);
    for (const copy of COPIES) bytes.set(encode(key), copy * SECTOR_BYTES);
    made.#file.settle(0, bytes, FILE_BYTES);
    return made;
  }

  /** The copies that are whole; more than one key only where wrapping it anew was cut off. Throws `DiskError`. */
  read(): WrappedKey[] {
    return COPIES.flatMap((copy) => this.#copy(copy) ?? []);
  }

  /** Puts the same key wrapped anew in place of both copies. Done in the middle, the old or the new wrapping opens it. */
  replace(key: WrappedKey, done: DiskDone): void {
    // A copy that is not whole is written first: the other may be all there is.
    const order = this.#copy(1) === undefined ? [1, 0] : [0, 1];
    this.#write(order, encode(key), done);
  }

  close(): void {
    this.#file.close();
  }

  #write([copy, ...rest]: readonly number[], bytes: Uint8Array, done: DiskDone): void {
    if (copy === undefined) {
      done();
      return;
    }
    let failure: DiskError | undefined;
    this.#file.write(copy * SECTOR_BYTES, [bytes], (error) => {
      failure = error;
    });
    this.#file.sync((error) => {
      failure ??= error;
      if (failure === undefined) this.#write(rest, bytes, done);
      else done(failure);
    });
  }

  #copy(copy: number): WrappedKey | undefined {
    const bytes = this.#file.read(copy * SECTOR_BYTES, COPY_BYTES);
    if (bytes.length < COPY_BYTES) return undefined;
    const view = viewOf(bytes);
    const whole = view.getUint32(SUM_AT, true) === crc32c(bytes.subarray(0, SUM_AT));
    if (!whole || view.getUint32(0, true) !== MAGIC || view.getUint32(4, true) !== VERSION) return undefined;
    return { keyId: bytes.slice(8, 16), wrapped: bytes.slice(16, SUM_AT) };
  }
}

function encode({ keyId, wrapped }: WrappedKey): Uint8Array {
  const bytes = new Uint8Array(COPY_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, VERSION, true);
  bytes.set(keyId, 8);
  bytes.set(wrapped, 16);
  view.setUint32(SUM_AT, crc32c(bytes.subarray(0, SUM_AT)), true);
  return bytes;
}
