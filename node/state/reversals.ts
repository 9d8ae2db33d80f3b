/**
 * Reversals: transfers that give back what an earlier one moved, in whole or in part, never more. The ledger's transfers
 * do not change; a reversal names what it corrects in `user_data_128`, under a code of its own, and the sum of them is kept
 * here for each transfer.
 */
import { assert, must } from "../base/assert.ts";
import { u128Bytes, viewOf } from "../base/bytes.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { encodeTransfers, type Transfer, transferFlags } from "../ledger/records.ts";
import { TransferStatus } from "../ledger/status.ts";
import type { ReverseTransferBody } from "../wire/kinds.ts";
import type { Refusal } from "../wire/results.ts";
import { type Schema, tuple, u128 } from "../wire/schema.ts";
import type { Moment } from "./moment.ts";
import type { Payments } from "./payments/payments.ts";
import { TRANSFER_CODES } from "./postings.ts";
import { Table } from "./table.ts";

/** How much of a transfer has been given back. */
interface Reversed {
  readonly transfer: bigint;
  readonly amount: bigint;
}

const rowSchema = tuple(u128, u128);
const decodeRow: Schema<Reversed> = (value, path) => {
  const [transfer, amount] = rowSchema(value, path);
  return { transfer, amount };
};

type RefusedReversal = Extract<Refusal, "not_found" | "not_authorized" | "wrong_state" | "exceeds_original">;

/** Transfers that move nothing: what they hold is voided, not reversed. */
const MOVES_NOTHING: number = transferFlags.pending | transferFlags.voidPendingTransfer;

export class Reversals {
  readonly table: Table<Reversed> = new Table("reversals", 64, {
    encode: ({ transfer, amount }) => [u128Bytes(transfer), u128Bytes(amount)],
    decode: decodeRow,
  });
  readonly #ledger: Ledger;
  readonly #payments: Payments;
  readonly #slotOf = new Map<bigint, number>();

  constructor(ledger: Ledger, payments: Payments) {
    this.#ledger = ledger;
    this.#payments = payments;
  }

  /** How much of a transfer has been given back so far. */
  reversed(transfer: bigint): bigint {
    const slot = this.#slotOf.get(transfer);
    return slot === undefined ? 0n : this.table.row(slot).amount;
  }

  /** Makes the counter transfer, signed by `signer`: the ledger's results for it, or why there is none. */
  reverse(moment: Moment, body: ReverseTransferBody, signer: number): Uint8Array | RefusedReversal {
    const original = this.#ledger.lookupTransfer(body.transfer);
    if (original === undefined) return "not_found";
    // Before anything is said of it: whoever may not give it back learns nothing of the transfer.
    if (this.#ledger.accountAuthority(original.creditAccountId) !== signer) return "not_authorized";
    if ((original.flags & MOVES_NOTHING) !== 0 || this.#isOfPayment(original)) return "wrong_state";
    // A retry, or an id that is somebody else's: the ledger compares it with what is there.
    const isNew = this.#ledger.lookupTransfer(body.id) === undefined;
    if (isNew && body.amount > original.amount - this.reversed(original.id)) return "exceeds_original";
    const batch = encodeTransfers([counterOf(original, body)]);
    const results = this.#ledger.createTransfers(batch, moment.timestamp, signer);
    if (viewOf(results).getUint32(8, true) === TransferStatus.created) this.#add(original.id, body.amount);
    return results;
  }

  /** What must hold after every block. */
  checkInvariants(): void {
    for (const { transfer, amount } of this.table.rows()) {
      const original = must(this.#ledger.lookupTransfer(transfer), `transfer ${transfer} is gone`);
      assert(amount <= original.amount, `more of transfer ${transfer} was reversed than it moved`);
    }
  }

  restored(): void {
    this.table.rows().forEach(({ transfer }, slot) => {
      this.#slotOf.set(transfer, slot);
    });
  }

  /** A payment is settled by what it moved: it is paid back by another payment, never behind its back. */
  #isOfPayment({ id, pendingId, userData128 }: Transfer): boolean {
    const payment = this.#payments.get(userData128);
    return payment !== undefined && payment.hold !== 0n && (payment.hold === id || payment.hold === pendingId);
  }

  #add(transfer: bigint, amount: bigint): void {
    const slot = this.#slotOf.get(transfer);
    if (slot === undefined) this.#slotOf.set(transfer, this.table.add({ transfer, amount }));
    else this.table.replace(slot, { transfer, amount: this.table.row(slot).amount + amount });
  }
}

/** The transfer that takes `body.amount` of another back. */
function counterOf(original: Transfer, { id, amount }: ReverseTransferBody): Partial<Transfer> & Pick<Transfer, "id"> {
  return {
    id,
    debitAccountId: original.creditAccountId,
    creditAccountId: original.debitAccountId,
    amount,
    userData128: original.id,
    ledger: original.ledger,
    code: TRANSFER_CODES.reversal,
  };
}
