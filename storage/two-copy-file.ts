/**
 * A small value in a file of its own, kept twice, each copy with a checksum in a sector of its own. Replacing it changes
 * one copy after the other, so that at every moment at least one is whole.
 *
 * A copy: the value | crc32c u32 of it | zeros up to 512 bytes.
 */
import { viewOf } from "../node/base/bytes.ts";
import { type Disk, type DiskDone, DiskError, type DiskFile } from "../node/base/ports/disk.ts";
import { crc32c } from "./checksum.ts";

const SECTOR_BYTES = 512;
const COPIES = [0, 1] as const;
const FILE_BYTES: number = COPIES.length * SECTOR_BYTES;

export class TwoCopyFile {
  readonly #file: DiskFile;
  readonly #valueBytes: number;

  private constructor(file: DiskFile, valueBytes: number) {
    this.#file = file;
    this.#valueBytes = valueBytes;
  }

  /** The file of a value that is so long, or undefined where there is none. Throws `DiskError`. */
  static open(disk: Disk, path: string, valueBytes: number): TwoCopyFile | undefined {
    try {
      return new TwoCopyFile(disk.open(path, { create: false }), valueBytes);
    } catch (error) {
      if (error instanceof DiskError && error.code === "disk_not_found") return undefined;
      throw error;
    }
  }

  /** The file, made where there is none; its name is durable when its directory has been synced. Throws `DiskError`. */
  static openOrCreate(disk: Disk, path: string, valueBytes: number): TwoCopyFile {
    const found = TwoCopyFile.open(disk, path, valueBytes);
    return found ?? new TwoCopyFile(disk.open(path, { create: true }), valueBytes);
  }

  /** The values of the copies that are whole; different ones only where replacing them was cut off. Throws `DiskError`. */
  read(): Uint8Array[] {
    return COPIES.flatMap((copy) => this.#copy(copy) ?? []);
  }

  /** So many first bytes of both copies, whole or not. Throws `DiskError`. */
  beginnings(bytes: number): Uint8Array[] {
    return COPIES.map((copy) => this.#file.read(copy * SECTOR_BYTES, bytes));
  }

  /** Offsets of the copies that are neither whole nor were ever written. Throws `DiskError`. */
  damage(): number[] {
    const offsets = COPIES.map((copy) => copy * SECTOR_BYTES);
    return offsets.filter((offset, copy) => {
      const bytes = this.#file.read(offset, SECTOR_BYTES);
      const value = this.#copy(copy);
      return bytes.subarray(value === undefined ? 0 : this.#valueBytes + 4).some((byte) => byte !== 0);
    });
  }

  /** Replaces both copies. Done in the middle, one of them is the old or the new. */
  replace(value: Uint8Array, done: DiskDone): void {
    // A copy that is not whole is written first: the other may be all there is.
    const order = this.#copy(1) === undefined ? [1, 0] : [0, 1];
    this.#write(order, encode(value), done);
  }

  /** Replaces both copies and returns when they are durable, and so is the directory; for recovery. Throws `DiskError`. */
  settle(value: Uint8Array): void {
    const bytes = new Uint8Array(FILE_BYTES);
    for (const copy of COPIES) bytes.set(encode(value), copy * SECTOR_BYTES);
    this.#file.settle(0, bytes, FILE_BYTES);
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
      failure = error ?? failure;
      if (failure === undefined) this.#write(rest, bytes, done);
      else done(failure);
    });
  }

  #copy(copy: number): Uint8Array | undefined {
    const sumAt = this.#valueBytes;
    const bytes = this.#file.read(copy * SECTOR_BYTES, sumAt + 4);
    const isWhole =
      bytes.length === sumAt + 4 && viewOf(bytes).getUint32(sumAt, true) === crc32c(bytes.subarray(0, sumAt));
    return isWhole ? bytes.subarray(0, sumAt) : undefined;
  }
}

/** The value and its checksum. */
function encode(value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(value.length + 4);
  bytes.set(value);
  viewOf(bytes).setUint32(value.length, crc32c(value), true);
  return bytes;
}
