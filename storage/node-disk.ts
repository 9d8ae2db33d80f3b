/**
 * The disk port over node:fs, confined to one directory. Operations of a file run one after the other in the order they
 * were started, so that order never depends on the thread pool.
 */
import {
  close,
  closeSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncate,
  ftruncateSync,
  open,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  writeSync,
  writev,
} from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { assert } from "../node/base/assert.ts";
import { EMPTY_BYTES } from "../node/base/bytes.ts";
import { type Disk, type DiskDone, DiskError, type DiskFault, type DiskFile } from "../node/base/ports/disk.ts";
import type { DiskCalls } from "./disk-calls.ts";
import { makePrivateDirectory } from "./private-directory.ts";
import type { SyncCount } from "./sync-count.ts";

type SystemError = NodeJS.ErrnoException;
type Step = (done: (error: SystemError | null) => void) => void;

const FAULTS: Readonly<Record<string, DiskFault>> = {
  ENOSPC: "disk_full",
  EDQUOT: "disk_full",
  // Nothing is amiss with the disk, and what was to be written can be written later, as when it is full.
  EMFILE: "disk_full",
  ENFILE: "disk_full",
  ENOENT: "disk_not_found",
  EEXIST: "disk_exists",
};

/** Whoever looks at what is done to a disk; several disks may share both. */
export interface DiskWatch {
  /** Is told what is under way. */
  readonly calls?: DiskCalls | undefined;
  /** Counts what is synced from now on but for `settle`, which is recovery's. */
  readonly syncs?: SyncCount | undefined;
}

export interface NodeDiskOptions extends DiskWatch {
  /** Whoever only looks: nothing is made, and files need not be writable; writing to them fails. */
  readonly readOnly?: boolean | undefined;
}

export class NodeDisk implements Disk {
  readonly #root: string;
  readonly #watch: DiskWatch;
  readonly #readOnly: boolean;

  constructor(root: string, { readOnly = false, ...watch }: NodeDiskOptions = {}) {
    this.#root = resolve(root);
    this.#watch = watch;
    this.#readOnly = readOnly;
    if (!readOnly) attempt(this.#root, () => makeDirectory(this.#root));
  }

  list(directory: string): string[] {
    const full = this.#full(directory);
    try {
      const entries = readdirSync(full, { withFileTypes: true });
      return entries.flatMap((entry) => (entry.isFile() ? [entry.name] : [])).sort();
    } catch (error) {
      const failure = diskError(error, directory);
      if (failure.code === "disk_not_found") return [];
      throw failure;
    }
  }

  open(path: string, { create }: { readonly create: boolean }): DiskFile {
    const full = this.#full(path);
    assert(!(create && this.#readOnly), `${path} is made by whoever only looks`);
    return attempt(path, () => {
      if (create) makeDirectory(dirname(full));
      const descriptor = openSync(full, create ? "wx+" : this.#readOnly ? "r" : "r+");
      return new NodeFile({ path, directory: dirname(full), descriptor, watch: this.#watch });
    });
  }

  remove(path: string): void {
    const full = this.#full(path);
    attempt(path, () => rmSync(full));
  }

  rename(from: string, to: string): void {
    attempt(from, () => renameSync(this.#full(from), this.#full(to)));
  }

  freeBytes(): number {
    const { bavail, bsize } = attempt(this.#root, () => statfsSync(this.#root));
    return bavail * bsize;
  }

  syncDirectory(directory: string, done: DiskDone): void {
    const { calls, syncs } = this.#watch;
    const synced = syncs?.begin();
    const finish = (error: SystemError | null): void => {
      if (error === null) synced?.();
      done(error === null ? undefined : diskError(error, directory));
      calls?.end();
    };
    calls?.begin();
    open(this.#full(directory), "r", (openError, descriptor) => {
      if (openError !== null) finish(openError);
      else fsync(descriptor, (syncError) => close(descriptor, (closeError) => finish(syncError ?? closeError)));
    });
  }

  #full(path: string): string {
    const full = resolve(join(this.#root, path));
    assert(full === this.#root || full.startsWith(this.#root + sep), `${path} leads out of the data directory`);
    return full;
  }
}

interface OpenFile {
  readonly path: string;
  readonly directory: string;
  readonly descriptor: number;
  readonly watch: DiskWatch;
}

class NodeFile implements DiskFile {
  readonly path: string;
  readonly #directory: string;
  readonly #descriptor: number;
  readonly #watch: DiskWatch;
  readonly #steps: { readonly step: Step; readonly done: DiskDone }[] = [];
  #running = false;
  #size: number;
  #closed = false;

  constructor({ path, directory, descriptor, watch }: OpenFile) {
    this.path = path;
    this.#directory = directory;
    this.#descriptor = descriptor;
    this.#watch = watch;
    this.#size = fstatSync(descriptor).size;
  }

  size(): number {
    return this.#size;
  }

  read(offset: number, length: number, into?: Uint8Array): Uint8Array {
    this.#assertOpen();
    const wanted = Math.max(0, Math.min(length, this.#size - offset));
    const bytes = into?.subarray(0, wanted) ?? new Uint8Array(wanted);
    return attempt(this.path, () => {
      let read = 0;
      while (read < bytes.length) {
        const count = readSync(this.#descriptor, bytes, read, bytes.length - read, offset + read);
        if (count === 0) return bytes.subarray(0, read);
        read += count;
      }
      return bytes;
    });
  }

  write(offset: number, chunks: readonly Uint8Array[], done: DiskDone): void {
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    if (length > 0) this.#size = Math.max(this.#size, offset + length);
    this.#start((finish) => this.#writeFully(chunks, offset, finish), done);
  }

  truncate(size: number, done: DiskDone): void {
    this.#size = size;
    this.#start((finish) => ftruncate(this.#descriptor, size, finish), done);
  }

  sync(done: DiskDone): void {
    this.#start((finish) => {
      const synced = this.#watch.syncs?.begin();
      fdatasync(this.#descriptor, (error) => {
        if (error === null) synced?.();
        finish(error);
      });
    }, done);
  }

  settle(offset: number, bytes: Uint8Array, size: number): void {
    this.#assertOpen();
    assert(!this.#running, `${this.path} is settled while something is under way`);
    attempt(this.path, () => {
      let written = 0;
      while (written < bytes.length) {
        written += writeSync(this.#descriptor, bytes, written, bytes.length - written, offset + written);
      }
      ftruncateSync(this.#descriptor, offset + bytes.length);
      ftruncateSync(this.#descriptor, size);
      fdatasyncSync(this.#descriptor);
      syncDirectoryNow(this.#directory);
    });
    this.#size = size;
  }

  close(): void {
    this.#assertOpen();
    this.#closed = true;
    if (!this.#running) closeSync(this.#descriptor);
  }

  /** Not copied into one piece: payloads are large. */
  #writeFully(chunks: readonly Uint8Array[], position: number, finish: (error: SystemError | null) => void): void {
    writev(this.#descriptor, chunks.length === 0 ? [EMPTY_BYTES] : chunks, position, (error, written) => {
      const rest = behind(chunks, written);
      if (error !== null || rest.length === 0) finish(error);
      else this.#writeFully(rest, position + written, finish);
    });
  }

  #start(step: Step, done: DiskDone): void {
    this.#assertOpen();
    this.#steps.push({ step, done });
    if (!this.#running) this.#next();
  }

  #next(): void {
    const head = this.#steps.shift();
    this.#running = head !== undefined;
    if (head === undefined) {
      if (this.#closed) closeSync(this.#descriptor);
      return;
    }
    this.#watch.calls?.begin();
    head.step((error) => {
      head.done(error === null ? undefined : diskError(error, this.path));
      this.#next();
      // Only now: what follows is under way already.
      this.#watch.calls?.end();
    });
  }

  /** The system may have given the descriptor to another file. */
  #assertOpen(): void {
    assert(!this.#closed, `${this.path} is closed`);
  }
}

/** The chunks without so many bytes at their beginning. */
function behind(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes;
  return chunks.flatMap((chunk) => {
    const rest = chunk.subarray(skip);
    skip = Math.max(0, skip - chunk.length);
    return rest.length === 0 ? [] : [rest];
  });
}

/** Makes a private directory and those above it, each durable in the one that holds it. */
function makeDirectory(path: string): void {
  const first = makePrivateDirectory(path);
  if (first === undefined) return;
  for (let made = path; made !== dirname(first); made = dirname(made)) syncDirectoryNow(dirname(made));
}

function syncDirectoryNow(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw diskError(error, path);
  }
}

function diskError(error: unknown, path: string): DiskError {
  const { code = "unknown", message } = error as SystemError;
  return new DiskError(FAULTS[code] ?? "disk_io", `${path}: ${message}`, { path, system: code }, error);
}
