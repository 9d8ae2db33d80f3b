/**
 * Risk as part of the replicated state: rules a currency, a running window a payer and currency, the block list.
 *
 * A payment counts towards its payer's window whatever its verdict: a burst of declined attempts is itself a signal.
 * A payment whose own time lies before the payer's window is judged in the present window and does not move it back.
 */
import { u128Bytes } from "../../base/bytes.ts";
import type { BlockPayerBody } from "../../wire/kinds.ts";
import { boolean, integer, type Schema, safeInteger, tuple, u32, u64, u128 } from "../../wire/schema.ts";
import { type StateTable, Table } from "../table.ts";
import { type Decision, decide, type RiskRules, windowStart } from "./rules.ts";

interface PayerWindow {
  readonly ledger: number;
  readonly payer: bigint;
  /** Start of the window, seconds since the epoch. */
  readonly start: bigint;
  readonly count: number;
  readonly amount: bigint;
}

const ledgerNumber = integer(1, 0xffff_ffff);

const rulesSchema = tuple(ledgerNumber, u128, u128, integer(1, 31_536_000), u32, u32, u128);
const decodeRules: Schema<RiskRules> = (value, path) => {
  const [ledger, reviewAmount, declineAmount, velocityWindowSeconds, reviewCount, declineCount, velocityDeclineAmount] =
    rulesSchema(value, path);
  const counts = { velocityReviewCount: reviewCount, velocityDeclineCount: declineCount };
  return { ledger, reviewAmount, declineAmount, velocityWindowSeconds, ...counts, velocityDeclineAmount };
};

function encodeRules(rules: RiskRules): unknown[] {
  const { ledger, reviewAmount, declineAmount, velocityWindowSeconds } = rules;
  const { velocityReviewCount, velocityDeclineCount, velocityDeclineAmount } = rules;
  const amounts = [u128Bytes(reviewAmount), u128Bytes(declineAmount)];
  const counts = [velocityReviewCount, velocityDeclineCount];
  return [ledger, ...amounts, velocityWindowSeconds, ...counts, u128Bytes(velocityDeclineAmount)];
}

const windowSchema = tuple(ledgerNumber, u128, u64, safeInteger, u128);
const decodeWindow: Schema<PayerWindow> = (value, path) => {
  const [ledger, payer, start, count, amount] = windowSchema(value, path);
  return { ledger, payer, start, count, amount };
};

const blockSchema = tuple(u128, boolean);
const decodeBlock: Schema<BlockPayerBody> = (value, path) => {
  const [payer, blocked] = blockSchema(value, path);
  return { payer, blocked };
};

/** A payment as risk sees it. */
export interface RiskSubject {
  readonly ledger: number;
  readonly payer: bigint;
  readonly amount: bigint;
  /** The payment's own time, seconds since the epoch. */
  readonly seconds: bigint;
}

export class Risk {
  readonly #rules = new Table<RiskRules>("riskRules", 16, { encode: encodeRules, decode: decodeRules });
  readonly #windows = new Table<PayerWindow>("riskWindows", 128, {
    encode: (row) => [row.ledger, u128Bytes(row.payer), row.start, row.count, u128Bytes(row.amount)],
    decode: decodeWindow,
  });
  readonly #blocks = new Table<BlockPayerBody>("riskBlocks", 128, {
    encode: (row) => [u128Bytes(row.payer), row.blocked],
    decode: decodeBlock,
  });
  readonly tables: readonly StateTable[] = [this.#rules, this.#windows, this.#blocks];
  readonly #rulesSlot = new Map<number, number>();
  readonly #windowSlot = new Map<number, Map<bigint, number>>();
  readonly #blockSlot = new Map<bigint, number>();

  configure(rules: RiskRules): void {
    const slot = this.#rulesSlot.get(rules.ledger);
    if (slot === undefined) this.#rulesSlot.set(rules.ledger, this.#rules.add(rules));
    else this.#rules.replace(slot, rules);
  }

  block(body: BlockPayerBody): void {
    const slot = this.#blockSlot.get(body.payer);
    if (slot === undefined) this.#blockSlot.set(body.payer, this.#blocks.add(body));
    else this.#blocks.replace(slot, body);
  }

  /** Judges a payment and counts it. */
  assess(subject: RiskSubject): Decision {
    const rulesSlot = this.#rulesSlot.get(subject.ledger);
    const rules = rulesSlot === undefined ? undefined : this.#rules.row(rulesSlot);
    const window = rules === undefined ? undefined : this.#count(subject, rules);
    const blocked = this.isBlocked(subject.payer);
    return decide(rules, subject.amount, { blocked, count: window?.count ?? 0, amount: window?.amount ?? 0n });
  }

  isBlocked(payer: bigint): boolean {
    const slot = this.#blockSlot.get(payer);
    return slot !== undefined && this.#blocks.row(slot).blocked;
  }

  rules(): readonly RiskRules[] {
    return this.#rules.rows();
  }

  blocked(): readonly bigint[] {
    return this.#blocks.rows().flatMap((row) => (row.blocked ? [row.payer] : []));
  }

  restored(): void {
    this.#rules.rows().forEach((row, slot) => {
      this.#rulesSlot.set(row.ledger, slot);
    });
    this.#windows.rows().forEach((row, slot) => {
      this.#slots(row.ledger).set(row.payer, slot);
    });
    this.#blocks.rows().forEach((row, slot) => {
      this.#blockSlot.set(row.payer, slot);
    });
  }

  #count(subject: RiskSubject, rules: RiskRules): PayerWindow {
    const { ledger, payer, amount } = subject;
    const slots = this.#slots(ledger);
    const start = windowStart(subject.seconds, rules.velocityWindowSeconds);
    const slot = slots.get(payer);
    if (slot === undefined) {
      const first = { ledger, payer, start, count: 1, amount };
      slots.set(payer, this.#windows.add(first));
      return first;
    }
    const before = this.#windows.row(slot);
    const fresh = start > before.start;
    const after = {
      ledger,
      payer,
      start: fresh ? start : before.start,
      count: fresh ? 1 : before.count + 1,
      // Fits 128 bits for ever: an amount has 64 bits, and nobody makes 2^64 payments.
      amount: fresh ? amount : before.amount + amount,
    };
    this.#windows.replace(slot, after);
    return after;
  }

  #slots(ledger: number): Map<bigint, number> {
    let slots = this.#windowSlot.get(ledger);
    if (slots === undefined) {
      slots = new Map();
      this.#windowSlot.set(ledger, slots);
    }
    return slots;
  }
}
