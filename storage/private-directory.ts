/**
 * Directories of what only their owner may read: logs, states and backups hold everybody's payments. Files in them need no
 * modes of their own, for nobody else enters.
 */
import { mkdirSync, statSync } from "node:fs";

const OWNER_ONLY = 0o700;
/** Permission bits of everybody but the owner. */
const OTHERS = 0o077;

/** Makes a directory and those above it that are missing; the first that was made. One that is there stays as it is. */
export function makePrivateDirectory(path: string): string | undefined {
  return mkdirSync(path, { recursive: true, mode: OWNER_ONLY });
}

/** Whether others than the owner may do anything with a file or directory. */
export function isOpenToOthers(path: string): boolean {
  // Windows has no such bits, and shows them all as set.
  return process.platform !== "win32" && (statSync(path).mode & OTHERS) !== 0;
}
