/**
 * Whose data this is: written into the store at a node's first start and compared at every other. A node that starts on
 * another's data would vote twice in that one's name, or offer its peers the log of another cluster.
 */
import { StorageError } from "../storage/errors.ts";
import type { LogStore } from "../storage/wal/log-store.ts";
import { equalBytes, toHex } from "./base/bytes.ts";
import { CodedError } from "./base/errors.ts";
import type { LogIndex, NodeId } from "./base/ids.ts";
import type { Store, StoreChange } from "./base/ports/store.ts";
import { pack, unpack } from "./wire/msgpack.ts";
import { bytes, check, integer, type Schema, tuple, u32 } from "./wire/schema.ts";

const KEY = "node/owner";

export interface DataOwner {
  readonly clusterId: Uint8Array;
  readonly node: NodeId;
}

const ownerSchema: Schema<readonly [version: number, clusterId: Uint8Array, node: number]> = tuple(
  integer(1, 1),
  bytes(16),
  u32,
);

/** What marks a store as this owner's. */
export function ownerChange({ clusterId, node }: DataOwner): StoreChange {
  return { key: KEY, value: pack([1, clusterId, node]) };
}

/**
 * Throws `CodedError` `data_foreign` for the data of another node or cluster. Marks a new store; `fail` is told when that
 * cannot be written. The store keeps its writes in order, so the mark is durable before the first term and vote are.
 */
export function claimStore(
  store: Store,
  owner: DataOwner,
  fail: (error: CodedError) => void,
): { readonly isNew: boolean } {
  const isNew = !checkOwner(store, owner);
  if (isNew) {
    store.write([ownerChange(owner)], (error) => {
      if (error !== undefined) fail(error);
    });
  }
  return { isNew };
}

/** Throws `CodedError` `data_foreign` for the data of another node or cluster; false for a store that is nobody's yet. */
export function checkOwner(store: Pick<Store, "get">, owner: DataOwner): boolean {
  const stored = store.get(KEY);
  if (stored === undefined) return false;
  const [, clusterId, node] = check(ownerSchema, unpack(stored), "malformed_body");
  if (!equalBytes(clusterId, owner.clusterId)) {
    throw foreign(`cluster ${toHex(clusterId)}, not to ${toHex(owner.clusterId)}`);
  }
  if (node !== owner.node) throw foreign(`node ${node}, not to node ${owner.node}`);
  return true;
}

/**
 * Throws `CodedError` `store_damaged` for a log whose store is new, and closes it: what the node has voted is lost. To be asked
 * before the store is claimed, which would not be new at the next start.
 */
export function checkLogBesideNewStore(log: LogStore | StorageError): void {
  const lost = lostStore(log instanceof StorageError ? undefined : log.lastIndex());
  if (lost === undefined) return;
  if (!(log instanceof StorageError)) log.close();
  throw lost;
}

/** What a store that is not there, or is new, means beside a log that reaches so far; undefined: it is damaged. */
export function lostStore(lastIndex: LogIndex | undefined): CodedError | undefined {
  if (lastIndex === 0) return undefined;
  const found = lastIndex === undefined ? "is damaged" : `has blocks up to height ${lastIndex}`;
  return new CodedError("store_damaged", `the log ${found}, but the store with the node's term and vote is gone`);
}

/** Whether a store is somebody's: one that is not is new. */
export function isClaimed(store: Pick<Store, "get">): boolean {
  return store.get(KEY) !== undefined;
}

function foreign(whose: string): CodedError {
  return new CodedError("data_foreign", `the data belongs to ${whose}: check the paths in the configuration`);
}
