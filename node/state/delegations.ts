/**
 * Delegates: keys that may debit accounts of an authority, up to a limit a day, and nothing else. One row a key and
 * ledger. A day is a UTC day of log time; what a delegate spent today stands in the row.
 */
import { must } from "../base/assert.ts";
import { nameOf, u128Bytes } from "../base/bytes.ts";
import { DELEGATIONS_MAX } from "../base/limits.ts";
import { DebitAllowance } from "../ledger/debit-allowance.ts";
import type { GrantDelegateBody } from "../wire/kinds.ts";
import { boolean, bytes, type Schema, safeInteger, tuple, u32, u64, u128 } from "../wire/schema.ts";
import { Table } from "./table.ts";

const NS_PER_SECOND = 1_000_000_000n;
const NS_PER_DAY: bigint = 86_400n * NS_PER_SECOND;

/** What was granted to a key in one ledger. */
export interface Delegation extends GrantDelegateBody {
  /** Whose accounts it may debit. */
  readonly authority: number;
  readonly revoked: boolean;
  /** The day of the last debit, counted from the epoch. */
  readonly day: number;
  /** What was debited on that day. */
  readonly spent: bigint;
}

const rowSchema = tuple(u32, bytes(32), u32, u128, u128, u64, boolean, safeInteger, u128);
const decodeRow: Schema<Delegation> = (value, path) => {
  const [authority, key, ledger, account, dailyLimit, expiresAt, revoked, day, spent] = rowSchema(value, path);
  return { authority, key, ledger, account, dailyLimit, expiresAt, revoked, day, spent };
};

export class Delegations {
  readonly table: Table<Delegation> = new Table("delegations", 64, {
    encode: ({ authority, key, ledger, account, dailyLimit, expiresAt, revoked, day, spent }) => [
      ...[authority, key, ledger, u128Bytes(account), u128Bytes(dailyLimit), expiresAt, revoked, day, u128Bytes(spent)],
    ],
    decode: decodeRow,
  });
  /** Slots by key, also of keys that are revoked: those never come back. */
  readonly #slotsOfKey = new Map<string, number[]>();
  /** Slots by authority, without the revoked. */
  readonly #slotsOfAuthority = new Map<number, Set<number>>();

  /** Whether a key is a delegate's, or was. */
  isKnown(key: Uint8Array): boolean {
    return this.#slotsOfKey.has(nameOf(key));
  }

  /** The authority for which a key may debit; undefined for one that may not, or not any more. */
  authorityOf(key: Uint8Array): number | undefined {
    const row = this.#ofKey(key)[0];
    return row === undefined || row.revoked ? undefined : row.authority;
  }

  /** All that an authority has granted and not revoked. */
  of(authority: number): readonly Delegation[] {
    return [...(this.#slotsOfAuthority.get(authority) ?? [])].map((slot) => this.table.row(slot));
  }

  /** Grants to a key that is new or a delegate of this authority; false when the authority has too many. */
  grant(authority: number, body: GrantDelegateBody): boolean {
    const slot = this.#slots(body.key).find((known) => this.table.row(known).ledger === body.ledger);
    if (slot !== undefined) {
      const { revoked, day, spent } = this.table.row(slot);
      this.table.replace(slot, { authority, revoked, day, spent, ...body, key: body.key.slice() });
      return true;
    }
    if ((this.#slotsOfAuthority.get(authority)?.size ?? 0) >= DELEGATIONS_MAX) return false;
    // A copy: what comes in is a view into the whole block.
    const row = { authority, revoked: false, day: 0, spent: 0n, ...body, key: body.key.slice() };
    this.#enter(row, this.table.add(row));
    return true;
  }

  /** Takes all from a key, for good. */
  revoke(key: Uint8Array): void {
    for (const slot of this.#slots(key)) {
      const row = this.table.row(slot);
      this.table.replace(slot, { ...row, revoked: true });
      this.#slotsOfAuthority.get(row.authority)?.delete(slot);
    }
  }

  /** What a delegate may debit now. */
  allowance(key: Uint8Array, now: bigint): DebitAllowance {
    const rows = this.#ofKey(key);
    const { authority } = must(rows[0], "the key is no delegate's");
    const limits = rows
      .filter(({ revoked, expiresAt }) => !revoked && now < expiresAt * NS_PER_SECOND)
      .map((row) => ({ ledger: row.ledger, account: row.account, amount: leftOf(row, now) }));
    return new DebitAllowance(authority, limits);
  }

  /** Enters what a delegate has spent of its allowance. */
  spend(key: Uint8Array, allowance: DebitAllowance, now: bigint): void {
    for (const slot of this.#slots(key)) {
      const row = this.table.row(slot);
      const spent = allowance.spent(row.ledger);
      if (spent > 0n) this.table.replace(slot, { ...row, day: dayOf(now), spent: spentOf(row, now) + spent });
    }
  }

  restored(): void {
    this.#slotsOfKey.clear();
    this.#slotsOfAuthority.clear();
    for (const [slot, row] of this.table.rows().entries()) this.#enter(row, slot);
  }

  #enter({ key, authority, revoked }: Delegation, slot: number): void {
    const name = nameOf(key);
    this.#slotsOfKey.set(name, [...(this.#slotsOfKey.get(name) ?? []), slot]);
    if (revoked) return;
    const slots = this.#slotsOfAuthority.get(authority) ?? new Set();
    this.#slotsOfAuthority.set(authority, slots.add(slot));
  }

  #slots(key: Uint8Array): readonly number[] {
    return this.#slotsOfKey.get(nameOf(key)) ?? [];
  }

  #ofKey(key: Uint8Array): readonly Delegation[] {
    return this.#slots(key).map((slot) => this.table.row(slot));
  }
}

/** Of what was debited under a grant, that of today. */
export function spentOf({ day, spent }: Pick<Delegation, "day" | "spent">, now: bigint): bigint {
  return day === dayOf(now) ? spent : 0n;
}

function leftOf(row: Delegation, now: bigint): bigint {
  const spent = spentOf(row, now);
  // A limit that was lowered may lie below what was spent already.
  return spent < row.dailyLimit ? row.dailyLimit - spent : 0n;
}

function dayOf(now: bigint): number {
  return Number(now / NS_PER_DAY);
}
