/**
 * One client's work: transfers, holds, chains, payments, reads and retries, drawn one after the other. What comes back is
 * written into the history.
 */
import { must } from "../../node/base/assert.ts";
import type { Random } from "../../node/base/ports/random.ts";
import { decodeAccounts, encodeTransfers, type Transfer, transferFlags } from "../../node/ledger/records.ts";
import { TransferStatus } from "../../node/ledger/status.ts";
import { decodeAnswer, encodeQuery, type Query } from "../../node/state/queries.ts";
import type { Command } from "../../node/wire/body.ts";
import type { Consistency } from "../../node/wire/client-frames.ts";
import { batchResults } from "../../node/wire/results.ts";
import type { History, TransferEffect } from "../check/history.ts";
import type { PastStates } from "../check/past-states.ts";
import type { Verdict } from "../check/verdict.ts";
import { between, chance, pick, randomId } from "../draw.ts";
import { LEDGERS } from "./accounts.ts";
import { PAYEE_ACCOUNTS, PAYER_ACCOUNTS, type Purse, transfer } from "./bank.ts";
import type { OperationMix } from "./options.ts";
import type { Receipts, Result } from "./receipts.ts";
import type { Asked, Outcome, SimClient, Times } from "./sim-client.ts";

const PAYMENT_AMOUNT_MAX = 10_000;
const RECENT_MAX = 64;
/** Bounds of stale reads: from such that always ask a quorum to such that seldom do. */
const STALENESS_MS = [0, 5, 50, 500];
/** Transfers that are read are among the last so many: those of which it is news whether they exist. */
const RECENT_READ = 8;

export interface OperationsDeps {
  readonly client: SimClient;
  readonly random: Random;
  readonly history: History;
  readonly receipts: Receipts;
  readonly verdict: Verdict;
  readonly past: PastStates;
  readonly nowUs: () => number;
  readonly nextAmount: () => bigint;
  /** Transfers that somebody asked for lately, of all clients. */
  readonly recent: bigint[];
  /** Payments that wait for a reviewer, of all clients. */
  readonly inReview: bigint[];
}

export interface OperationsOptions {
  readonly purses: readonly Purse[];
  readonly mix: OperationMix;
  /** How the payments come that this client creates. */
  readonly channel: "wallet" | "card";
  /** How many reads of accounts a leader's lease may answer. */
  readonly byLeasePermille: number;
}

type OperationKind = keyof OperationMix;

export class Operations {
  readonly #deps: OperationsDeps;
  readonly #options: OperationsOptions;
  readonly #kinds: readonly OperationKind[];
  /** Transactions with a result, to be asked again. */
  readonly #finished: Uint8Array[] = [];
  readonly #held: Transfer[] = [];
  readonly #authorized: bigint[] = [];

  constructor(deps: OperationsDeps, options: OperationsOptions) {
    this.#deps = deps;
    this.#options = options;
    const weights = Object.entries(options.mix) as [OperationKind, number][];
    this.#kinds = weights.flatMap(([kind, weight]) => Array.from({ length: weight }, () => kind));
  }

  /** Asks for something. */
  next(): void {
    switch (pick(this.#deps.random, this.#kinds)) {
      case "transfer":
        this.#transfers([this.#simpleTransfer()]);
        break;
      case "hold":
        this.#hold();
        break;
      case "chain":
        this.#chain();
        break;
      case "readAccount":
        this.#readAccounts();
        break;
      case "readStale":
        this.#readStale();
        break;
      case "readTransfer":
        this.#readTransfer();
        break;
      case "retry":
        this.#retry();
        break;
      case "payment":
        this.#payment();
        break;
    }
  }

  /** One more transfer, for the end of a run: the cluster must still take it. */
  last(done: () => void): void {
    this.#submit({ kind: "createTransfers", batch: encodeTransfers([this.#simpleTransfer()]) }, done);
  }

  #simpleTransfer(): Transfer {
    const { random } = this.#deps;
    const { ledger, accounts } = pick(random, this.#options.purses);
    const from = random.below(accounts.length);
    const to = (from + between(random, 1, accounts.length - 1)) % accounts.length;
    return transfer({
      id: randomId(random),
      debitAccountId: must(accounts[from], "there is such an account"),
      creditAccountId: must(accounts[to], "there is such an account"),
      amount: this.#deps.nextAmount(),
      ledger,
    });
  }

  /** A hold, or the end of one: posted, voided, or left to expire. */
  #hold(): void {
    const { random } = this.#deps;
    const held = this.#held.length > 0 && chance(random, 600) ? this.#held.shift() : undefined;
    if (held === undefined) {
      const pending = { ...this.#simpleTransfer(), flags: transferFlags.pending, timeout: between(random, 1, 3) };
      this.#transfers([pending], [], () => this.#held.push(pending));
      return;
    }
    const post = chance(random, 700);
    const flags = post ? transferFlags.postPendingTransfer : transferFlags.voidPendingTransfer;
    const end = { ...held, id: randomId(random), pendingId: held.id, flags, timeout: 0 };
    this.#transfers([end], post ? effectsOf([held]) : []);
  }

  /** Two linked transfers, now and then with a second that cannot be. */
  #chain(): void {
    const first = { ...this.#simpleTransfer(), flags: transferFlags.linked };
    const second = this.#simpleTransfer();
    const bad = chance(this.#deps.random, 300);
    this.#transfers([first, bad ? { ...second, creditAccountId: second.debitAccountId } : second]);
  }

  #transfers(transfers: readonly Transfer[], effects = effectsOf(transfers), created: () => void = () => {}): void {
    const ids = transfers.map(({ id }) => id);
    const { history, recent, nowUs } = this.#deps;
    recent.push(...ids);
    if (recent.length > RECENT_MAX) recent.splice(0, recent.length - RECENT_MAX);
    const settle = history.asked(ids, effects, nowUs());
    this.#submit({ kind: "createTransfers", batch: encodeTransfers(transfers) }, (result, times) => {
      const all = batchResults(result).every(({ status }) => status === TransferStatus.created);
      settle(all, times);
      if (all) created();
    });
  }

  /** All accounts of a currency. Where nodes have no leases, what a lease would do asks a quorum. */
  #readAccounts(): void {
    const { random } = this.#deps;
    const { purses, byLeasePermille } = this.#options;
    const ids = pick(random, purses).accounts;
    const done = (answer: Uint8Array, times: Times): void => {
      const { records, height } = decodeAnswer("accounts", answer);
      const accounts = decodeAccounts(records);
      this.#deps.history.heights.read(height, times);
      this.#deps.history.readAccounts(accounts, times);
      this.#deps.past.readAccounts(height, ids, accounts);
      this.#deps.verdict.expect(accounts.length === ids.length, "linearizability", () => "an account is gone");
    };
    this.#query({ type: "accounts", ids }, done, chance(random, byLeasePermille) ? "lease" : "linearizable");
  }

  /** The books must balance in an old answer, too, and it must not be older than it may be. */
  #readStale(): void {
    const { random, history, past } = this.#deps;
    const { accounts: ids } = pick(random, this.#options.purses);
    const maxStalenessMs = pick(random, STALENESS_MS);
    const done = (answer: Uint8Array, times: Times): void => {
      const { records, height } = decodeAnswer("accounts", answer);
      history.heights.readStale(height, times, maxStalenessMs);
      const accounts = decodeAccounts(records);
      history.balance(accounts);
      past.readAccounts(height, ids, accounts);
    };
    this.#query({ type: "accounts", ids }, done, { maxStalenessMs });
  }

  #readTransfer(): void {
    const { random, recent, history } = this.#deps;
    if (recent.length === 0) return;
    const id = pick(random, recent.slice(-RECENT_READ));
    this.#query({ type: "transfers", ids: [id] }, (answer, times) => {
      const { records, height } = decodeAnswer("transfers", answer);
      history.heights.read(height, times);
      history.readTransfer(id, records.length > 0, times);
    });
  }

  /** Asks for a finished transaction once more: the receipts compare the results. */
  #retry(): void {
    if (this.#finished.length === 0) return;
    this.#resubmit(pick(this.#deps.random, this.#finished), () => {});
  }

  #payment(): void {
    const { random } = this.#deps;
    const authorized = chance(random, 300) ? this.#authorized.shift() : undefined;
    if (authorized !== undefined) {
      const kind = chance(random, 700) ? "capturePayment" : "voidPayment";
      this.#submit({ kind, body: { id: authorized } }, () => {});
      return;
    }
    const id = randomId(random);
    const capture = chance(random, 700) ? "automatic" : "manual";
    const payee = pick(random, PAYEE_ACCOUNTS);
    const amount = BigInt(between(random, 1, PAYMENT_AMOUNT_MAX));
    const base = { id, payee, amount, ledger: LEDGERS[0], capture } as const;
    const card = { payer: randomId(random), channel: "card", cardToken: pick(random, CARD_TOKENS) } as const;
    const wallet = { payer: pick(random, PAYER_ACCOUNTS), channel: "wallet" } as const;
    const body = this.#options.channel === "card" ? { ...base, ...card } : { ...base, ...wallet };
    this.#submit({ kind: "createPayment", body }, (result) => {
      if (result["state"] === "review") this.#deps.inReview.push(id);
      if (capture === "manual") this.#authorized.push(id);
    });
  }

  #submit(command: Command, done: (result: Result, times: Times) => void): void {
    const { client, verdict } = this.#deps;
    const transaction = client.sign(command);
    this.#resubmit(transaction, (result, times) => {
      this.#finished.push(transaction);
      if (this.#finished.length > RECENT_MAX) this.#finished.shift();
      if (result.status === "ok") done(result, times);
      // A payment may be refused for what happened to it meanwhile; a batch of transfers never is as a whole.
      else if (command.kind === "createTransfers") verdict.fail("refusals", `transfers were answered ${result.status}`);
    });
  }

  #resubmit(transaction: Uint8Array, done: (result: Result, times: Times) => void): void {
    this.#ask({ kind: "submit", transaction }, (outcome, times) => {
      if (outcome.kind !== "receipt") return;
      const { height, result } = this.#deps.receipts.accept(transaction, outcome.receipt);
      this.#deps.history.heights.told(height, times.answeredUs);
      done(result, times);
    });
  }

  #query(
    query: Query,
    done: (answer: Uint8Array, times: Times) => void,
    consistency: Consistency = "linearizable",
  ): void {
    this.#ask({ kind: "query", query: encodeQuery(query), consistency }, (outcome, times) => {
      if (outcome.kind === "answer") done(outcome.answer, times);
    });
  }

  #ask(asked: Asked, done: (outcome: Outcome, times: Times) => void): void {
    const { client, verdict } = this.#deps;
    client.ask(asked, (outcome, times) => {
      if (outcome.kind === "refused") verdict.fail("refusals", `a ${asked.kind} that makes sense got ${outcome.code}`);
      else done(outcome, times);
    });
  }
}

const CARD_TOKENS = [
  "tok_approve",
  "tok_approve",
  "tok_approve",
  "tok_decline_insufficient_funds",
  "tok_timeout_1",
  "tok_late_1",
];

/** What transfers do to the posted balances, one effect an account. */
function effectsOf(transfers: readonly Transfer[]): readonly TransferEffect[] {
  const effects = new Map<bigint, { account: bigint; debits: number; credits: number }>();
  const of = (account: bigint): { debits: number; credits: number } => {
    const effect = effects.get(account) ?? { account, debits: 0, credits: 0 };
    effects.set(account, effect);
    return effect;
  };
  for (const { debitAccountId, creditAccountId, amount } of transfers) {
    of(debitAccountId).debits += Number(amount);
    of(creditAccountId).credits += Number(amount);
  }
  return [...effects.values()];
}
