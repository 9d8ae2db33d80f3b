/**
 * A new cluster out of a backup: a new cluster id, new nodes with new identities, and the accounts, transfers, payments,
 * authorities and assets of the backup. What was signed for the old cluster, by its clients or by its nodes, counts for
 * nothing in the new one.
 */
import { CodedError } from "../../node/base/errors.ts";
import { NODE_ID_MAX } from "../../node/base/limits.ts";
import { type InitOptions, type InitResult, initCluster } from "../../node/host/init.ts";
import { sha256 } from "../../node/host/node-crypto.ts";
import { writeRestoredNode } from "../../node/host/restored-node.ts";
import { succeeding, wholeCheckpoint } from "../../node/replica/checkpoint.ts";
import { StateMachine } from "../../node/state/state-machine.ts";
import { clusterIdOf, firstClusterIdOf, type Origin } from "../../node/wire/genesis.ts";
import { readCluster } from "../cluster-access.ts";
import { readBackup } from "./read-backup.ts";

export interface RestoreJob extends Omit<InitOptions, "adminKey" | "restored"> {
  readonly backup: string;
  readonly onProgress: (text: string) => void;
}

export interface Restored extends InitResult {
  readonly origin: Origin;
  /** State digest that the new cluster begins with: the hash of its genesis, which names the origin's. */
  readonly state: StateMachine;
}

/**
 * Checks the whole backup and writes the files of the new cluster; throws `CodedError` `backup_damaged` with the first
 * problem, and as `initCluster`.
 */
export async function restoreCluster({ backup, onProgress, ...options }: RestoreJob): Promise<Restored> {
  const { manifest, problems, state: old } = readBackup(backup, (height) => onProgress(`block ${height}`));
  if (old === undefined) throw new CodedError("backup_damaged", problems.join("; "));
  const { clusterId, genesis: before } = manifest.cluster;
  const firstClusterId = firstClusterIdOf(sha256, before);
  const origin = { clusterId, firstClusterId, height: old.height, blockHash: old.blockHash, digest: old.digest };
  const firstId = old.members.all.length + 1;
  if (firstId + options.addresses.length - 1 > NODE_ID_MAX) {
    throw new CodedError("limit_reached", `the cluster has used ${firstId - 1} of ${NODE_ID_MAX} node ids`);
  }
  const made = initCluster({ ...options, adminKey: before.adminKey, restored: { origin, firstId } });
  const { genesis } = readCluster(made.clusterFile);
  const state = succeeding(old, new StateMachine({ genesis, sha256 }));
  const checkpoint = wholeCheckpoint(state);
  const start = { index: state.height, term: state.term, hash: state.blockHash };
  for (const config of made.configs) {
    onProgress(`writing ${config}`);
    await writeRestoredNode(config, { clusterId: clusterIdOf(sha256, genesis), checkpoint, start });
  }
  return { ...made, origin, state };
}
