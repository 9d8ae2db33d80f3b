/**
 * A store that is opened and stays as it is, for whoever only looks. LevelDB makes new files whenever it opens a database
 * and removes others, and the store notes in `seal` what it has found. So it is opened in a temporary directory: what
 * LevelDB only reads, tables and logs, are links there, however large; what it replaces are copies, which are small.
 *
 * Files that LevelDB would take for leftovers and write over are not linked. The link to `LOCK` locks the database
 * itself: one that a node has is refused, and no node starts on it meanwhile.
 */
import { copyFileSync, existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Cipher } from "../../node/base/ports/cipher.ts";
import type { Store } from "../../node/base/ports/store.ts";
import { StorageError } from "../errors.ts";
import { NodeDisk } from "../node-disk.ts";
import { databaseFiles } from "./level-files.ts";
import { LevelStore } from "./level-store.ts";
import { SEAL_FILE } from "./seal-file.ts";

const COPIED = ["CURRENT", SEAL_FILE];
const LOCK = "LOCK";
const NO_SPACE = /no space left/i;

export interface UntouchedStore {
  readonly store: Pick<Store, "get" | "snapshot">;
  readonly close: () => Promise<void>;
}

/** Opens the store in a directory, which must be there; throws `StorageError` as `LevelStore.open`. */
export async function openUntouched(path: string, cipher: Cipher | undefined): Promise<UntouchedStore> {
  const twin = mkdtempSync(join(tmpdir(), "quorate-store-"));
  try {
    const files = databaseFiles(new NodeDisk(path));
    for (const name of [...COPIED, ...(files === undefined ? [] : [files.manifest])]) {
      if (existsSync(join(path, name))) copyFileSync(join(path, name), join(twin, name));
    }
    for (const name of [LOCK, ...(files?.contents ?? [])]) {
      // A link to nothing would have LevelDB make what is not there.
      if (existsSync(join(path, name))) symlinkSync(resolve(path, name), join(twin, name));
    }
    const store = await LevelStore.open(twin, { cipher });
    const close = async (): Promise<void> => {
      await store.close();
      rmSync(twin, { recursive: true });
    };
    return { store, close };
  } catch (error) {
    rmSync(twin, { recursive: true });
    throw error instanceof StorageError ? ofPath(error, path, twin) : error;
  }
}

/** The same of the directory that is meant. */
function ofPath({ code, message, facts, cause }: StorageError, path: string, twin: string): StorageError {
  if (NO_SPACE.test(message)) {
    const text = `${path} is read by way of ${tmpdir()}, where there is no room: let TMPDIR be a directory with more`;
    return new StorageError("store_failed", text, {}, cause);
  }
  return new StorageError(code, message.replaceAll(twin, path), facts, cause);
}
