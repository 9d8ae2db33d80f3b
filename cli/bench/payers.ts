/**
 * Payers for the signed load: each with a key, an authority, an account and a session of its own.
 */
import { randomBytes } from "node:crypto";
import { CodedError } from "../../node/base/errors.ts";
import { newKey, type QuorateClient, type Signer, sha256 } from "../../node/client/index.ts";
import { encodeAccounts, encodeTransfers, type TransferInput, transferFlags } from "../../node/ledger/records.ts";
import { signTransaction } from "../../node/wire/transaction.ts";
import { nativeSigner } from "../native-signer.ts";
import { pooled } from "./pooled.ts";
import { accepted, type Target } from "./target.ts";

/** The currency in which they pay. */
export const LEDGER = 978;
const CODE = 1;
const REGISTRATIONS_IN_FLIGHT = 64;
/** From the signing on; the cluster takes no more than ten minutes. */
export const LIFETIME_SECONDS = 500;
const LIFETIME_NS: bigint = BigInt(LIFETIME_SECONDS) * 1_000_000_000n;
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
    const batch = encodeAccounts([{ id: this.account, ledger: LEDGER, code: CODE }]);
    return this.#next({ kind: "createAccounts", batch });
  }

  /** A signed transfer of one minor unit to another account. */
  pay(id: bigint, creditAccountId: bigint): Uint8Array {
    return this.#transfer({ id, creditAccountId });
  }

  /** The first phase of one: the unit is held. */
  hold(id: bigint, creditAccountId: bigint): Uint8Array {
    return this.#transfer({ id, creditAccountId, flags: transferFlags.pending });
  }

  /** The second phase: what `pendingId` holds is moved. */
  post(id: bigint, pendingId: bigint, creditAccountId: bigint): Uint8Array {
    return this.#transfer({ id, creditAccountId, pendingId, flags: transferFlags.postPendingTransfer });
  }

  /** A payment of one minor unit from wallet to wallet, which risk judges and which is captured at once. */
  payByWallet(id: bigint, payee: bigint): Uint8Array {
    const body = { id, payer: this.account, payee, amount: 1n, ledger: LEDGER, channel: "wallet" } as const;
    return this.#next({ kind: "createPayment", body: { ...body, capture: "automatic" } });
  }

  #transfer(fields: TransferInput): Uint8Array {
    const transfer = { debitAccountId: this.account, amount: 1n, ledger: LEDGER, code: CODE, ...fields };
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

/** Registers payers and opens their sessions and accounts; the accounts have the numbers from 1 on. */
export async function openPayers(target: Target, count: number): Promise<readonly Payer[]> {
  const { clusterId } = target.cluster;
  const payers = Array.from({ length: count }, (_, index) => new Payer(BigInt(index + 1), clusterId));
  const admin = await target.connect(0);
  const lane = await target.lane(0);
  const all = async (act: (payer: Payer) => Promise<unknown>): Promise<void> =>
    await pooled(payers, REGISTRATIONS_IN_FLIGHT, async (payer) => {
      await act(payer);
    });
  try {
    await all(async (payer) => await registerPayer(admin, payer));
    await all(async (payer) => await accepted(lane, payer.open()));
    await all(async (payer) => await accepted(lane, payer.openAccount()));
  } finally {
    admin.close();
    lane.close();
  }
  return payers;
}

/** Enters a payer's key into the registry, with the right to open accounts. */
async function registerPayer(admin: QuorateClient, payer: Payer): Promise<void> {
  const body = {
    name: `payer-${payer.account}`,
    keys: [payer.publicKey],
    threshold: 1,
    roles: ["participant"],
  } as const;
  const { result } = await admin.submit({ kind: "createAuthority", body });
  if (result.status !== "ok") throw new CodedError(result.status, `a payer was not registered: ${result.status}`);
}
