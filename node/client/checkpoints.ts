/**
 * Signed checkpoints as a client uses them: fetched, believed only when a quorum of the nodes that vote, as the cluster file
 * has them, has signed, and the ground on which a receipt or a later checkpoint is proved.
 */
import { quorumOf } from "../base/quorum.ts";
import { type ClusterFile, votersIn } from "../transport/cluster-file.ts";
import { type Attested, checkpointSigners, decodeCheckpoint, type SignedCheckpoint } from "../wire/attestation.ts";
import { verifyConsistency, verifyInclusion } from "../wire/history.ts";
import { WireError } from "../wire/msgpack.ts";
import { ask } from "./ask.ts";
import type { QuorateClient } from "./client.ts";
import { sha256 } from "./crypto.ts";
import { ClientError } from "./errors.ts";
import { missingSignatures } from "./missing-signatures.ts";
import { nodeTrust, voterTrust } from "./receipt-check.ts";

/** The checkpoint in these bytes; throws `ClientError` `checkpoint_invalid` unless a quorum has signed it. */
export function checkCheckpoint(cluster: ClusterFile, encoded: Uint8Array): SignedCheckpoint {
  const checkpoint = decoded(encoded);
  if (isOfQuorum(cluster, checkpoint)) return checkpoint;
  throw invalid(missingSignatures(cluster, checkpointSigners(checkpoint, voterTrust(cluster))));
}

/** What any node of the cluster has signed; throws `ClientError` `checkpoint_invalid` where none has. */
export function checkStatement(cluster: ClusterFile, encoded: Uint8Array): SignedCheckpoint {
  const statement = decoded(encoded);
  if (checkpointSigners(statement, nodeTrust(cluster)).length > 0) return statement;
  throw invalid("no node of this cluster has signed it");
}

/** Whether a majority of the nodes that vote, as the cluster file has them, has signed. */
export function isOfQuorum(cluster: ClusterFile, checkpoint: SignedCheckpoint): boolean {
  return checkpointSigners(checkpoint, voterTrust(cluster)).length >= quorumOf(votersIn(cluster).length);
}

function decoded(encoded: Uint8Array): SignedCheckpoint {
  try {
    return decodeCheckpoint(encoded);
  } catch (error) {
    if (error instanceof WireError) throw invalid(error.message, error);
    throw error;
  }
}

/** The newest checkpoint that a quorum has signed. Throws `ClientError`: `checkpoint_unavailable` where there is none yet. */
export async function fetchCheckpoint(client: QuorateClient, cluster: ClusterFile): Promise<SignedCheckpoint> {
  const { agreed } = await ask(client, { type: "checkpoint" });
  if (agreed !== null) return checkCheckpoint(cluster, agreed);
  throw new ClientError(
    "checkpoint_unavailable",
    "no checkpoint is signed by a quorum yet; the first block of each two seconds becomes one, so try again a little later",
  );
}

/** Proof that `later` extends `earlier`, checked. Throws `ClientError`: `history_forked` where it does not. */
export async function fetchConsistency(
  client: QuorateClient,
  earlier: Attested,
  later: Attested,
): Promise<readonly Uint8Array[]> {
  if (earlier.height > later.height) {
    throw forked(`the cluster's newest checkpoint is at height ${later.height}, before height ${earlier.height}`);
  }
  const { path } = await ask(client, { type: "consistency", earlier: earlier.height, size: later.height });
  if (!extendsHistory(earlier, later, path))
    throw forked(`height ${later.height} does not extend height ${earlier.height}`);
  return path;
}

/** Proof that the block of this hash and height lies under a checkpoint, checked. Throws `ClientError` `history_forked`. */
export async function fetchInclusion(
  client: QuorateClient,
  block: { readonly height: number; readonly blockHash: Uint8Array },
  checkpoint: Attested,
): Promise<readonly Uint8Array[]> {
  const { path } = await ask(client, { type: "inclusion", height: block.height, size: checkpoint.height });
  if (!liesUnder(block, checkpoint, path))
    throw forked(`block ${block.height} is not in the history of the checkpoint`);
  return path;
}

/** Whether `path` proves that the log at `later` extends the log at `earlier`. */
export function extendsHistory(earlier: Attested, later: Attested, path: readonly Uint8Array[]): boolean {
  const roots = { earlierRoot: earlier.historyRoot, root: later.historyRoot };
  return verifyConsistency(sha256, { earlier: earlier.height, size: later.height, ...roots }, path);
}

/** Whether `path` proves that the block is part of the log at the checkpoint. */
export function liesUnder(
  { height, blockHash }: { readonly height: number; readonly blockHash: Uint8Array },
  { height: size, historyRoot: root }: Attested,
  path: readonly Uint8Array[],
): boolean {
  return verifyInclusion(sha256, { blockHash, index: height - 1, size, root }, path);
}

function invalid(reason: string, cause?: unknown): ClientError {
  return new ClientError("checkpoint_invalid", `the checkpoint does not hold: ${reason}`, {}, cause);
}

function forked(reason: string): ClientError {
  return new ClientError("history_forked", `${reason}: the history has been changed, or is of another cluster`);
}
