/**
 * Executes made-up blocks in a state of their own before a node serves, and takes checkpoints of it: code that has run is
 * compiled. Without it the first seconds after a start are slow, and whoever is elected in them makes all clients wait; so
 * does the first checkpoint, which all nodes take at the same height.
 */
import { BATCH_RECORDS_MAX } from "./base/limits.ts";
import type { Sha256 } from "./base/ports/crypto.ts";
import { NEWEST_RELEASE } from "./base/release.ts";
import { accountBatches, TransferBatches } from "./ledger/flat-batches.ts";
import { FIRST_GENERATION, takeCheckpoint } from "./replica/checkpoint.ts";
import { PageHashes } from "./replica/page-hashes.ts";
import { StateMachine } from "./state/state-machine.ts";
import { decodeBlock, earliestTimestamp, encodeBlock } from "./wire/block.ts";
import type { Command } from "./wire/body.ts";
import { clusterIdOf, type Genesis } from "./wire/genesis.ts";
import { GROUP, signTransaction } from "./wire/transaction.ts";

const SHAPE = { accounts: 4_096, ledger: 978, code: 1 } as const;
const SMALL_TRANSFERS = 128;
const START = 1_700_000_000_000_000_000n;
const SESSION: Uint8Array = new Uint8Array(16).fill(1);
const NODE_KEY: Uint8Array = new Uint8Array(32).fill(1);
const EXPIRY = START + 600_000_000_000n;

/** `publicKey`: any that is a proper one. Goes on as long as `goesOn` says; returns how many transfers were executed. */
export function warmUp(sha256: Sha256, publicKey: Uint8Array, goesOn: () => boolean): number {
  const chain = new MadeUpChain(sha256, publicKey);
  chain.apply([{ kind: "sessionOpen" }]);
  chain.apply([...accountBatches(SHAPE)].map((batch) => ({ kind: "createAccounts", batch })));
  const made = new TransferBatches(SHAPE, 1, 1);
  const transfers = (count: number): Command => ({ kind: "createTransfers", batch: made.next(count) });
  while (goesOn()) {
    chain.apply([transfers(BATCH_RECORDS_MAX)]);
    chain.apply(Array.from({ length: SMALL_TRANSFERS }, () => transfers(1)));
    chain.takeCheckpoint();
  }
  return chain.transferCount;
}

/** Blocks of one session of an admin whose key nobody has: a state is not asked to check signatures. */
class MadeUpChain {
  readonly #sha256: Sha256;
  readonly #publicKey: Uint8Array;
  readonly #state: StateMachine;
  readonly #clusterId: Uint8Array;
  readonly #pages: PageHashes;
  #sequence = 0;

  constructor(sha256: Sha256, publicKey: Uint8Array) {
    const genesis: Genesis = { timestamp: START, nodes: [{ id: 1, publicKey: NODE_KEY }], adminKey: publicKey };
    this.#sha256 = sha256;
    this.#publicKey = publicKey;
    this.#state = new StateMachine({ genesis, sha256 });
    this.#clusterId = clusterIdOf(sha256, genesis);
    this.#pages = new PageHashes(sha256);
  }

  get transferCount(): number {
    return this.#state.ledger.transferCount;
  }

  takeCheckpoint(): void {
    takeCheckpoint(this.#state, FIRST_GENERATION, { tell: this.#pages.take });
  }

  apply(commands: readonly Command[]): void {
    const state = this.#state;
    const place = { group: GROUP, height: state.height + 1, term: 1, clusterId: this.#clusterId };
    const timestamp = earliestTimestamp(state.timestamp, commands.length);
    const { blockHash: previousHash, at, configuration } = state;
    const transactions = commands.map((command) => this.#sign(command));
    const { bytes } = encodeBlock(this.#sha256, {
      ...place,
      ...{ release: NEWEST_RELEASE, builder: 1, timestamp, previousHash, state: at, configuration, transactions },
    });
    state.apply(decodeBlock(this.#sha256, bytes));
  }

  #sign(command: Command): Uint8Array {
    const signer = { publicKey: this.#publicKey, sign: () => new Uint8Array(64) };
    const placement = { clusterId: this.#clusterId, session: SESSION, expiry: EXPIRY, sequence: this.#sequence };
    this.#sequence += 1;
    return signTransaction(this.#sha256, signer, placement, command);
  }
}
