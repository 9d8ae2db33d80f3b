/**
 * Putting a new file in the place of an old one, in one step: it is written whole under another name, synced, and then
 * given the name. After a crash at any moment one of the two bears the name, whole, or the old one still does.
 */
import { type Disk, type DiskDone, DiskError, type DiskFile } from "../../node/base/ports/disk.ts";

/** Behind the name of a file that is being written; nobody reads one that is found. */
const NEW_SUFFIX = ".new";
const COPY_BYTES = 1_048_576;

/**
 * `fill` writes the new file and says when all of it is written. `done` gets the file, opened under its name, when it has
 * the name for good, or the error. After `disk_full` the old file is as it was; after any other nobody may use either.
 */
export function replaceFile(
  disk: Disk,
  path: string,
  fill: (file: DiskFile, filled: DiskDone) => void,
  done: (replaced: DiskFile | DiskError) => void,
): void {
  const fresh = `${path}${NEW_SUFFIX}`;
  const directory = path.slice(0, path.lastIndexOf("/"));
  let file: DiskFile | undefined;
  const fail = (error: DiskError): void => {
    file?.close();
    removeIfThere(disk, fresh);
    done(error);
  };
  const orFail =
    (then: () => void): DiskDone =>
    (error) => {
      if (error !== undefined) fail(error);
      else attempt(then, fail);
    };
  const name = (): void => {
    disk.rename(fresh, path);
    // From here on the old file has no name, and the new one perhaps not for good: whoever went on with either could lose it.
    const unsure = (error: DiskError): void => {
      const text = `${path} has a new file, which may not be there after a crash: ${error.message}`;
      done(new DiskError("disk_io", text, { path }, error));
    };
    disk.syncDirectory(directory, (error) => {
      if (error !== undefined) unsure(error);
      else attempt(() => done(disk.open(path, { create: false })), unsure);
    });
  };
  attempt(() => {
    removeIfThere(disk, fresh);
    const opened = disk.open(fresh, { create: true });
    file = opened;
    const synced = (): void => {
      file = undefined;
      opened.close();
      name();
    };
    fill(
      opened,
      orFail(() => opened.sync(orFail(synced))),
    );
  }, fail);
}

/**
 * Puts a copy of a file, in which these bytes stand at an offset, in its place; `done` gets the new file, the error, or
 * undefined where the old one cannot be read.
 */
export function copyWith(
  disk: Disk,
  file: DiskFile,
  { offset, pieces }: { readonly offset: number; readonly pieces: readonly Uint8Array[] },
  done: (copied: DiskFile | DiskError | undefined) => void,
): void {
  let isReadable = true;
  const copyFrom = (at: number, fresh: DiskFile, filled: DiskDone): void => {
    if (at >= file.size()) {
      fresh.write(offset, pieces, filled);
      return;
    }
    const read = (): void => {
      const bytes = file.read(at, COPY_BYTES);
      if (bytes.length === 0) throw new DiskError("disk_io", `${file.path} ends at ${at}`, { path: file.path });
      fresh.write(at, [bytes], (error) =>
        error === undefined ? copyFrom(at + bytes.length, fresh, filled) : filled(error),
      );
    };
    attempt(read, (error) => {
      isReadable = false;
      filled(error);
    });
  };
  replaceFile(
    disk,
    file.path,
    (fresh, filled) => copyFrom(0, fresh, filled),
    (replaced) => done(isReadable ? replaced : undefined),
  );
}

function removeIfThere(disk: Disk, path: string): void {
  attempt(
    () => disk.remove(path),
    () => undefined,
  );
}

function attempt(action: () => void, failed: (error: DiskError) => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    failed(error);
  }
}
