/**
 * A number that only goes up, kept in a small file of its own, outside of whatever it numbers. It is written to two
 * sectors in turn, so that a write which is cut off costs at most the newest number.
 */
import { viewOf } from "../../node/base/bytes.ts";
import { type Disk, type DiskDone, DiskError, type DiskFile } from "../../node/base/ports/disk.ts";
import { crc32c } from "../checksum.ts";

export const SEAL_FILE = "seal";
/** Each slot is a number of so many bytes and its checksum, in a sector of its own. */
export const SEAL_NUMBER_BYTES = 8;
const SLOT_BYTES = 512;
const SLOTS = 2;

export class SealFile {
  readonly #file: DiskFile;

  private constructor(file: DiskFile) {
    this.#file = file;
  }

  /** Opens the file, or with `create` makes it when it is not there, with the number 0. Throws `DiskError`. */
  static open(disk: Disk, path: string, { create }: { readonly create: boolean }): SealFile {
    try {
      return new SealFile(disk.open(path, { create: false }));
    } catch (error) {
      if (!create || !(error instanceof DiskError) || error.code !== "disk_not_found") throw error;
      const file = disk.open(path, { create: true });
      file.settle(0, new Uint8Array(0), SLOTS * SLOT_BYTES);
      return new SealFile(file);
    }
  }

  /** The highest number that is undamaged; 0 when there is none. */
  read(): number {
    const bytes = this.#file.read(0, SLOTS * SLOT_BYTES);
    let highest = 0;
    for (let at = 0; at + 12 <= bytes.length; at += SLOT_BYTES) {
      const view = viewOf(bytes.subarray(at, at + 12));
      if (view.getUint32(8, true) !== crc32c(bytes.subarray(at, at + 8))) continue;
      highest = Math.max(highest, Number(view.getBigUint64(0, true)));
    }
    return highest;
  }

  /** Starts writing a number; `done` comes when it is durable. */
  write(number: number, done: DiskDone): void {
    let failure: DiskError | undefined;
    this.#file.write(slotOffset(number), [encode(number)], (error) => {
      failure = error;
    });
    this.#file.sync((error) => done(failure ?? error));
  }

  /** Writes a number and returns when it is durable; for recovery. Throws `DiskError`. */
  settle(number: number): void {
    const bytes = this.#file.read(0, SLOTS * SLOT_BYTES);
    bytes.set(encode(number), slotOffset(number));
    this.#file.settle(0, bytes, SLOTS * SLOT_BYTES);
  }

  close(): void {
    this.#file.close();
  }
}

function slotOffset(number: number): number {
  return (number % SLOTS) * SLOT_BYTES;
}

function encode(number: number): Uint8Array {
  const bytes = new Uint8Array(12);
  const view = viewOf(bytes);
  view.setBigUint64(0, BigInt(number), true);
  view.setUint32(8, crc32c(bytes.subarray(0, 8)), true);
  return bytes;
}
