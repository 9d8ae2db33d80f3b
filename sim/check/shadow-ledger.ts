/**
 * A second, naive ledger that follows some accounts: it believes what the results of committed transactions say was
 * created, adds it up by the textbook, and lets holds end when their time is over. A node's balances must equal its own:
 * that finds transfers applied twice or not at all, and holds that outlive their timeout.
 */
import { type Account, decodeTransfers, type Transfer, transferFlags } from "../../node/ledger/records.ts";
import { TransferStatus } from "../../node/ledger/status.ts";
import type { Applied } from "../../node/state/state-machine.ts";
import { housekeepingTimestamp } from "../../node/wire/block.ts";
import { KINDS } from "../../node/wire/kinds.ts";
import { batchResults, decodeResult } from "../../node/wire/results.ts";
import { decodeTransaction } from "../../node/wire/transaction.ts";
import type { Verdict } from "./verdict.ts";

const NS_PER_SECOND = 1_000_000_000n;
/** A block ends the holds that are over at its beginning; within these of its time, it may have or may not. */
const EXPIRY_SLACK_NS = 8_192n;

interface Balances {
  debitsPosted: bigint;
  creditsPosted: bigint;
  debitsPending: bigint;
  creditsPending: bigint;
}

interface Hold {
  readonly transfer: Transfer;
  /** Log time, nanoseconds; undefined for one that never ends by itself. */
  readonly expiresAt: bigint | undefined;
}

export class ShadowLedger {
  readonly #verdict: Verdict;
  readonly #balances: ReadonlyMap<bigint, Balances>;
  readonly #holds = new Map<bigint, Hold>();
  /** Whether some hold may or may not have ended with the last block. */
  #uncertain = false;

  constructor(verdict: Verdict, accounts: readonly bigint[]) {
    this.#verdict = verdict;
    this.#balances = new Map(
      accounts.map((id) => [id, { debitsPosted: 0n, creditsPosted: 0n, debitsPending: 0n, creditsPending: 0n }]),
    );
  }

  /** Called for each height once, in order. */
  block({ block, results, duplicates }: Pick<Applied, "block" | "results" | "duplicates">): void {
    this.#endHolds(housekeepingTimestamp(block.header), block.header.timestamp);
    block.transactions.forEach((encoded, index) => {
      const result = decodeResult(results[index] as Uint8Array);
      if (duplicates[index] === true || result.status !== "ok") return;
      const { kind, body } = decodeTransaction(encoded);
      if (kind !== KINDS.createTransfers) return;
      const outcomes = batchResults(result);
      decodeTransfers(body).forEach((transfer, place) => {
        const outcome = outcomes[place];
        if (outcome?.status === TransferStatus.created) this.#created(transfer, outcome.timestamp);
      });
    });
  }

  /** A node that has applied just the blocks seen here shows these accounts. */
  compare(where: () => string, accounts: readonly Account[]): void {
    for (const account of accounts) {
      const known = this.#balances.get(account.id);
      if (known === undefined) continue;
      this.#verdict.expect(
        account.debitsPosted === known.debitsPosted && account.creditsPosted === known.creditsPosted,
        "balances",
        () =>
          `${where()}: ${text(account.id, "posted", account.debitsPosted, account.creditsPosted)}, not ${text(account.id, "posted", known.debitsPosted, known.creditsPosted)}`,
      );
      this.#verdict.expect(
        this.#uncertain ||
          (account.debitsPending === known.debitsPending && account.creditsPending === known.creditsPending),
        "expiry",
        () =>
          `${where()}: ${text(account.id, "pending", account.debitsPending, account.creditsPending)}, not ${text(account.id, "pending", known.debitsPending, known.creditsPending)}`,
      );
    }
  }

  #endHolds(begin: bigint, end: bigint): void {
    this.#uncertain = false;
    for (const [id, { transfer, expiresAt }] of this.#holds) {
      if (expiresAt === undefined || expiresAt > end) continue;
      if (expiresAt > begin - EXPIRY_SLACK_NS) this.#uncertain = true;
      else {
        this.#holds.delete(id);
        this.#add(transfer, "Pending", -transfer.amount);
      }
    }
  }

  #created(transfer: Transfer, timestamp: bigint): void {
    const { flags, pendingId, timeout, amount, id } = transfer;
    if ((flags & transferFlags.pending) !== 0) {
      const expiresAt = timeout === 0 ? undefined : timestamp + BigInt(timeout) * NS_PER_SECOND;
      this.#holds.set(id, { transfer, expiresAt });
      this.#add(transfer, "Pending", amount);
      return;
    }
    const held = this.#holds.get(pendingId);
    if (held !== undefined) {
      this.#holds.delete(pendingId);
      this.#add(held.transfer, "Pending", -held.transfer.amount);
    }
    if ((flags & transferFlags.voidPendingTransfer) === 0) this.#add(transfer, "Posted", amount);
  }

  #add({ debitAccountId, creditAccountId }: Transfer, kind: "Posted" | "Pending", amount: bigint): void {
    const debit = this.#balances.get(debitAccountId);
    const credit = this.#balances.get(creditAccountId);
    if (debit !== undefined) debit[`debits${kind}`] += amount;
    if (credit !== undefined) credit[`credits${kind}`] += amount;
  }
}

function text(account: bigint, kind: string, debits: bigint, credits: bigint): string {
  return `account ${account} has ${debits} debits and ${credits} credits ${kind}`;
}
