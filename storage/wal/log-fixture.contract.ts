/** What the tests of the log share: a disk that moves when told to, chained records, and a log on it. */
import { concatBytes, toHex } from "../../node/base/bytes.ts";
import type { Disk, DiskDone, DiskFile } from "../../node/base/ports/disk.ts";
import { StorageError } from "../errors.ts";
import { type DiskOperationKind, MemoryDisk } from "../memory-disk.ts";
import type { LogStart, WalRecord } from "./log-store.ts";
import { Wal, type WalOptions } from "./wal.ts";

export const DIRECTORY = "log";

/** A memory disk whose completions come when `run` is called, one after the other. */
export class SteppedDisk {
  readonly disk: MemoryDisk;
  /** Kinds of the operations started so far. */
  readonly started: DiskOperationKind[] = [];
  readonly #queue: (() => void)[] = [];

  constructor() {
    this.disk = new MemoryDisk((kind, run) => {
      this.started.push(kind);
      this.#queue.push(run);
    });
  }

  /** Lets up to so many operations complete, and those that they start. */
  run(count: number = Number.POSITIVE_INFINITY): void {
    for (let i = 0; i < count; i++) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      next();
    }
  }

  /** Bytes of all files, as a reader sees them now. */
  image(): Image {
    return new Map(this.disk.list(DIRECTORY).map((name) => [name, bytesOf(this.disk, `${DIRECTORY}/${name}`)]));
  }
}

/** Files of the log by name. */
export type Image = ReadonlyMap<string, Uint8Array>;

function bytesOf(disk: Disk, path: string): Uint8Array {
  const file = disk.open(path, { create: false });
  return file.read(0, file.size());
}

/** A disk on which these files are durable. */
export function diskWith(image: Image): SteppedDisk {
  const stepped = new SteppedDisk();
  for (const [name, bytes] of image) {
    stepped.disk.open(`${DIRECTORY}/${name}`, { create: true }).settle(0, bytes, bytes.length);
  }
  return stepped;
}

/** A copy of an image in which one file is replaced, or absent. */
export function withFile(image: Image, name: string, bytes: Uint8Array | undefined): Image {
  const copy = new Map(image);
  if (bytes === undefined) copy.delete(name);
  else copy.set(name, bytes);
  return copy;
}

/** The bytes with some replaced from an offset on. */
export function patched(bytes: Uint8Array, offset: number, patch: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy.set(patch, offset);
  return copy;
}

/** The bytes with one bit turned over. */
export function flipped(bytes: Uint8Array, offset: number, bit: number): Uint8Array {
  return patched(bytes, offset, Uint8Array.of((bytes[offset] as number) ^ (1 << bit)));
}

/** A record whose hash follows from its branch and index, so that branches differ and chains hold. */
export function record(index: number, payload: Uint8Array, branch = 1, previousBranch: number = branch): WalRecord {
  return {
    ...{ index, term: branch, payload },
    previousHash: hashOf(index - 1, previousBranch),
    hash: hashOf(index, branch),
  };
}

/** Chained records from one index to another, both included, with payloads of so many bytes. */
export function records(from: number, to: number, payloadBytes = 20): WalRecord[] {
  return Array.from({ length: to - from + 1 }, (_, i) => record(from + i, payloadOf(from + i, payloadBytes)));
}

export function payloadOf(seed: number, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => (seed * 31 + i * 7 + 1) & 0xff);
}

/** Where a log of a branch begins that has no record up to this index. */
export function startAt(index: number, branch = 1): LogStart {
  return { index, term: branch, hash: hashOf(index, branch) };
}

function hashOf(index: number, branch: number): Uint8Array {
  const bytes = new Uint8Array(32).fill(0xa5);
  bytes.set([index & 0xff, index >> 8, branch & 0xff]);
  return bytes;
}

export interface OpenLog {
  readonly wal: Wal;
  /** What the log has reported as the end of it. */
  readonly fatal: StorageError[];
}

export function openLog(disk: Disk, options: Partial<WalOptions> = {}): OpenLog {
  const fatal: StorageError[] = [];
  const onFatal = (error: StorageError): void => void fatal.push(error);
  return { wal: Wal.open(disk, DIRECTORY, { segmentBytes: 1_024, cacheBytes: 0, onFatal, ...options }), fatal };
}

/** The refusal that opening the log ends in. */
export function refusal(disk: Disk, options: Partial<WalOptions> = {}): StorageError {
  try {
    openLog(disk, options);
  } catch (error) {
    if (error instanceof StorageError) return error;
    throw error;
  }
  throw new Error("the log was opened");
}

/** All records of a log, as text, for comparison. */
export function contents(wal: Wal): string[] {
  const first = wal.firstIndex();
  const length = wal.lastIndex() + 1 - first;
  const found = Array.from({ length }, (_, i) => wal.read(first + i, first + i + 1, 0)[0] as WalRecord);
  return found.map(describeRecord);
}

export function describeRecord({ index, term, hash, payload }: WalRecord): string {
  return `${index} ${term} ${toHex(hash.subarray(0, 3))} ${toHex(payload)}`;
}

/** What the log asks of its disk, one after the other. */
export type DiskEvent =
  | { readonly kind: "create"; readonly path: string }
  | { readonly kind: "remove"; readonly path: string }
  | { readonly kind: "write"; readonly path: string; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: "truncate"; readonly path: string; readonly size: number };

/** Passes everything on and shows what changes files, when it is asked for. */
export class WatchedDisk implements Disk {
  readonly #inner: Disk;
  readonly #watch: (event: DiskEvent) => void;

  constructor(inner: Disk, watch: (event: DiskEvent) => void) {
    this.#inner = inner;
    this.#watch = watch;
  }

  list(directory: string): string[] {
    return this.#inner.list(directory);
  }

  open(path: string, options: { readonly create: boolean }): DiskFile {
    const file = this.#inner.open(path, options);
    if (options.create) this.#watch({ kind: "create", path });
    return {
      ...file,
      path,
      write: (offset, chunks, done) => {
        this.#watch({ kind: "write", path, offset, bytes: concatBytes(chunks) });
        file.write(offset, chunks, done);
      },
      truncate: (size, done) => {
        this.#watch({ kind: "truncate", path, size });
        file.truncate(size, done);
      },
    };
  }

  remove(path: string): void {
    this.#watch({ kind: "remove", path });
    this.#inner.remove(path);
  }

  rename(from: string, to: string): void {
    this.#inner.rename(from, to);
  }

  freeBytes(): number {
    return this.#inner.freeBytes();
  }

  syncDirectory(directory: string, done: DiskDone): void {
    this.#inner.syncDirectory(directory, done);
  }
}
