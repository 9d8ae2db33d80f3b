/**
 * What a command that enters a node is about, noted beside the node's identity before the cluster hears of it. Cut short, it
 * has perhaps had the node before it leave, which the next change of members takes out of the cluster file: then nothing but
 * the note says whose name, place and vote the new one is to have. It is removed when all is done: an identity that the cluster
 * has counts as one that was never started only while the note says so.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { toHex } from "../node/base/bytes.ts";
import { CodedError } from "../node/base/errors.ts";
import { readSecret, readText, replaceText } from "../node/host/files.ts";
import { IDENTITY_FILE, JOINING_FILE } from "../node/host/init.ts";
import { Identity } from "../node/transport/identity.ts";

/** A node that another takes the place of. */
export interface Predecessor {
  readonly id: number;
  /** In the cluster file; undefined where that does not name it. */
  readonly name: string | undefined;
  /** It has lost its disk and never comes back under its id; else it goes on until the other has caught up. */
  readonly isLost: boolean;
}

export interface JoiningNote {
  /** In hexadecimal, that of the identity beside it: with another one it is of no use. */
  readonly publicKey: string;
  readonly host: string;
  readonly port: number;
  /** Whether it is to vote. */
  readonly voter: boolean;
  /** Without it that of its id. */
  readonly name: string | undefined;
  readonly before: Predecessor | undefined;
}

const VERSION = 1;

export function writeNote(directory: string, note: JoiningNote): void {
  replaceText(join(directory, JOINING_FILE), `${JSON.stringify({ version: VERSION, ...note }, undefined, 2)}\n`);
}

export function removeNote(directory: string): void {
  rmSync(join(directory, JOINING_FILE), { force: true });
}

/** The note in a directory, where there is one; throws `CodedError` `file_unreadable`. */
export function noteIn(directory: string): JoiningNote | undefined {
  const path = join(directory, JOINING_FILE);
  if (!existsSync(path)) return undefined;
  const note = parsed(readText(path, "what a node joins as"));
  if (note !== undefined) return note;
  throw new CodedError("file_unreadable", `${path} is not what "quorate member" wrote: move it away`, { path });
}

export interface Unfinished {
  readonly dir: string;
  readonly note: JoiningNote;
}

/** Notes of nodes that have no configuration yet: in the directory that is given, or without one in all beside the cluster file. */
export function unfinishedNotes(clusterFile: string, dir: string | undefined): readonly Unfinished[] {
  return (dir === undefined ? placesBeside(clusterFile) : [dir]).flatMap((place) => {
    const note = existsSync(join(place, "config.json")) ? undefined : noteIn(place);
    return note === undefined || keyIn(place) !== note.publicKey ? [] : [{ dir: place, note }];
  });
}

/** The public key of the identity in a directory, in hexadecimal; undefined where none is there. */
function keyIn(directory: string): string | undefined {
  const path = join(directory, IDENTITY_FILE);
  return existsSync(path) ? toHex(Identity.fromPem(readSecret(path, "the identity")).publicKey) : undefined;
}

function placesBeside(path: string): readonly string[] {
  const beside = dirname(path);
  return readdirSync(beside)
    .sort()
    .map((name) => join(beside, name));
}

function parsed(text: string): JoiningNote | undefined {
  let fields: Partial<JoiningNote & { readonly version: number }> | null;
  try {
    fields = JSON.parse(text) as typeof fields;
  } catch {
    return undefined;
  }
  const { version, publicKey, host, port, voter, name, before } = fields ?? {};
  if (version !== VERSION || typeof publicKey !== "string" || typeof host !== "string") return undefined;
  if (typeof port !== "number" || typeof voter !== "boolean" || !isText(name)) return undefined;
  if (before === undefined) return { publicKey, host, port, voter, name, before };
  if (before === null || typeof before.id !== "number" || typeof before.isLost !== "boolean") return undefined;
  return isText(before.name) ? { publicKey, host, port, voter, name, before } : undefined;
}

function isText(value: unknown): boolean {
  return value === undefined || typeof value === "string";
}
