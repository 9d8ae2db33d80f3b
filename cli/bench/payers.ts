/**
 * Payers for the signed load: each with a key, an authority, an account and a session of its own.
 */
import { randomBytes } from "node:crypto";
import { CodedError } from "../../node/base/errors.ts";
import { newKey, type QuorateClient, type Signer, sha256 } from "../../node/client/index.ts";
import { encodeAccounts, encodeTransfers } from "../../node/ledger/records.ts";
import { signTransaction } from "../../node/wire/transaction.ts";
import { nativeSigner } from "../native-signer.ts";

const LEDGER = 978;
const CODE = 1;
const LIFETIME_NS = 500_000_000_000n;
const NS_PER_MS = 1_000_000n;

/** Somebody who pays: signs transactions of a session of their own. */
export class Payer {
  readonly account: bigint;
  readonly #session: Uint8Array = new Uint8Array(randomBytes(16));
  readonly #clusterId: Uint8Array;
  readonly #signer: Signer;
  #nextSequence = 0;

  constructor(account: bigint, clusterId: Uint8Array, signer: Signer = nativeSigner(newKey())) {
    this.account = account;
    this.#clusterId = clusterId;
    this.#signer = signer;
  }

  get publicKey(): Uint8Array {
    return this.#signer.publicKey;
  }

  /** The transaction that opens the session; must come first. */
  open(): Uint8Array {
    return this.#next({ kind: "sessionOpen" });
  }

  /** A signed transaction that opens the payer's account. */
  openAccount(): Uint8Array {
    const balances = { debitsPending: 0n, debitsPosted: 0n, creditsPending: 0n, creditsPosted: 0n };
    const user = { userData128: 0n, userData64: 0n, userData32: 0 };
    const account = { id: this.account, ...balances, ...user, ledger: LEDGER, code: CODE, flags: 0, timestamp: 0n };
    return this.#next({ kind: "createAccounts", batch: encodeAccounts([account]) });
  }

  /** A signed payment of one minor unit to another account. */
  pay(id: bigint, creditAccountId: bigint): Uint8Array {
    const user = { userData128: 0n, userData64: 0n, userData32: 0 };
    const rest = { pendingId: 0n, ...user, timeout: 0, ledger: LEDGER, code: CODE, flags: 0, timestamp: 0n };
    const transfer = { id, debitAccountId: this.account, creditAccountId, amount: 1n, ...rest };
    return this.#next({ kind: "createTransfers", batch: encodeTransfers([transfer]) });
  }

  #next(command: Parameters<typeof signTransaction>[3]): Uint8Array {
    const sequence = this.#nextSequence;
    this.#nextSequence += 1;
    const expiry = BigInt(Date.now()) * NS_PER_MS + LIFETIME_NS;
    const placement = { clusterId: this.#clusterId, session: this.#session, sequence, expiry };
    return signTransaction(sha256, this.#signer, placement, command);
  }
}

/** Enters a payer's key into the registry, with the right to open accounts. */
export async function registerPayer(admin: QuorateClient, payer: Payer): Promise<void> {
  const body = {
    name: `payer-${payer.account}`,
    keys: [payer.publicKey],
    threshold: 1,
    roles: ["participant"],
  } as const;
  const { result } = await admin.submit({ kind: "createAuthority", body });
  if (result.status !== "ok") throw new CodedError(result.status, `a payer was not registered: ${result.status}`);
}
