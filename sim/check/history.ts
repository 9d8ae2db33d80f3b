/**
 * What the clients saw and when: the only witness that the rules "linearizability" and "snapshot" believe. Kept by account
 * and by transfer.
 */
import type { Account } from "../../node/ledger/records.ts";
import type { Times } from "../workload/sim-client.ts";
import { type AccountOperation, accountIsLinearizable } from "./account-search.ts";
import { Heights } from "./heights.ts";
import type { Operations, TransferOperation } from "./history-file.ts";
import type { Verdict } from "./verdict.ts";
import { type Linearizability, linearizable, type Model, type Timed } from "./wing-gong.ts";

/** A transfer on its way: which accounts it changes, by how much. */
export interface TransferEffect {
  readonly account: bigint;
  readonly debits: number;
  readonly credits: number;
}

/** A transfer comes into being once, and stays. */
const TRANSFER: Model<boolean, TransferOperation> = {
  initial: false,
  step: (exists, { kind }) => {
    if (kind === "create") return true;
    return exists === (kind === "found") ? exists : undefined;
  },
  reads: ({ kind }) => kind !== "create",
  key: String,
};

const NO_ORDER = "no order explains what the clients saw";
/** A run of which nothing is known has not passed. */
const GIVEN_UP = "the search for an order was given up before it came to an end; nothing says that there is none";

/** An operation whose answer is still to come. */
type Open<O extends Timed> = { -readonly [K in keyof O]: O[K] };

export class History {
  readonly heights: Heights;
  readonly #verdict: Verdict;
  readonly #accounts = new Map<bigint, Set<Open<AccountOperation>>>();
  readonly #transfers = new Map<bigint, Set<Open<TransferOperation>>>();

  /** `usPerMsMax`: true time in a millisecond of the slowest node's clock. */
  constructor(verdict: Verdict, usPerMsMax: number) {
    this.#verdict = verdict;
    this.heights = new Heights(verdict, usPerMsMax);
  }

  /** Transfers are asked for; returns what to call with the outcome: whether they were created. */
  asked(
    ids: readonly bigint[],
    effects: readonly TransferEffect[],
    askedUs: number,
  ): (created: boolean, times: Times) => void {
    const unanswered = { askedUs, answeredUs: Number.POSITIVE_INFINITY };
    const creations = ids.map((id) => {
      return enter<TransferOperation>(this.#transfers, id, { kind: "create", ...unanswered });
    });
    const additions = effects.map(({ account, debits, credits }) => {
      return enter<AccountOperation>(this.#accounts, account, { kind: "add", debits, credits, ...unanswered });
    });
    return (created, { answeredUs }) => {
      for (const { operation, refuse } of [...creations, ...additions]) {
        if (created) operation.answeredUs = answeredUs;
        else refuse();
      }
    };
  }

  /** All accounts of a currency, read at once. */
  readAccounts(accounts: readonly Account[], { lastUs, answeredUs }: Times): void {
    for (const { id, debitsPosted, creditsPosted } of accounts) {
      const balances = { debits: Number(debitsPosted), credits: Number(creditsPosted) };
      enter<AccountOperation>(this.#accounts, id, { kind: "read", ...balances, askedUs: lastUs, answeredUs });
    }
    this.balance(accounts);
  }

  /** All accounts of a currency in one answer, however old: no transfer is half in it. */
  balance(accounts: readonly Account[]): void {
    let posted = 0n;
    let pending = 0n;
    for (const { debitsPosted, creditsPosted, debitsPending, creditsPending } of accounts) {
      posted += debitsPosted - creditsPosted;
      pending += debitsPending - creditsPending;
    }
    this.#verdict.expect(
      posted === 0n && pending === 0n,
      "snapshot",
      () => `a client sees debits minus credits of ${posted} posted and ${pending} pending, in the middle of something`,
    );
  }

  readTransfer(id: bigint, found: boolean, { lastUs, answeredUs }: Times): void {
    const kind = found ? "found" : "missing";
    enter<TransferOperation>(this.#transfers, id, { kind, askedUs: lastUs, answeredUs });
  }

  /** All that was asked, and what was told. */
  get operations(): Operations {
    return { accounts: this.#accounts, transfers: this.#transfers };
  }

  /** Looks for an order of the operations on each transfer and each account; called when the run is over. */
  check(): void {
    for (const [id, operations] of this.#transfers) {
      this.#judge(linearizable([...operations], TRANSFER), `transfer ${id}`, operations.size);
    }
    for (const [id, operations] of this.#accounts) {
      this.#judge(accountIsLinearizable([...operations]), `account ${id}`, operations.size);
    }
  }

  #judge(found: Linearizability, what: string, count: number): void {
    const [rule, why] = found === "unknown" ? ["linearizabilityUnknown", GIVEN_UP] : ["linearizability", NO_ORDER];
    this.#verdict.expect(found === "ok", rule, () => `${count} operations on ${what}: ${why}`);
  }
}

/** Enters an operation; `refuse` takes it out again, as if nobody had asked. */
function enter<O extends Timed>(
  histories: Map<bigint, Set<Open<O>>>,
  id: bigint,
  operation: Open<O>,
): { readonly operation: { answeredUs: number }; readonly refuse: () => void } {
  let history = histories.get(id);
  if (history === undefined) {
    history = new Set();
    histories.set(id, history);
  }
  history.add(operation);
  return { operation, refuse: () => histories.get(id)?.delete(operation) };
}
