/**
 * What a delegate may still debit: accounts of one authority, in some ledgers, each up to an amount. Transfers take from it
 * one after the other; what a failed transfer or chain had taken is there again for the next one.
 */
import { checkAuthority } from "./authority.ts";
import { checkFields, checkList, type Fields, malformed } from "./fields.ts";
import { transferFlags } from "./records.ts";
import { TransferStatus } from "./status.ts";

/** How much may be debited in a ledger: from `account` only, or with 0 from any account of the authority. */
export interface DebitLimit {
  readonly ledger: number;
  readonly account: bigint;
  /** Minor units. */
  readonly amount: bigint;
}

/** A debit of the delegate's; `transfer` is the number that the transfer will have in the ledger. */
export interface Debit {
  readonly transfer: number;
  readonly authority: number;
  readonly ledger: number;
  readonly account: bigint;
  readonly amount: bigint;
  readonly flags: number;
}

interface Taken {
  readonly transfer: number;
  readonly limit: Limit;
  readonly amount: bigint;
}

interface Limit {
  readonly account: bigint;
  readonly amount: bigint;
  spent: bigint;
}

/** What a delegate may not use: amounts that are known too late, other powers than to debit, times of the past. */
const UNDELEGATED_FLAGS: number =
  transferFlags.balancingDebit |
  transferFlags.balancingCredit |
  transferFlags.closingDebit |
  transferFlags.closingCredit |
  transferFlags.imported;

const LIMIT: Fields = { ledger: 32, account: 128, amount: 128 };

export class DebitAllowance {
  readonly authority: number;
  readonly #limits = new Map<number, Limit>();
  /** In the order of transfers. */
  readonly #taken: Taken[] = [];

  /** Debits accounts of `authority`; one limit a ledger. @throws CodedError `malformed_argument` */
  constructor(authority: number, limits: readonly DebitLimit[]) {
    checkAuthority(authority);
    checkList("limits", limits);
    this.authority = authority;
    for (const limit of limits) {
      checkFields("malformed_argument", "a limit", limit, LIMIT, Object.keys(LIMIT));
      const { ledger, account, amount } = limit;
      if (this.#limits.has(ledger)) throw malformed("malformed_argument", `ledger ${ledger}`, "has two limits");
      this.#limits.set(ledger, { account, amount, spent: 0n });
    }
  }

  /** What may still be debited. */
  get rest(): readonly DebitLimit[] {
    return [...this.#limits].map(([ledger, { account, amount, spent }]) => ({
      ledger,
      account,
      amount: amount - spent,
    }));
  }

  /** What transfers have taken in a ledger. */
  spent(ledger: number): bigint {
    return this.#limits.get(ledger)?.spent ?? 0n;
  }

  /** Takes a debit's amount; the status that stands against it, 0 for none. */
  take({ transfer, authority, ledger, account, amount, flags }: Debit): number {
    this.giveBack(transfer);
    const limit = this.#limits.get(ledger);
    if (authority !== this.authority || limit === undefined) return TransferStatus.debitAccountNotAuthorized;
    if (limit.account !== 0n && limit.account !== account) return TransferStatus.debitAccountNotAuthorized;
    if ((flags & UNDELEGATED_FLAGS) !== 0) return TransferStatus.flagsNotDelegated;
    if (amount > limit.amount - limit.spent) return TransferStatus.exceedsDelegatedLimit;
    limit.spent += amount;
    this.#taken.push({ transfer, limit, amount });
    return 0;
  }

  /** Gives back what was taken for transfers that are not there, after all: the ledger has `transfers` of them. */
  giveBack(transfers: number): void {
    for (let last = this.#taken.at(-1); last !== undefined && last.transfer >= transfers; last = this.#taken.at(-1)) {
      last.limit.spent -= last.amount;
      this.#taken.pop();
    }
  }
}
