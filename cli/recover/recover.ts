/**
 * A cluster whose quorum is gone for good goes on with the nodes that are left. Which of them has most is plain: of logs the
 * one with the highest last term, and of those the longest, has every block that any of them can know to be committed. What
 * the lost nodes had committed among themselves and none of these has is lost.
 */
import { must } from "../../node/base/assert.ts";
import { CodedError } from "../../node/base/errors.ts";
import { isQuorum } from "../../node/base/quorum.ts";
import { randomBytes } from "../../node/client/crypto.ts";
import type { ClusterFile, Signer } from "../../node/client/index.ts";
import { sha256 } from "../../node/host/node-crypto.ts";
import { recoveryBlocks } from "../../node/replica/recovery-blocks.ts";
import type { StateMachine } from "../../node/state/state-machine.ts";
import type { Command } from "../../node/wire/body.ts";
import { decodeResult } from "../../node/wire/results.ts";
import { cosignTransaction, signTransaction } from "../../node/wire/transaction.ts";
import type { WalRecord } from "../../storage/wal/log-store.ts";
import { RESERVE_BYTES } from "../../storage/wal/log-writer.ts";
import { readCluster } from "../cluster-access.ts";
import { updateClusterFile } from "../cluster-members.ts";
import { standing } from "../members.ts";
import type { Survivor } from "./survivor.ts";

/** No node can have been in a term so far above those that the survivors have heard of. */
const TERM_JUMP = 1_000_000;
const LIFETIME_NS = 300_000_000_000n;
const NS_PER_MS = 1_000_000n;
const MEBIBYTE = 1_048_576;

/** What is left, and what will be made of it. */
export interface RecoveryPlan {
  readonly cluster: ClusterFile;
  /** Whose log the cluster goes on from. */
  readonly best: Survivor;
  readonly survivors: readonly Survivor[];
  /** As after the last block of that log. */
  readonly state: StateMachine;
  /** Ids of the nodes that are gone for good; they have left already where a recovery was cut off behind that. */
  readonly lost: readonly number[];
  /** And of those that are left who were to leave before, and do now. */
  readonly leaving: readonly number[];
}

/**
 * Finishes a recovery that was cut short where the nodes that are left are a quorum already: their cluster files name nobody
 * any more that has left.
 */
export function finishRecovery(survivors: readonly Survivor[]): void {
  const best = bestOf(survivors);
  const state = best.state(readCluster(best.node.clusterFile));
  if (isQuorum(state.configuration, (id) => survivors.some((one) => one.id === id))) updateFiles(survivors, state);
}

/**
 * Looks at what is left and changes nothing. Throws `CodedError` `quorum_survives` where there is nothing to recover from,
 * `data_foreign`, `log_unsound`, `log_compacted` or `usage`.
 */
export function planRecovery(survivors: readonly Survivor[]): RecoveryPlan {
  const best = bestOf(survivors);
  const cluster = readCluster(best.node.clusterFile);
  for (const survivor of survivors) survivor.checkOwner(cluster);
  const state = best.state(cluster);
  const ids = new Set(survivors.map(({ id }) => id));
  if (ids.size < survivors.length) throw new CodedError("usage", "a node is given more than once");
  if (isQuorum(state.configuration, (id) => ids.has(id))) {
    const text = "these nodes are a quorum: start them, and they go on by themselves; nothing is lost";
    throw new CodedError("quorum_survives", text);
  }
  // Who is to leave votes until those to come are there: what was agreed on may stand in its log only.
  const { present } = state.members;
  for (const id of ids) {
    if (!present.some((node) => node.id === id))
      throw new CodedError("usage", `node ${id} is not one of the cluster's`);
  }
  const leaving = present.filter(({ id, role }) => role === "removed" && ids.has(id)).map(({ id }) => id);
  if (leaving.length === ids.size) {
    const text = `node ${leaving.join(", ")} was to leave the cluster, and cannot go on alone`;
    throw new CodedError("usage", `${text}: give a node that stays, too, or restore a backup ("quorate restore")`);
  }
  for (const other of survivors) {
    if (other.checkpointHeight > other.commonWith(best)) {
      throw new CodedError("log_unsound", `node ${other.id} has a checkpoint of blocks that node ${best.id} has not`);
    }
  }
  const lost = present.map(({ id }) => id).filter((id) => !ids.has(id));
  return { cluster, best, survivors, state, lost, leaving };
}

function bestOf(survivors: readonly Survivor[]): Survivor {
  const [best] = [...survivors].sort((a, b) => b.term - a.term || b.height - a.height || a.id - b.id);
  if (best === undefined) throw new CodedError("usage", "say which nodes are left");
  return best;
}

export interface Recovered {
  /** Height and term of the last block now. */
  readonly height: number;
  readonly term: number;
}

/**
 * Takes the lost nodes out, signed by an admin or operator, and writes that into the log of each node that is left, which all
 * have the same log then. Throws `CodedError` with the refusal of the state machine or `disk_full`, and has written nothing
 * then, unless a disk has become full meanwhile.
 */
export async function recoverCluster(
  plan: RecoveryPlan,
  signers: readonly Signer[],
  nowMs: number,
): Promise<Recovered> {
  const { cluster, best, survivors, state } = plan;
  const before = state.height;
  const term = Math.max(...survivors.flatMap((each) => [each.term, each.termSeen])) + TERM_JUMP;
  const now = BigInt(nowMs) * NS_PER_MS;
  const transactions = signedBy(plan, signers, now > state.timestamp ? now : state.timestamp);
  const { blocks, results } = recoveryBlocks(sha256, state, { clusterId: cluster.clusterId, term, now, transactions });
  for (const result of results) {
    const { status, what } = decodeResult(result);
    if (status === "ok") continue;
    throw new CodedError(
      status,
      `the change of members is refused: ${status}${typeof what === "string" ? ` (${what})` : ""}`,
    );
  }
  const made = blocks.map(({ header, hash, bytes }): WalRecord => {
    return { index: header.height, term, previousHash: header.previousHash, hash, payload: bytes };
  });
  const missing = (common: number): WalRecord[] => {
    const records: WalRecord[] = [];
    if (common < before) best.records(common, (record) => records.push(record));
    return [...records, ...made];
  };
  // The best is the last: the others get their blocks from it as they were.
  const order = [...survivors.filter((other) => other !== best), best];
  checkRoom(order.map((survivor) => ({ survivor, growth: survivor.growth(missing(survivor.commonWith(best))) })));
  for (const survivor of order) {
    const common = survivor.commonWith(best);
    await survivor.goOn(common, missing(common));
  }
  updateFiles(survivors, state);
  return { height: state.height, term };
}

/** Throws `CodedError` `disk_full` where a disk has no room for what is to be written, and what a log leaves free. */
function checkRoom(all: readonly { readonly survivor: Survivor; readonly growth: number }[]): void {
  for (const device of new Set(all.map(({ survivor }) => survivor.device))) {
    const here = all.filter(({ survivor }) => survivor.device === device);
    const needed = here.reduce((sum, { growth }) => sum + growth, RESERVE_BYTES);
    const free = Math.min(...here.map(({ survivor }) => survivor.freeBytes));
    if (free >= needed) continue;
    const where = here.map(({ survivor }) => survivor.node.data).join(", ");
    const has = `the disk of ${where} has ${Math.floor(free / MEBIBYTE)} MiB free of ${Math.ceil(needed / MEBIBYTE)} that are needed`;
    const what = `make room for ${Math.ceil((needed - free) / MEBIBYTE)} MiB more, and run the command again`;
    throw new CodedError("disk_full", `${has}, and nothing was changed: ${what}`, { free, needed });
  }
}

/** The transactions that make the lost nodes leave and those that are left vote; none where they have been executed. */
function signedBy(
  { cluster, state, survivors, lost }: RecoveryPlan,
  signers: readonly Signer[],
  now: bigint,
): Uint8Array[] {
  const [first, ...others] = signers;
  const signer = must(first, "somebody signs");
  const learners = state.members.all.filter(
    ({ id, role }) => role === "learner" && survivors.some((each) => each.id === id),
  );
  const remove = lost.filter((id) => state.members.all.some((member) => member.id === id && member.role !== "removed"));
  if (remove.length + learners.length === 0) return [];
  const body = { add: [], remove, promote: learners.map(({ id }) => id) };
  const { clusterId } = cluster;
  const placement = { clusterId, session: randomBytes(16), expiry: now + LIFETIME_NS };
  const commands: readonly Command[] = [{ kind: "sessionOpen" }, { kind: "changeMembers", body }];
  return commands.map((command, sequence) => {
    const signed = signTransaction(sha256, signer, { ...placement, sequence }, command);
    return others.reduce((whole, other) => cosignTransaction(sha256, other, clusterId, whole), signed);
  });
}

/**
 * The cluster files of those that are left name nobody any more that has left, and know who votes. No node is marked as a
 * learner: a log may end with what nobody has agreed on.
 */
function updateFiles(survivors: readonly Survivor[], { members, configuration }: StateMachine): void {
  const known = members.all.filter(({ role }) => role !== "learner");
  for (const path of new Set(survivors.map(({ node }) => node.clusterFile)))
    updateClusterFile(path, known, (id) => standing(configuration, id));
}
