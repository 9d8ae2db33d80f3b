/**
 * Payers for the signed load: each with a key, an authority, an account and a session of its own. Keys sign through
 * OpenSSL here, so that preparing a hundred thousand payments takes seconds.
 */
import { createPrivateKey, type KeyObject, randomBytes, sign } from "node:crypto";
import { CodedError } from "../../node/base/errors.ts";
import { type KeyPair, newKey, type QuorateClient, type Signer, sha256 } from "../../node/client/index.ts";
import { encodeAccounts, encodeTransfers } from "../../node/ledger/records.ts";
import { signTransaction } from "../../node/wire/transaction.ts";

const LEDGER = 978;
const CODE = 1;
/** PKCS #8 of an Ed25519 key is this and the 32-byte seed (RFC 8410, section 7). */
const PKCS8_PREFIX: Buffer = Buffer.from("302e020100300506032b657004220420", "hex");
const LIFETIME_NS = 500_000_000_000n;
const NS_PER_MS = 1_000_000n;

/** Somebody who pays: signs transactions of a session of their own. */
export class Payer implements Signer {
  readonly publicKey: Uint8Array;
  readonly account: bigint;
  readonly #session: Uint8Array = new Uint8Array(randomBytes(16));
  readonly #clusterId: Uint8Array;
  readonly #key: KeyObject;
  #nextSequence = 0;

  constructor(account: bigint, clusterId: Uint8Array, { seed, publicKey }: KeyPair = newKey()) {
    this.account = account;
    this.publicKey = publicKey;
    this.#clusterId = clusterId;
    this.#key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: "der", type: "pkcs8" });
  }

  sign(message: Uint8Array): Uint8Array {
    return new Uint8Array(sign(null, message, this.#key));
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
    return signTransaction(sha256, this, placement, command);
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
