/**
 * Putting a new file in the place of an old one, in one step: it is written whole under another name, synced, and then
 * given the name. After a crash at any moment one of the two bears the name, whole, or the old one still does.
 */
import { type Disk, type DiskDone, DiskError, type DiskFile } from "../../node/base/ports/disk.ts";

/** Behind the name of a file that is being written; nobody reads one that is found. */
const NEW_SUFFIX = ".new";

/**
 * `fill` writes the new file and says when all of it is written. `done` gets the file, opened under its name, when it has
 * the name for good, or the error.
 */
export function replaceFile(
  disk: Disk,
  path: string,
  fill: (file: DiskFile, filled: DiskDone) => void,
  done: (replaced: DiskFile | DiskError) => void,
): void {
  const fresh = `${path}${NEW_SUFFIX}`;
  const attempt = (action: () => void): void => {
    try {
      action();
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      done(error);
    }
  };
  const orFail =
    (then: () => void): DiskDone =>
    (error) =>
      error === undefined ? attempt(then) : done(error);
  const directory = path.slice(0, path.lastIndexOf("/"));
  attempt(() => {
    if (disk.list(directory).some((name) => `${directory}/${name}` === fresh)) disk.remove(fresh);
    const file = disk.open(fresh, { create: true });
    const named = (): void => {
      file.close();
      disk.rename(fresh, path);
      disk.syncDirectory(
        directory,
        orFail(() => done(disk.open(path, { create: false }))),
      );
    };
    fill(
      file,
      orFail(() => file.sync(orFail(named))),
    );
  });
}
