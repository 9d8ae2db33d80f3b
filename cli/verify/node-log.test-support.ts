/** A node's log made by hand, for tests that read data directories: blocks of one transaction each, a second apart. */
import { join } from "node:path";
import type { Cipher } from "../../node/base/ports/cipher.ts";
import { type ClusterFile, type Command, keyFromSeed } from "../../node/client/index.ts";
import { ownerChange } from "../../node/data-owner.ts";
import { sha256 } from "../../node/host/node-crypto.ts";
import { StateMachine } from "../../node/state/state-machine.ts";
import { decodeBlock, encodeBlock, type StateAt } from "../../node/wire/block.ts";
import { THREE_VOTERS } from "../../node/wire/configuration.test-support.ts";
import { clusterIdOf, type Genesis } from "../../node/wire/genesis.ts";
import { signTransaction } from "../../node/wire/transaction.ts";
import { NodeDisk } from "../../storage/node-disk.ts";
import { LevelStore } from "../../storage/state/level-store.ts";
import type { WalRecord } from "../../storage/wal/log-store.ts";
import { Wal } from "../../storage/wal/wal.ts";

const ADMIN = keyFromSeed(new Uint8Array(32).fill(7));
const SEGMENT_BYTES = 8 * 1_048_576;

export const START = 1_700_000_000_000_000_000n;
export const SECOND = 1_000_000_000n;

export const GENESIS: Genesis = {
  timestamp: START,
  nodes: [{ id: 1, publicKey: keyFromSeed(new Uint8Array(32).fill(1)).publicKey }],
  adminKey: ADMIN.publicKey,
};
const clusterId = clusterIdOf(sha256, GENESIS);
export const CLUSTER: ClusterFile = { clusterId, genesis: GENESIS, nodes: [] };

/** A command as the admin signs it, in one session. */
export function signed(sequence: number, command: Command): Uint8Array {
  const placement = { clusterId, session: new Uint8Array(16).fill(3), sequence, expiry: START + 300n * SECOND };
  return signTransaction(sha256, ADMIN, placement, command);
}

/** The records of a log whose blocks hold these transactions; `say` changes what a block's leader says of its state. */
export function recordsOf(contents: readonly Uint8Array[], say = (state: StateAt): StateAt => state): WalRecord[] {
  const state = new StateMachine({ genesis: GENESIS, sha256 });
  return contents.map((transaction, place) => {
    const index = place + 1;
    const previousHash = state.blockHash;
    const timestamp = START + BigInt(index) * SECOND;
    const content = { group: 0, height: index, term: 1, timestamp, clusterId, previousHash, state: say(state.at) };
    const { bytes, hash } = encodeBlock(sha256, {
      ...content,
      configuration: THREE_VOTERS,
      transactions: [transaction],
    });
    const record = { index, term: 1, previousHash, hash, payload: bytes };
    state.apply(decodeBlock(sha256, bytes));
    return record;
  });
}

/** Writes a log into a data directory; it begins at its first record. */
export async function writeLog(data: string, records: readonly WalRecord[], cipher?: Cipher): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const options = { segmentBytes: SEGMENT_BYTES, cacheBytes: 0, cipher, onFatal: reject };
    const wal = Wal.open(new NodeDisk(data), "log", options);
    const { index = 1, previousHash = new Uint8Array(32) } = records[0] ?? {};
    if (index > 1) wal.reset({ index: index - 1, term: 1, hash: previousHash }, () => undefined);
    wal.append(records.slice(0, -1), () => {
      // A write of its own: what is before it is durable, and damage there is no torn tail.
      wal.append(records.slice(-1), () => {
        wal.close();
        resolve();
      });
    });
  });
}

/** What a node's store holds from its first start on. */
export async function claimStoreIn(data: string, cipher?: Cipher): Promise<void> {
  const store = await LevelStore.open(join(data, "state"), { cipher });
  await new Promise<void>((succeed, fail) => {
    store.write([ownerChange({ clusterId, node: 1 })], (error) => (error === undefined ? succeed() : fail(error)));
  });
  await store.close();
}
