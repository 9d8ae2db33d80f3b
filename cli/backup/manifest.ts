/**
 * The manifest of a backup: what it is of, what a quorum has signed of it, and every file with its hash. It is written
 * last, in one step: a directory without one is no backup. It has one text only, and bears a checksum of itself.
 */
import { createHash } from "node:crypto";
import { fromHex, toHex } from "../../node/base/bytes.ts";
import { CodedError } from "../../node/base/errors.ts";
import type { ClusterFile } from "../../node/client/index.ts";
import type { ComponentPages } from "../../node/replica/checkpoint.ts";
import { checkComponents } from "../../node/replica/offered-state.ts";
import { formatClusterFile, parseClusterFile } from "../../node/transport/cluster-file.ts";
import { FILE_KINDS, FILE_NAME, type FileEntry } from "./record-files.ts";

export const MANIFEST_FILE = "manifest.json";
const FORMAT = 3;

export interface Manifest {
  /** Version of the software that wrote it. */
  readonly software: string;
  /** As the cluster was then; its id says which it was. */
  readonly cluster: ClusterFile;
  /** The node that everything was taken from. */
  readonly node: number;
  /** Where the log begins in the checkpoint's pages; without it, it begins with the first block. */
  readonly checkpoint: { readonly signed: Uint8Array; readonly components: readonly ComponentPages[] } | undefined;
  /** The encoded signed checkpoint at the last block of the backup. */
  readonly end: Uint8Array;
  /** Height, block hash and state digest of that, for people. */
  readonly height: number;
  readonly blockHash: string;
  readonly stateDigest: string;
  /** In the order in which they are read. */
  readonly files: readonly FileEntry[];
}

export function formatManifest(manifest: Manifest): string {
  const { software, cluster, node, checkpoint, end, height, blockHash, stateDigest, files } = manifest;
  const fields = {
    format: FORMAT,
    software,
    ...{ height, blockHash, stateDigest, node, end: toHex(end) },
    cluster: JSON.parse(formatClusterFile(cluster.genesis, cluster.nodes)) as unknown,
    checkpoint:
      checkpoint === undefined
        ? null
        : {
            signed: toHex(checkpoint.signed),
            components: checkpoint.components.map(({ name, pages }) => [name, pages]),
          },
    files: files.map(({ kind, name, bytes, sha256, first }) => ({ kind, name, bytes, sha256, first })),
  };
  return textOf(fields);
}

/** Throws `CodedError` `backup_damaged`, or `backup_foreign_format` for one that another version has written. */
export function parseManifest(text: string): Manifest {
  const fields = fieldsOf(text);
  const { software, node, height, blockHash, stateDigest, end, cluster, checkpoint, files } = fields;
  return {
    ...{ software: String(software), node: wholeNumber(node), height: wholeNumber(height) },
    ...{ blockHash: String(blockHash), stateDigest: String(stateDigest), end: bytesOf(end) },
    cluster: parseClusterFile(JSON.stringify(cluster)),
    checkpoint: checkpoint === null ? undefined : checkpointOf(objectOf(checkpoint)),
    files: listOf(files).map((file) => entryOf(objectOf(file))),
  };
}

type Fields = Readonly<Record<string, unknown>>;

function textOf(fields: Fields): string {
  const checksum = createHash("sha256").update(JSON.stringify(fields)).digest("hex");
  return `${JSON.stringify({ ...fields, checksum }, undefined, 2)}\n`;
}

/** The fields of a text that is to the letter what was written. */
function fieldsOf(text: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw damaged("it is not JSON", error);
  }
  const { checksum: _checksum, ...fields } = objectOf(value);
  if (textOf(fields) !== text) throw damaged("its checksum does not match");
  if (fields["format"] === FORMAT) return fields;
  const found = JSON.stringify(fields["format"]);
  throw new CodedError("backup_foreign_format", `the backup has format ${found}, and this version reads ${FORMAT}`);
}

function checkpointOf({ signed, components }: Fields): Manifest["checkpoint"] {
  return { signed: bytesOf(signed), components: checkComponents(components) };
}

function entryOf({ kind, name, bytes, sha256, first }: Fields): FileEntry {
  const known = FILE_KINDS.find((candidate) => candidate === kind);
  const isNamed = typeof name === "string" && FILE_NAME.test(name);
  if (known === undefined || !isNamed || typeof sha256 !== "string") throw damaged("it names a file that is none");
  return { kind: known, name, bytes: wholeNumber(bytes), sha256, first: wholeNumber(first) };
}

function objectOf(value: unknown): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw damaged("a part of it has another shape");
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw damaged("a list is missing");
}

function wholeNumber(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw damaged("a number is none");
}

function bytesOf(value: unknown): Uint8Array {
  const bytes = typeof value === "string" ? fromHex(value) : undefined;
  if (bytes === undefined) throw damaged("it is not hexadecimal where it should be");
  return bytes;
}

function damaged(reason: string, cause?: unknown): CodedError {
  return new CodedError("backup_damaged", `${MANIFEST_FILE} cannot be used: ${reason}`, {}, cause);
}
