/**
 * The statement of an account for a period, made of the account's transfers alone: how it stood before, each change in the
 * period with the balances after it, and how it stood at the end.
 *
 * Feed it all transfers of the account from its first one on, oldest first: what it needs of the time before the period are
 * sums and open holds. A hold that runs out of time ends at the very time that it named; the ledger itself releases it with
 * its next block, so its balances may show it a little longer.
 */
import { checkUnsigned, malformed } from "./fields.ts";
import { type Transfer, transferFlags } from "./records.ts";

const NS_PER_SECOND = 1_000_000_000n;

/** How an account stands. */
export interface StatementBalances {
  readonly debitsPending: bigint;
  readonly debitsPosted: bigint;
  readonly creditsPending: bigint;
  readonly creditsPosted: bigint;
}

export type StatementStep = "moved" | "held" | "posted" | "voided" | "expired";

/** Something that happened to the account. */
export interface StatementLine {
  /** Log time, nanoseconds; of an expiry, when the hold's time was over. */
  readonly timestamp: bigint;
  readonly step: StatementStep;
  /** The transfer; of an expiry, the one that held. */
  readonly transfer: Transfer;
  /** Whether the account is debited. */
  readonly debit: boolean;
  /** The balances after it. */
  readonly balances: StatementBalances;
}

interface Hold {
  readonly transfer: Transfer;
  /** When it ends by itself; undefined for never. */
  readonly expiry: bigint | undefined;
}

export class Statement {
  readonly #account: bigint;
  readonly #from: bigint;
  readonly #to: bigint;
  readonly #holds = new Map<bigint, Hold>();
  #balances: StatementBalances = { debitsPending: 0n, debitsPosted: 0n, creditsPending: 0n, creditsPosted: 0n };
  #opening: StatementBalances = this.#balances;
  #newest = 0n;
  /** No hold ends before it; it may itself have ended otherwise. */
  #nextExpiry: bigint | undefined;

  /** For `from <= timestamp < to`, nanoseconds of log time. @throws CodedError `malformed_argument` */
  constructor(account: bigint, from: bigint, to: bigint) {
    checkUnsigned("malformed_argument", "the account", account, 128);
    checkUnsigned("malformed_argument", "from", from, 64);
    checkUnsigned("malformed_argument", "to", to, 64);
    this.#account = account;
    this.#from = from;
    this.#to = to;
  }

  /** How the account stood just before the period. */
  get opening(): StatementBalances {
    return this.#opening;
  }

  /** How it stood after all that was added, and at the end of the period once `end` was called. */
  get closing(): StatementBalances {
    return this.#balances;
  }

  /**
   * Takes the account's next transfer; returns the lines of the period that it brings, with expiries before it.
   *
   * @throws CodedError `malformed_record` for a transfer that cannot be the next one of the account
   */
  add(transfer: Transfer): readonly StatementLine[] {
    const { timestamp } = transfer;
    if (timestamp < this.#newest) throw unfit(transfer, "comes too late: the oldest come first");
    this.#newest = timestamp;
    const lines = this.#expire(timestamp);
    if (timestamp >= this.#to) return lines;
    const { debit, step } = this.#carryOut(transfer);
    return [...lines, ...this.#line({ timestamp, step, transfer, debit })];
  }

  /** Ends the statement: `now` is the log time up to which all transfers were added. */
  end(now: bigint): readonly StatementLine[] {
    return this.#expire(now);
  }

  /** Ends holds whose time is over by `now`, in the order of their ends. */
  #expire(now: bigint): StatementLine[] {
    const until = now < this.#to ? now : this.#to - 1n;
    if (this.#nextExpiry === undefined || this.#nextExpiry > until) return [];
    const due = [...this.#holds.values()].filter(({ expiry }) => expiry !== undefined && expiry <= until);
    due.sort((a, b) => ((a.expiry ?? 0n) < (b.expiry ?? 0n) ? -1 : 1));
    const lines = due.flatMap(({ transfer, expiry }) => {
      const debit = transfer.debitAccountId === this.#account;
      this.#release(transfer);
      return this.#line({ timestamp: expiry ?? 0n, step: "expired", transfer, debit });
    });
    this.#nextExpiry = undefined;
    for (const { expiry } of this.#holds.values()) this.#watch(expiry);
    return lines;
  }

  #carryOut(transfer: Transfer): { readonly debit: boolean; readonly step: StatementStep } {
    const { flags, amount, pendingId } = transfer;
    const debit = transfer.debitAccountId === this.#account;
    if (!debit && transfer.creditAccountId !== this.#account) throw unfit(transfer, "is one of another account");
    if ((flags & transferFlags.pending) !== 0) {
      const expiry = transfer.timeout === 0 ? undefined : transfer.timestamp + BigInt(transfer.timeout) * NS_PER_SECOND;
      this.#holds.set(transfer.id, { transfer, expiry });
      this.#watch(expiry);
      this.#change(debit ? "debitsPending" : "creditsPending", amount);
      return { debit, step: "held" };
    }
    const posts = (flags & transferFlags.postPendingTransfer) !== 0;
    const voids = (flags & transferFlags.voidPendingTransfer) !== 0;
    if (posts || voids) {
      const hold = this.#holds.get(pendingId);
      if (hold === undefined) {
        throw unfit(transfer, "ends a hold that was not there: is the account's history complete?");
      }
      this.#release(hold.transfer);
    }
    if (voids) return { debit, step: "voided" };
    this.#change(debit ? "debitsPosted" : "creditsPosted", amount);
    return { debit, step: posts ? "posted" : "moved" };
  }

  #watch(expiry: bigint | undefined): void {
    if (expiry === undefined || (this.#nextExpiry !== undefined && this.#nextExpiry <= expiry)) return;
    this.#nextExpiry = expiry;
  }

  #release({ id, amount, debitAccountId }: Transfer): void {
    this.#holds.delete(id);
    this.#change(debitAccountId === this.#account ? "debitsPending" : "creditsPending", -amount);
  }

  #change(side: keyof StatementBalances, by: bigint): void {
    this.#balances = { ...this.#balances, [side]: this.#balances[side] + by };
  }

  #line(line: Omit<StatementLine, "balances">): StatementLine[] {
    const balances = this.#balances;
    if (line.timestamp >= this.#from) return [{ ...line, balances }];
    this.#opening = balances;
    return [];
  }
}

function unfit({ id }: Transfer, reason: string): Error {
  return malformed("malformed_record", `transfer ${id}`, reason);
}
