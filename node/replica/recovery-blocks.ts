/**
 * The blocks with which a cluster goes on that has lost its quorum for good: those that a leader would make, had the nodes
 * that are gone agreed. The first bears the transactions that take them out; those after it lead the configuration there,
 * step by step, so that whoever gets or executes this log finds nothing in it that another leader could not have written.
 */
import { nextConfiguration } from "../../consensus/raft/configuration.ts";
import type { Sha256 } from "../base/ports/crypto.ts";
import type { StateMachine } from "../state/state-machine.ts";
import { decodeBlock, type EncodedBlock, earliestTimestamp, encodeBlock } from "../wire/block.ts";
import { GROUP } from "../wire/transaction.ts";

export interface Recovery {
  readonly clusterId: Uint8Array;
  /** Above every term that any node can have been in. */
  readonly term: number;
  /** What time it is, nanoseconds. */
  readonly now: bigint;
  readonly transactions: readonly Uint8Array[];
}

export interface RecoveryBlocks {
  readonly blocks: readonly EncodedBlock[];
  /** What the state machine answers to the transactions. */
  readonly results: readonly Uint8Array[];
}

/** Makes the blocks behind the state as it stands, and applies them to it. */
export function recoveryBlocks(sha256: Sha256, state: StateMachine, recovery: Recovery): RecoveryBlocks {
  const blocks: EncodedBlock[] = [];
  const results: Uint8Array[] = [];
  const add = (configuration: StateMachine["configuration"], transactions: readonly Uint8Array[]): void => {
    const { clusterId, term, now } = recovery;
    const earliest = earliestTimestamp(state.timestamp, transactions.length);
    const timestamp = now > earliest ? now : earliest;
    const { release } = state;
    const place = { release, group: GROUP, height: state.height + 1, term, timestamp, clusterId, configuration };
    const block = encodeBlock(sha256, { ...place, previousHash: state.blockHash, state: state.at, transactions });
    results.push(...state.apply(decodeBlock(sha256, block.bytes)).results);
    blocks.push(block);
  };
  add(state.configuration, recovery.transactions);
  for (;;) {
    const next = nextConfiguration(state.configuration, state.members.wanted, () => true);
    if (next === undefined) return { blocks, results };
    add(next, []);
  }
}
