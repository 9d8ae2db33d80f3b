/** A disk as it looks to one who does not hear that a sync has failed. */
import type { Disk, DiskDone, DiskFile } from "../../node/base/ports/disk.ts";

export function deafToSyncErrors(disk: Disk): Disk {
  return {
    list: (directory) => disk.list(directory),
    open: (path, options) => new DeafFile(disk.open(path, options)),
    remove: (path) => disk.remove(path),
    rename: (from, to) => disk.rename(from, to),
    freeBytes: () => disk.freeBytes(),
    syncDirectory: (directory, done) => disk.syncDirectory(directory, done),
  };
}

class DeafFile implements DiskFile {
  readonly #file: DiskFile;

  constructor(file: DiskFile) {
    this.#file = file;
  }

  get path(): string {
    return this.#file.path;
  }

  size(): number {
    return this.#file.size();
  }

  read(offset: number, length: number, into?: Uint8Array): Uint8Array {
    return into === undefined ? this.#file.read(offset, length) : this.#file.read(offset, length, into);
  }

  write(offset: number, chunks: readonly Uint8Array[], done: DiskDone): void {
    this.#file.write(offset, chunks, done);
  }

  truncate(size: number, done: DiskDone): void {
    this.#file.truncate(size, done);
  }

  sync(done: DiskDone): void {
    this.#file.sync(() => done());
  }

  settle(offset: number, bytes: Uint8Array, size: number): void {
    this.#file.settle(offset, bytes, size);
  }

  close(): void {
    this.#file.close();
  }
}
