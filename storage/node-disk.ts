/**
 * The disk port over node:fs, confined to one directory. Operations of a file run one after the other in the order they
 * were started, so that order never depends on the thread pool.
 */
import {
  close,
  closeSync,
  fdatasync,
  fstatSync,
  fsync,
  ftruncate,
  mkdirSync,
  open,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  write,
} from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { assert } from "../node/base/assert.ts";
import { concatBytes } from "../node/base/bytes.ts";
import { type Disk, type DiskDone, DiskError, type DiskFault, type DiskFile } from "../node/base/ports/disk.ts";

/** Chunks are joined into one buffer: one system call, and a record in three small pieces costs no more than one. */
type Step = (done: (error: NodeJS.ErrnoException | null) => void) => void;

export class NodeDisk implements Disk {
  readonly #root: string;

  constructor(root: string) {
    this.#root = resolve(root);
    mkdirSync(this.#root, { recursive: true });
  }

  list(directory: string): string[] {
    try {
      return readdirSync(this.#path(directory)).sort();
    } catch (error) {
      const failure = diskError(error as NodeJS.ErrnoException, directory);
      if (failure.code === "disk_not_found") return [];
      throw failure;
    }
  }

  open(path: string, options: { readonly create: boolean }): DiskFile {
    const full = this.#path(path);
    try {
      if (options.create) mkdirSync(dirname(full), { recursive: true });
      return new NodeFile(path, openSync(full, options.create ? "w+" : "r+"));
    } catch (error) {
      throw diskError(error as NodeJS.ErrnoException, path);
    }
  }

  remove(path: string): void {
    try {
      rmSync(this.#path(path));
    } catch (error) {
      throw diskError(error as NodeJS.ErrnoException, path);
    }
  }

  syncDirectory(directory: string, done: DiskDone): void {
    const finish = (error: NodeJS.ErrnoException | null): void => {
      done(error === null ? undefined : diskError(error, directory));
    };
    open(this.#path(directory), "r", (openError, descriptor) => {
      if (openError !== null) finish(openError);
      else fsync(descriptor, (syncError) => close(descriptor, (closeError) => finish(syncError ?? closeError)));
    });
  }

  #path(path: string): string {
    const full = resolve(join(this.#root, path));
    assert(full === this.#root || full.startsWith(this.#root + sep), `${path} leads out of the data directory`);
    return full;
  }
}

class NodeFile implements DiskFile {
  readonly path: string;
  readonly #descriptor: number;
  readonly #steps: { readonly step: Step; readonly done: DiskDone }[] = [];
  #running = false;
  #size: number;
  #closed = false;

  constructor(path: string, descriptor: number) {
    this.path = path;
    this.#descriptor = descriptor;
    this.#size = fstatSync(descriptor).size;
  }

  size(): number {
    return this.#size;
  }

  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(Math.max(0, Math.min(length, this.#size - offset)));
    try {
      let read = 0;
      while (read < bytes.length) {
        const count = readSync(this.#descriptor, bytes, read, bytes.length - read, offset + read);
        if (count === 0) return bytes.subarray(0, read);
        read += count;
      }
      return bytes;
    } catch (error) {
      throw diskError(error as NodeJS.ErrnoException, this.path);
    }
  }

  write(offset: number, chunks: readonly Uint8Array[], done: DiskDone): void {
    const bytes = concatBytes(chunks);
    this.#size = Math.max(this.#size, offset + bytes.length);
    this.#start((finish) => this.#writeFully(bytes, 0, offset, finish), done);
  }

  truncate(size: number, done: DiskDone): void {
    this.#size = size;
    this.#start((finish) => ftruncate(this.#descriptor, size, finish), done);
  }

  sync(done: DiskDone): void {
    this.#start((finish) => fdatasync(this.#descriptor, finish), done);
  }

  close(): void {
    this.#closed = true;
    if (!this.#running) closeSync(this.#descriptor);
  }

  #writeFully(
    bytes: Uint8Array,
    from: number,
    position: number,
    finish: (error: NodeJS.ErrnoException | null) => void,
  ): void {
    write(this.#descriptor, bytes, from, bytes.length - from, position, (error, written) => {
      if (error !== null || from + written >= bytes.length) finish(error);
      else this.#writeFully(bytes, from + written, position + written, finish);
    });
  }

  #start(step: Step, done: DiskDone): void {
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
    head.step((error) => {
      head.done(error === null ? undefined : diskError(error, this.path));
      this.#next();
    });
  }
}

function diskError(error: NodeJS.ErrnoException, path: string): DiskError {
  const code: DiskFault =
    error.code === "ENOSPC" || error.code === "EDQUOT"
      ? "disk_full"
      : error.code === "ENOENT"
        ? "disk_not_found"
        : "disk_io";
  return new DiskError(code, `${path}: ${error.message}`, { path, system: error.code ?? "unknown" }, error);
}
