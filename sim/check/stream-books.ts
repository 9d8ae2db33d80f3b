/**
 * Books that somebody keeps who knows nothing but the stream of changes: what each change says is added up. When all is at
 * rest they must show what the accounts show.
 */
import type { Account, Transfer } from "../../node/ledger/records.ts";
import type { SeenChangeEvent } from "../../node/state/flat-answers.ts";
import { expectSame } from "./same.ts";
import type { Verdict } from "./verdict.ts";

type Balances = Pick<Account, "debitsPending" | "debitsPosted" | "creditsPending" | "creditsPosted">;

const NOTHING: Balances = { debitsPending: 0n, debitsPosted: 0n, creditsPending: 0n, creditsPosted: 0n };

export class StreamBooks {
  readonly #balances: Map<bigint, Balances>;
  /** Pending transfers that are neither posted nor voided nor expired. */
  readonly #held: Map<bigint, Transfer>;

  constructor(other?: StreamBooks) {
    this.#balances = new Map(other === undefined ? [] : other.#balances);
    this.#held = new Map(other === undefined ? [] : other.#held);
  }

  /** What was handled before a crash is handled again in books that were kept with the cursor. */
  copy(): StreamBooks {
    return new StreamBooks(this);
  }

  handle({ type, transfer }: Pick<SeenChangeEvent, "type" | "transfer">): void {
    if (type === "single_phase") this.#add(transfer, "Posted", transfer.amount);
    else if (type === "two_phase_pending") {
      this.#held.set(transfer.id, transfer);
      this.#add(transfer, "Pending", transfer.amount);
    } else {
      this.#release(type === "two_phase_expired" ? transfer.id : transfer.pendingId);
      if (type === "two_phase_posted") this.#add(transfer, "Posted", transfer.amount);
    }
  }

  /** Fails unless these accounts, which are all there are, stand as the books have them. */
  compare(verdict: Verdict, accounts: readonly Account[]): void {
    for (const account of accounts) {
      const expected = this.#balances.get(account.id) ?? NOTHING;
      expectSame(verdict, "changeStream", account, expected, () => `account ${account.id}, rebuilt from its changes`);
    }
  }

  #release(pendingId: bigint): void {
    const held = this.#held.get(pendingId);
    if (held === undefined) return;
    this.#held.delete(pendingId);
    this.#add(held, "Pending", -held.amount);
  }

  #add({ debitAccountId, creditAccountId }: Transfer, kind: "Posted" | "Pending", amount: bigint): void {
    this.#change(debitAccountId, `debits${kind}`, amount);
    this.#change(creditAccountId, `credits${kind}`, amount);
  }

  #change(id: bigint, what: keyof Balances, amount: bigint): void {
    const before = this.#balances.get(id) ?? NOTHING;
    this.#balances.set(id, { ...before, [what]: before[what] + amount });
  }
}
