/**
 * Files of a backup: pages of a checkpoint, or blocks of the log, one after another, each behind its length and a CRC32C over
 * length and bytes, so that damage is found and its place named. The manifest has the SHA-256 of each whole file.
 *
 *   0 "quorate backup 1\n" | then for each record: length u32 | crc32c u32 | bytes
 */
import { createHash, type Hash } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { utf8, viewOf } from "../../node/base/bytes.ts";
import { crc32c } from "../../storage/checksum.ts";

const MAGIC: Uint8Array = utf8("quorate backup 1\n");
const RECORD_HEADER_BYTES = 8;
/** A file is ended by the record that makes it as long as this. */
const FILE_BYTES: number = 64 * 1_048_576;

export const FILE_KINDS = ["pages", "log"] as const;
export type FileKind = (typeof FILE_KINDS)[number];

/** A file as the manifest has it. */
export interface FileEntry {
  readonly kind: FileKind;
  readonly name: string;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
  /** Number of its first record: the height of a block, or the place of a page among all. */
  readonly first: number;
}

/** What the files of backups are called; the manifest names no other. */
export const FILE_NAME: RegExp = /^(pages|log)-\d{6}$/;

/** Writes records into files of one kind, each durable before the next is begun. */
export class RecordFiles {
  readonly #directory: string;
  readonly #kind: FileKind;
  readonly #written: FileEntry[] = [];
  #open: { readonly descriptor: number; readonly hash: Hash; readonly first: number; bytes: number } | undefined;
  #next: number;

  /** `first` is the number of the first record. */
  constructor(directory: string, kind: FileKind, first: number) {
    this.#directory = directory;
    this.#kind = kind;
    this.#next = first;
  }

  add(record: Uint8Array): void {
    const header = new Uint8Array(RECORD_HEADER_BYTES);
    const view = viewOf(header);
    view.setUint32(0, record.length, true);
    view.setUint32(4, crc32c(record, crc32c(header.subarray(0, 4))), true);
    this.#write(header);
    this.#write(record);
    this.#next += 1;
    if ((this.#open?.bytes ?? 0) >= FILE_BYTES) this.#end();
  }

  /** Ends the last file; all that were written, in order. */
  close(): readonly FileEntry[] {
    this.#end();
    return this.#written;
  }

  #write(bytes: Uint8Array): void {
    if (this.#open === undefined) {
      const path = join(this.#directory, this.#name());
      this.#open = { descriptor: openSync(path, "wx"), hash: createHash("sha256"), first: this.#next, bytes: 0 };
      this.#write(MAGIC);
    }
    const open = this.#open;
    for (let at = 0; at < bytes.length; ) at += writeSync(open.descriptor, bytes, at);
    open.hash.update(bytes);
    open.bytes += bytes.length;
  }

  #end(): void {
    if (this.#open === undefined) return;
    const { descriptor, hash, first, bytes } = this.#open;
    fsyncSync(descriptor);
    closeSync(descriptor);
    this.#written.push({ kind: this.#kind, name: this.#name(), bytes, sha256: hash.digest("hex"), first });
    this.#open = undefined;
  }

  #name(): string {
    return `${this.#kind}-${String(this.#written.length + 1).padStart(6, "0")}`;
  }
}

/** Reads a file's records; undefined where it is what the manifest says, else what is wrong with it and where. */
export function readRecords(
  directory: string,
  entry: FileEntry,
  take: (record: Uint8Array) => void,
): string | undefined {
  const { name, bytes: length, sha256 } = entry;
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(join(directory, name));
  } catch (error) {
    return `${name} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
  const records: Uint8Array[] = [];
  const damage = scan(bytes, entry, (record) => records.push(record));
  if (damage !== undefined) return `${name}, ${damage}`;
  if (bytes.length !== length) return `${name} has ${bytes.length} bytes, and had ${length}`;
  if (createHash("sha256").update(bytes).digest("hex") !== sha256) return `${name} is another file than was written`;
  // Copies: plain bytes of their own, aligned, where a Buffer's parts are neither.
  for (const record of records) take(new Uint8Array(record));
  return undefined;
}

function scan(bytes: Uint8Array, { kind, first }: FileEntry, found: (record: Uint8Array) => void): string | undefined {
  if (!MAGIC.every((byte, at) => bytes[at] === byte)) return "byte 0: it does not begin as such a file does";
  const view = viewOf(bytes);
  let number = first;
  for (let at = MAGIC.length; at < bytes.length; number++) {
    const where = `byte ${at}, ${kind === "log" ? "block" : "page"} ${number}`;
    if (at + RECORD_HEADER_BYTES > bytes.length) return `${where}: it is cut off`;
    const from = at + RECORD_HEADER_BYTES;
    const to = from + view.getUint32(at, true);
    if (to > bytes.length) return `${where}: it is longer than the file`;
    const record = bytes.subarray(from, to);
    if (crc32c(record, crc32c(bytes.subarray(at, at + 4))) !== view.getUint32(at + 4, true)) {
      return `${where}: its checksum does not match`;
    }
    found(record);
    at = to;
  }
  return undefined;
}
