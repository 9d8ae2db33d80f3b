/**
 * Taking a backup of a running cluster: from one node, page by page and block by block, up to a height that a quorum has
 * signed and that holds everything acknowledged before the backup began. Nothing of it is the node's word alone: the blocks
 * chain up to the hash that a quorum has signed, and the pages have the root that a quorum has signed.
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { equalBytes, toHex } from "../../node/base/bytes.ts";
import { CodedError } from "../../node/base/errors.ts";
import { ask } from "../../node/client/ask.ts";
import { checkCheckpoint, isOfQuorum } from "../../node/client/checkpoints.ts";
import { type ClusterFile, encodeCheckpoint, QuorateClient, type Signer } from "../../node/client/index.ts";
import { missingSignatures } from "../../node/client/missing-signatures.ts";
import { voterTrust } from "../../node/client/receipt-check.ts";
import { replaceText } from "../../node/host/files.ts";
import { sha256 } from "../../node/host/node-crypto.ts";
import type { OfferedState } from "../../node/replica/offered-state.ts";
import { checkpointSigners, compareKeys, equalAttested, type SignedCheckpoint } from "../../node/wire/attestation.ts";
import { decodeBlock } from "../../node/wire/block.ts";
import { genesisHash } from "../../node/wire/genesis.ts";
import { pack } from "../../node/wire/msgpack.ts";
import { encodeSignedState } from "../../node/wire/state-root.ts";
import { makePrivateDirectory } from "../../storage/private-directory.ts";
import { fetchPages, offeredState } from "../audit/fetch-state.ts";
import { type Statement, statementOf } from "../audit/statements.ts";
import { clusterStatus } from "../node-status.ts";
import { softwareVersion } from "../software.ts";
import { formatManifest, MANIFEST_FILE, type Manifest } from "./manifest.ts";
import { FILE_NAME, RecordFiles } from "./record-files.ts";

const POLL_MS = 500;
const UNFINISHED = `${MANIFEST_FILE}.new`;

export interface BackupJob {
  readonly cluster: ClusterFile;
  readonly signer: Signer;
  /** New, empty, or with what a backup that was cut short has left there. */
  readonly directory: string;
  /** From whom; without it a node that does not lead, where there is one. */
  readonly node?: number | undefined;
  /** Begin with the pages of a checkpoint although the node has the whole log. */
  readonly fromCheckpoint: boolean;
  /** How long signatures of a quorum are waited for, which come together within some seconds, and a node that lags. */
  readonly waitMs: number;
  readonly onProgress: (text: string) => void;
}

/** Takes a backup; throws `CodedError` `dir_not_empty`, `checkpoint_unavailable`, `checkpoint_invalid`, or what the nodes refuse it with. */
export async function takeBackup(job: BackupJob): Promise<Manifest> {
  clearRemains(job.directory);
  const node = job.node ?? (await sourceOf(job));
  const nodes = job.cluster.nodes.filter(({ id }) => id === node);
  if (nodes.length === 0) throw new CodedError("usage", `the cluster file has no node ${node}`);
  const client = await QuorateClient.openReader({ cluster: { ...job.cluster, nodes }, signer: job.signer });
  try {
    const { height } = await ask(client, { type: "checkpoint" });
    const offered = await checkpointFor(job, client);
    const pages = offered === undefined ? [] : await writePages(job, client, offered);
    const end = await agreedEnd(job, Math.max(height, offered?.signed.height ?? 1));
    const log = await writeLog(job, client, { offered, end });
    const manifest: Manifest = {
      ...{ software: softwareVersion(), cluster: job.cluster, node, height: end.height },
      ...{ blockHash: toHex(end.blockHash), stateDigest: toHex(end.digest), end: encodeCheckpoint(end) },
      checkpoint:
        offered === undefined
          ? undefined
          : { signed: encodeSignedState(offered.signed), components: offered.components },
      files: [...pages, ...log],
    };
    // It makes it a backup, in one step, when all else is durable.
    replaceText(join(job.directory, MANIFEST_FILE), formatManifest(manifest));
    return manifest;
  } finally {
    client.close();
  }
}

/** A node that is up; one that does not lead, so that the leader goes on undisturbed. */
async function sourceOf({ cluster, signer }: BackupJob): Promise<number> {
  const up = (await clusterStatus(cluster, signer)).filter(({ reachable }) => reachable);
  const [best] = up.sort((a, b) => Number(a.role === "leader") - Number(b.role === "leader") || b.height - a.height);
  if (best !== undefined) return best.id;
  throw new CodedError("unavailable", "no node of the cluster answers");
}

/** Makes the directory, and takes away what a backup that was cut short has left; throws where anything else is there. */
function clearRemains(directory: string): void {
  makePrivateDirectory(directory);
  const names = readdirSync(directory);
  if (names.some((name) => name !== UNFINISHED && !FILE_NAME.test(name))) {
    throw new CodedError("dir_not_empty", `${directory} is not empty: choose a new directory`, { directory });
  }
  for (const name of names) rmSync(join(directory, name));
}

/** The checkpoint that a backup begins with: none where the node has the whole log, unless one is asked for. */
async function checkpointFor(
  { cluster, fromCheckpoint }: BackupJob,
  client: QuorateClient,
): Promise<OfferedState | undefined> {
  if (fromCheckpoint) return await offeredState(client, cluster);
  try {
    await ask(client, { type: "blocks", from: 1 }, "local");
    return undefined;
  } catch (error) {
    if (error instanceof CodedError && error.code === "block_compacted") return await offeredState(client, cluster);
    throw error;
  }
}

async function writePages({ directory, onProgress }: BackupJob, client: QuorateClient, offered: OfferedState) {
  const files = new RecordFiles(directory, "pages", 0);
  const total = offered.components.reduce((sum, { pages }) => sum + pages, 0);
  let done = 0;
  await fetchPages(client, offered, (name, page, bytes) => {
    files.add(pack([name, page, bytes]));
    done += 1;
    onProgress(`page ${done} of ${total}`);
  });
  return files.close();
}

/**
 * What a quorum has signed of the log at `atLeast` or above: a checkpoint that the nodes agreed on, or, where nobody writes,
 * what each of them signs of the state in which all stand.
 */
async function agreedEnd(job: BackupJob, atLeast: number): Promise<SignedCheckpoint> {
  const { cluster, signer, onProgress, waitMs } = job;
  const giveUpAt = performance.now() + waitMs;
  for (;;) {
    const asked = await Promise.allSettled(cluster.nodes.map(({ id }) => statementOf({ cluster, signer }, id)));
    const statements = asked.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    const together = statements
      .map(({ own }) => signedAlike(own, statements))
      .filter(({ height }) => height >= atLeast);
    const agreed = statements.flatMap((one) => one.agreed ?? []).filter(({ height }) => height >= atLeast);
    const candidates = [...agreed, ...together.filter((one) => isOfQuorum(cluster, one))];
    const [best] = candidates.sort((a, b) => b.height - a.height);
    // As whoever reads the backup will check it: what would be refused then is not written.
    if (best !== undefined) return checkCheckpoint(cluster, encodeCheckpoint(best));
    if (performance.now() >= giveUpAt) {
      const signed = together.map((one) => checkpointSigners(one, voterTrust(cluster)));
      const [most = []] = signed.sort((a, b) => b.length - a.length);
      const missing = missingSignatures(cluster, most);
      throw new CodedError(
        "checkpoint_unavailable",
        `no quorum has signed a state at height ${atLeast} or above: ${missing}`,
      );
    }
    onProgress(`waiting for the signatures of a quorum at height ${atLeast}`);
    await sleep(POLL_MS);
  }
}

/** A state that a node stands in, with the signatures of all that stand in it. */
function signedAlike(own: SignedCheckpoint, statements: readonly Statement[]): SignedCheckpoint {
  const alike = statements.filter((other) => equalAttested(other.own, own)).flatMap((other) => other.own.signatures);
  return { ...own, signatures: alike.sort((a, b) => compareKeys(a.nodeKey, b.nodeKey)) };
}

interface Span {
  readonly offered: OfferedState | undefined;
  readonly end: SignedCheckpoint;
}

/** The blocks behind the checkpoint, or all; each follows the one before, and the last is the one that a quorum has signed. */
async function writeLog(job: BackupJob, client: QuorateClient, { offered, end }: Span) {
  const { cluster, directory, waitMs, onProgress } = job;
  const start = offered?.signed.height ?? 0;
  const files = new RecordFiles(directory, "log", start + 1);
  // The block of the checkpoint is bound by its pages, which say which block comes next.
  let previous = offered === undefined ? genesisHash(sha256, cluster.genesis) : undefined;
  let height = start;
  let heardAt = performance.now();
  while (height < end.height) {
    const { blocks } = await ask(client, { type: "blocks", from: height + 1 }, "local");
    if (blocks.length > 0) heardAt = performance.now();
    else if (performance.now() - heardAt < waitMs) await sleep(POLL_MS);
    else throw wrongLog(`the node has no block ${height + 1}, which a quorum has signed`);
    for (const encoded of blocks.slice(0, end.height - height)) {
      const { header, hash } = decodeBlock(sha256, encoded);
      const follows = previous === undefined || equalBytes(header.previousHash, previous);
      if (header.height !== height + 1 || !follows) throw wrongLog(`block ${height + 1} does not follow`);
      files.add(encoded);
      previous = hash;
      height += 1;
    }
    onProgress(`block ${height} of ${end.height}`);
  }
  if (previous !== undefined && !equalBytes(previous, end.blockHash)) {
    throw wrongLog(`block ${end.height} is not the one that a quorum has signed`);
  }
  return files.close();
}

function wrongLog(reason: string): CodedError {
  return new CodedError(
    "checkpoint_invalid",
    `the node's log does not hold: ${reason}; take the backup from another node`,
  );
}
