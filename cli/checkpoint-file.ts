/**
 * Checkpoints as files: what a quorum of nodes has signed and, where it was fetched to follow an earlier one, the proof that it
 * extends it.
 */
import { fromHex } from "../node/base/bytes.ts";
import { CodedError } from "../node/base/errors.ts";
import { checkCheckpoint, extendsHistory } from "../node/client/checkpoints.ts";
import { type ClusterFile, encodeCheckpoint, type SignedCheckpoint } from "../node/client/index.ts";
import { toJson } from "./output.ts";

const VERSION = 1;

/** A checkpoint and why it follows another. */
interface Fetched {
  readonly checkpoint: SignedCheckpoint;
  /** Proof that it extends the checkpoint at `since`. */
  readonly extension?: { readonly since: number; readonly path: readonly Uint8Array[] };
}

export function formatCheckpointFile({ checkpoint, extension }: Fetched): string {
  return `${toJson({ version: VERSION, checkpoint: encodeCheckpoint(checkpoint), extension })}\n`;
}

/** The checkpoint in a file's text; throws `CodedError` `checkpoint_invalid` unless a quorum has signed it. */
export function parseCheckpointFile(cluster: ClusterFile, text: string): Fetched {
  const { version, checkpoint: encoded, extension } = fieldsOf(text);
  const bytes = typeof encoded === "string" ? fromHex(encoded) : undefined;
  if (version !== VERSION || bytes === undefined) throw notAFile();
  const checkpoint = checkCheckpoint(cluster, bytes);
  if (extension === undefined) return { checkpoint };
  const { since, path } = extension as { since?: unknown; path?: unknown };
  if (typeof since !== "number" || !Array.isArray(path)) throw notAFile();
  return { checkpoint, extension: { since, path: path.map(hashOf) } };
}

/** Throws `CodedError` `history_forked` unless the file proves that its checkpoint extends the earlier one. */
export function assertExtends({ checkpoint, extension }: Fetched, earlier: SignedCheckpoint): void {
  if (extension?.since === earlier.height && extendsHistory(earlier, checkpoint, extension.path)) return;
  const reason =
    extension?.since === earlier.height
      ? "the proof does not hold: the history has been changed between the two"
      : `the file has no proof from height ${earlier.height}; "quorate checkpoint fetch --since" makes one`;
  throw new CodedError("history_forked", reason);
}

function fieldsOf(text: string): { version?: unknown; checkpoint?: unknown; extension?: unknown } {
  try {
    return (JSON.parse(text) as Record<string, unknown> | null) ?? {};
  } catch (error) {
    if (error instanceof SyntaxError) throw notAFile();
    throw error;
  }
}

function hashOf(text: unknown): Uint8Array {
  const bytes = typeof text === "string" ? fromHex(text) : undefined;
  if (bytes?.length !== 32) throw notAFile();
  return bytes;
}

function notAFile(): CodedError {
  return new CodedError("checkpoint_invalid", "the file is not a checkpoint file");
}
