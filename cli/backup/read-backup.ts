/**
 * Reading a backup back, and believing nothing of it: every file against its hash, the pages against the root that a quorum
 * has signed, and the log executed again, with every signature, up to the state that a quorum has signed.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "../../node/base/bytes.ts";
import { CodedError, errorMessage } from "../../node/base/errors.ts";
import { checkCheckpoint } from "../../node/client/checkpoints.ts";
import { voterTrust } from "../../node/client/receipt-check.ts";
import { sha256 } from "../../node/host/node-crypto.ts";
import { PAGE_BYTES_MAX } from "../../node/replica/checkpoint.ts";
import { checkRoot, checkSignedState, stateOf } from "../../node/replica/offered-state.ts";
import { PageHashes } from "../../node/replica/page-hashes.ts";
import type { Replay } from "../../node/replica/replay.ts";
import type { StateMachine } from "../../node/state/state-machine.ts";
import { unpack } from "../../node/wire/msgpack.ts";
import { bytesBetween, check, safeInteger, text, tuple } from "../../node/wire/schema.ts";
import { replayOf } from "../verify/replay-of.ts";
import { MANIFEST_FILE, type Manifest, parseManifest } from "./manifest.ts";
import { type FileEntry, readRecords } from "./record-files.ts";

const pageSchema = tuple(text(64), safeInteger, bytesBetween(0, PAGE_BYTES_MAX));

/** What a backup was found to be. */
export interface ReadBackup {
  readonly manifest: Manifest;
  /** Transactions of its blocks. */
  readonly transactions: number;
  /** The first thing that does not hold of each file, or else of the whole; empty for a sound backup. */
  readonly problems: readonly string[];
  /** As at the end of the backup, where it is sound. */
  readonly state: StateMachine | undefined;
}

/** Whether a directory is a backup. */
export function isBackup(directory: string): boolean {
  return existsSync(join(directory, MANIFEST_FILE));
}

/** Reads a whole backup; throws `CodedError` where it has no manifest that can be used. */
export function readBackup(directory: string, onProgress: (height: number) => void): ReadBackup {
  const manifest = readManifest(directory);
  const broken = manifest.files.flatMap((entry) => readRecords(directory, entry, () => undefined) ?? []);
  if (broken.length > 0) return { manifest, transactions: 0, problems: broken, state: undefined };
  try {
    return execute(directory, manifest, onProgress);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return { manifest, transactions: 0, problems: [errorMessage(error)], state: undefined };
  }
}

function readManifest(directory: string): Manifest {
  const path = join(directory, MANIFEST_FILE);
  if (existsSync(path)) return parseManifest(readFileSync(path, "utf8"));
  const reason = `${directory} has no ${MANIFEST_FILE}: it is no backup, or one that was cut short`;
  throw new CodedError("backup_damaged", reason, { directory });
}

function execute(directory: string, manifest: Manifest, onProgress: (height: number) => void): ReadBackup {
  const { cluster } = manifest;
  const replay = replayOf(cluster, checkpointState(directory, manifest));
  for (const entry of ofKind(manifest, "log")) {
    mustRead(directory, entry, (block) => {
      replay.apply(block);
      onProgress(replay.state.height);
    });
  }
  const { transactions, state } = replay;
  const problem = replay.problem ?? otherEnd(manifest, replay);
  if (problem !== undefined) return { manifest, transactions, problems: [problem], state: undefined };
  return { manifest, transactions, problems: [], state };
}

/** Where the log ends against what a quorum has signed, and against what the manifest says for people. */
function otherEnd({ cluster, end, height, blockHash, stateDigest }: Manifest, replay: Replay): string | undefined {
  const signed = checkCheckpoint(cluster, end);
  if (signed.height !== replay.state.height) {
    return `the log ends at height ${replay.state.height}, and the backup at ${signed.height}`;
  }
  const difference = replay.difference(signed);
  if (difference !== undefined) return difference;
  const said = height === signed.height && blockHash === toHex(signed.blockHash);
  return said && stateDigest === toHex(signed.digest) ? undefined : "the manifest says another end than was signed";
}

/** The state that the log goes on from; undefined where the backup has it from the first block. */
function checkpointState(directory: string, manifest: Manifest): StateMachine | undefined {
  const { cluster, checkpoint } = manifest;
  if (checkpoint === undefined) return undefined;
  const { components } = checkpoint;
  const signed = checkSignedState(voterTrust(cluster), checkpoint.signed, (signers) => {
    return `good signatures of ${signers.length} of its cluster's voters, which are no quorum`;
  });
  const hashes = new PageHashes(sha256);
  const pages = new Map<string, Uint8Array>();
  for (const entry of ofKind(manifest, "pages")) {
    mustRead(directory, entry, (record) => {
      const [name, page, view] = check(pageSchema, unpack(record), "malformed_checkpoint");
      const bytes = view.slice();
      hashes.take(name, page, bytes);
      pages.set(`${name}/${page}`, bytes);
    });
  }
  const missing = components.find(({ name, pages: count }) =>
    Array.from({ length: count }, (_, page) => page).some((page) => !pages.has(`${name}/${page}`)),
  );
  if (missing !== undefined) throw invalid(`a page of ${missing.name} is missing`);
  const offered = { signed, components };
  checkRoot(hashes, offered);
  return stateOf({ genesis: cluster.genesis, sha256 }, offered, (name, page) => pages.get(`${name}/${page}`));
}

function ofKind({ files }: Manifest, kind: FileEntry["kind"]): readonly FileEntry[] {
  return files.filter((file) => file.kind === kind);
}

/** Reads a file that was sound a moment ago. */
function mustRead(directory: string, entry: FileEntry, take: (record: Uint8Array) => void): void {
  const problem = readRecords(directory, entry, take);
  if (problem !== undefined) throw new CodedError("backup_damaged", problem);
}

function invalid(reason: string): CodedError {
  return new CodedError("checkpoint_invalid", `the pages do not hold: ${reason}`);
}
