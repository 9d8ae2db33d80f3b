/** Small files of a node, read whole; errors name the setting that led to them. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { isOpenToOthers } from "../../storage/private-directory.ts";
import { CodedError, errorMessage } from "../base/errors.ts";

const OWNER_ONLY = 0o600;

/** The text of a file; throws `CodedError` `file_unreadable`. `what` says whose path it is. */
export function readText(path: string, what: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new CodedError("file_unreadable", `${what}: ${path} cannot be read: ${errorMessage(error)}`, { path }, error);
  }
}

/** The text of a file that nobody but its owner may read; throws `file_unreadable` or `key_file_exposed`. */
export function readSecret(path: string, what: string): string {
  const text = readText(path, what);
  if (isOpenToOthers(path)) {
    throw new CodedError("key_file_exposed", `${what}: others may read the secret: chmod 600 ${path}`, { path });
  }
  return text;
}

/** Writes a new file that nobody but its owner may read; throws `CodedError` `file_exists` or `file_unusable`. */
export function writeSecret(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: "wx", mode: OWNER_ONLY, flush: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") {
      throw new CodedError("file_exists", `${path} is there already: choose another name`, { path }, error);
    }
    throw new CodedError("file_unusable", `${path} cannot be written: ${errorMessage(error)}`, { path }, error);
  }
}

/**
 * Writes a file, or another text over one that is there: whoever reads it, also after a power failure, finds the one or
 * the other. Throws `CodedError` `file_unusable`.
 */
export function replaceText(path: string, text: string): void {
  const next = `${path}.new`;
  try {
    writeFileSync(next, text);
    sync(next);
    renameSync(next, path);
    sync(dirname(path));
  } catch (error) {
    rmSync(next, { force: true });
    throw new CodedError("file_unusable", `${path} cannot be written: ${errorMessage(error)}`, { path }, error);
  }
}

function sync(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
