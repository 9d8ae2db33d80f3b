/**
 * What tests of the state machine share: a chain of blocks that may be replayed, and parties who sign.
 *
 * Signatures are zeros, because the state machine does not look at them: the gateway has done so. Every block is followed
 * by `checkInvariants`, so each test checks them, too.
 */

import { sha256 } from "../../sim/virtual-crypto.ts";
import { toHex, utf8 } from "../base/bytes.ts";
import type { Configuration } from "../base/configuration.ts";
import { FIRST_RELEASE } from "../base/release.ts";
import { type Account, encodeAccounts, encodeTransfers, type Transfer } from "../ledger/records.ts";
import { decodeBlock, earliestTimestamp, encodeBlock } from "../wire/block.ts";
import type { Command } from "../wire/body.ts";
import { THREE_VOTERS } from "../wire/configuration.test-support.ts";
import { clusterIdOf, type Genesis } from "../wire/genesis.ts";
import type { CreatePaymentBody, Role } from "../wire/kinds.ts";
import { decodeResult, type ResultFields } from "../wire/results.ts";
import { cosignTransaction, GROUP, type Placement, signTransaction } from "../wire/transaction.ts";
import type { Applied, StateParts } from "./state-machine.ts";
import { StateMachine } from "./state-machine.ts";

export const EUR = 978;
export const SECOND = 1_000_000_000n;
/** Log time before the first block. */
export const START: bigint = 1_750_000_000n * SECOND;

export type Result = { readonly status: string } & ResultFields;

function keyOf(name: string): Uint8Array {
  return sha256(utf8(`key of ${name}`));
}

export const GENESIS: Genesis = {
  timestamp: START,
  nodes: [1, 2, 3].map((id) => ({ id, publicKey: keyOf(`node-${id}`) })),
  adminKey: keyOf("admin"),
};

export const CLUSTER_ID: Uint8Array = clusterIdOf(sha256, GENESIS);

/** Whoever signs: a key, its authority's number, and a session. */
export class Party {
  readonly name: string;
  readonly authority: number;
  readonly publicKey: Uint8Array;
  readonly session: Uint8Array;
  readonly #chain: Chain;
  #sequence = 0;

  constructor(chain: Chain, name: string, authority: number) {
    this.name = name;
    this.authority = authority;
    this.publicKey = keyOf(name);
    this.session = sha256(utf8(`session of ${name}`)).slice(0, 16);
    this.#chain = chain;
  }

  /** Signs under the next sequence number, or at the place that is given. */
  sign(command: Command, place: Partial<Placement> = {}): Uint8Array {
    const sequence = place.sequence ?? (command.kind === "sessionOpen" ? 0 : ++this.#sequence);
    const expiry = this.#chain.now + 300n * SECOND;
    const placement = { clusterId: CLUSTER_ID, session: this.session, expiry, ...place, sequence };
    const signer = { publicKey: this.publicKey, sign: () => new Uint8Array(64) };
    return signTransaction(sha256, signer, placement, command);
  }

  /** Signs what another party has signed, too. */
  cosign(transaction: Uint8Array): Uint8Array {
    return cosignTransaction(
      sha256,
      { publicKey: this.publicKey, sign: () => new Uint8Array(64) },
      CLUSTER_ID,
      transaction,
    );
  }

  /** Submits a command in a block of its own. */
  submit(command: Command): Result {
    return this.#chain.submit(this.sign(command));
  }

  /** Submits a command that must succeed. */
  must(command: Command): Result {
    const result = this.submit(command);
    if (result.status !== "ok") throw new Error(`${this.name}: ${command.kind} was answered ${JSON.stringify(result)}`);
    return result;
  }
}

export class Chain {
  readonly state: StateMachine;
  /** All blocks so far, encoded, to be replayed. */
  readonly blocks: Uint8Array[] = [];
  readonly admin: Party;
  readonly nodes: readonly Party[];
  /** What the last block did. */
  last: Applied | undefined;
  /** What the next blocks stand under. */
  configuration: Configuration = THREE_VOTERS;
  /** What the next blocks are of. */
  release: number = FIRST_RELEASE;
  /** What time it is for whoever builds the next block, nanoseconds. */
  now: bigint = START;

  constructor(parts: Partial<StateParts> = {}) {
    this.state = machine(parts);
    this.admin = new Party(this, "admin", 1);
    this.nodes = GENESIS.nodes.map(({ id }) => new Party(this, `node-${id}`, id + 1));
    for (const party of [this.admin, ...this.nodes]) party.must({ kind: "sessionOpen" });
  }

  /** Enters an authority with one key, and opens its session. */
  join(name: string, ...roles: readonly Role[]): Party {
    const body = { name, keys: [keyOf(name)], threshold: 1, roles };
    const party = new Party(this, name, Number(this.admin.must({ kind: "createAuthority", body })["id"]));
    party.must({ kind: "sessionOpen" });
    return party;
  }

  /** Builds the next block and applies it. */
  block(transactions: readonly Uint8Array[] = []): Applied {
    const { state } = this;
    const earliest = earliestTimestamp(state.timestamp, transactions.length);
    const timestamp = this.now > earliest ? this.now : earliest;
    const header = { group: GROUP, height: state.height + 1, term: 1, timestamp, clusterId: CLUSTER_ID };
    const { bytes } = encodeBlock(sha256, {
      ...header,
      release: this.release,
      configuration: this.configuration,
      previousHash: state.blockHash,
      state: state.at,
      transactions,
    });
    this.blocks.push(bytes);
    const applied = state.apply(decodeBlock(sha256, bytes));
    this.last = applied;
    if (timestamp > this.now) this.now = timestamp;
    state.checkInvariants();
    return applied;
  }

  /** Lets log time pass, with an empty block at its end. */
  pass(ns: bigint): Applied {
    this.now += ns;
    return this.block();
  }

  submit(transaction: Uint8Array): Result {
    return resultsOf(this.block([transaction]))[0] as Result;
  }
}

/** A state machine that has seen nothing yet. */
export function machine(parts: Partial<StateParts> = {}): StateMachine {
  return new StateMachine({ genesis: GENESIS, sha256, parts });
}

/** What a state machine says after the given blocks. */
export function replay(blocks: readonly Uint8Array[], state: StateMachine = machine()): string {
  for (const bytes of blocks) state.apply(decodeBlock(sha256, bytes));
  return toHex(state.digest);
}

export function resultsOf(applied: Applied): readonly Result[] {
  return applied.results.map(decodeResult);
}

/** Accounts of which only this much is special. */
export function accounts(...special: readonly (Pick<Account, "id"> & Partial<Account>)[]): Command {
  const balances = { debitsPending: 0n, debitsPosted: 0n, creditsPending: 0n, creditsPosted: 0n };
  const userData = { userData128: 0n, userData64: 0n, userData32: 0 };
  const rest = { ledger: EUR, code: 1, flags: 0, timestamp: 0n };
  const records = special.map((account) => ({ ...balances, ...userData, ...rest, ...account }));
  return { kind: "createAccounts", batch: encodeAccounts(records) };
}

type SpecialTransfer = Pick<Transfer, "id" | "debitAccountId" | "creditAccountId" | "amount"> & Partial<Transfer>;

/** Transfers of which only this much is special. */
export function transfers(...special: readonly SpecialTransfer[]): Command {
  const userData = { userData128: 0n, userData64: 0n, userData32: 0 };
  const rest = { pendingId: 0n, timeout: 0, ledger: EUR, code: 1, flags: 0, timestamp: 0n };
  const records = special.map((transfer) => ({ ...userData, ...rest, ...transfer }));
  return { kind: "createTransfers", batch: encodeTransfers(records) };
}

/** A payment of which only this much is special. */
export function payment(special: Partial<CreatePaymentBody> & Pick<CreatePaymentBody, "id">): Command {
  const body = {
    payer: ALICE,
    payee: CORNER_SHOP,
    amount: 100n,
    ledger: EUR,
    capture: "automatic",
    ...special,
  } as const;
  return { kind: "createPayment", body };
}

/** Accounts of the small town: Alice banks with `bank`, the corner shop with `shopBank`. */
export const FUNDS = 1n;
export const HUB = 2n;
export const CLEARING = 3n;
export const BANK_SETTLEMENT = 11n;
export const SHOP_SETTLEMENT = 12n;
export const SCHEME_SETTLEMENT = 13n;
export const ALICE = 101n;
export const BOB = 102n;
export const CORNER_SHOP = 201n;

/** What Alice and Bob start with. */
export const MONEY = 10_000n;
export const HOLD_SECONDS = 3_600;

const MUST_NOT_OVERDRAW = 2;

export interface Town {
  readonly chain: Chain;
  readonly bank: Party;
  readonly shopBank: Party;
  readonly scheme: Party;
}

/** A chain on which wallet and card payments can be made; settlement is not configured. */
export function town(parts: Partial<StateParts> = {}): Town {
  const chain = new Chain(parts);
  const bank = chain.join("bank", "participant");
  const shopBank = chain.join("shop bank", "participant");
  const scheme = chain.join("scheme", "participant");
  const flags = MUST_NOT_OVERDRAW;
  chain.admin.must(accounts({ id: FUNDS }, { id: HUB }));
  bank.must(accounts({ id: BANK_SETTLEMENT, flags }, { id: ALICE, flags }, { id: BOB, flags }));
  shopBank.must(accounts({ id: SHOP_SETTLEMENT, flags }, { id: CORNER_SHOP }));
  scheme.must(accounts({ id: CLEARING }, { id: SCHEME_SETTLEMENT, flags }));
  const funding = [ALICE, BOB].map((creditAccountId, index) => {
    return { id: BigInt(index + 1), debitAccountId: FUNDS, creditAccountId, amount: MONEY };
  });
  chain.admin.must(transfers(...funding));
  const card = { ledger: EUR, clearingAccount: CLEARING, holdSeconds: HOLD_SECONDS };
  chain.admin.must({ kind: "configureCard", body: card });
  return { chain, bank, shopBank, scheme };
}
