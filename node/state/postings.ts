/**
 * Transfers that the state machine itself makes: holds, captures, voids, settlement. They go through the ledger like any
 * other, as one linked chain (all or nothing), under the system's authority.
 */
import { assert } from "../base/assert.ts";
import { readU128, u128Bytes, utf8, viewOf } from "../base/bytes.ts";
import type { Sha256 } from "../base/ports/crypto.ts";
import { SYSTEM_AUTHORITY } from "../ledger/authority.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { encodeTransfers, type Transfer, transferFlags } from "../ledger/records.ts";
import { TransferStatus, transferStatusName } from "../ledger/status.ts";
import type { Moment } from "./moment.ts";

/** `code` of the transfers that the state machine makes. */
export const TRANSFER_CODES = { wallet: 1, card: 2, settlement: 3, issue: 4, burn: 5, cap: 6, reversal: 7 } as const;

/** What the caller says of a transfer; everything else is zero. */
export type Posting = Pick<Transfer, "id" | "amount" | "ledger" | "code" | "userData128"> &
  Partial<Pick<Transfer, "debitAccountId" | "creditAccountId" | "pendingId" | "flags">>;

export class Postings {
  readonly #ledger: Ledger;
  readonly #sha256: Sha256;

  constructor(ledger: Ledger, sha256: Sha256) {
    this.#ledger = ledger;
    this.#sha256 = sha256;
  }

  /**
   * An id for a transfer of the system's own, unknowable before the block and new with each transaction. `parts` tell
   * its purpose apart.
   */
  transferId(moment: Moment, purpose: string, ...parts: readonly bigint[]): bigint {
    return this.#id(moment, `quorate.transfer.v1\0${purpose}\0`, parts);
  }

  /** The same for an account. */
  accountId(moment: Moment, purpose: string, ...parts: readonly bigint[]): bigint {
    return this.#id(moment, `quorate.account.v1\0${purpose}\0`, parts);
  }

  /** Makes all transfers or none; undefined when done, else the name of the status that stood against it. */
  post(moment: Moment, postings: readonly Posting[]): string | undefined {
    const last = postings.length - 1;
    const transfers = postings.map((posting, index) => ({
      ...BLANK,
      ...posting,
      flags: (posting.flags ?? 0) | (index < last ? transferFlags.linked : 0),
    }));
    const timestamp = moment.takeSlots(transfers.length);
    const results = viewOf(this.#ledger.createTransfers(encodeTransfers(transfers), timestamp, SYSTEM_AUTHORITY));
    let failure: string | undefined;
    for (let i = 0; i < transfers.length; i++) {
      const status = results.getUint32(i * 16 + 8, true);
      if (status === TransferStatus.created) continue;
      if (failure === undefined || status !== TransferStatus.linkedEventFailed) failure = transferStatusName(status);
      if (status !== TransferStatus.linkedEventFailed) break;
    }
    return failure;
  }

  /** As `post`, where a refusal would mean that the state machine has lost count. */
  mustPost(moment: Moment, postings: readonly Posting[]): void {
    const failure = this.post(moment, postings);
    assert(failure === undefined, `the ledger refused a transfer that must succeed: ${failure}`);
  }

  #id(moment: Moment, domain: string, parts: readonly bigint[]): bigint {
    const numbers = [moment.timestamp, ...parts].map(u128Bytes);
    const hash = this.#sha256(utf8(domain), moment.salt, ...numbers);
    // Neither zero nor all ones, which the ledger keeps for itself.
    return (readU128(viewOf(hash), 0) >> 1n) | 1n;
  }
}

const BLANK: Transfer = {
  id: 0n,
  debitAccountId: 0n,
  creditAccountId: 0n,
  amount: 0n,
  pendingId: 0n,
  userData128: 0n,
  userData64: 0n,
  userData32: 0,
  timeout: 0,
  ledger: 0,
  code: 0,
  flags: 0,
  timestamp: 0n,
};
