/**
 * One who asks for everything that is not plain: batches of all kinds of transfers, imports, digital assets, reversals,
 * frozen accounts, delegates, and transactions with too few signatures. The oracle knows what must come of it; here only
 * the receipts are looked at.
 */
import { equalBytes, U128_MAX } from "../../node/base/bytes.ts";
import type { Random } from "../../node/base/ports/random.ts";
import {
  type AccountInput,
  accountFlags,
  encodeAccounts,
  encodeTransfers,
  type Transfer,
} from "../../node/ledger/records.ts";
import type { Command } from "../../node/wire/body.ts";
import { decodeTransaction, type Signer } from "../../node/wire/transaction.ts";
import type { History } from "../check/history.ts";
import type { Verdict } from "../check/verdict.ts";
import { between, chance, pick, randomId } from "../draw.ts";
import type { Reached } from "../reached.ts";
import { ASSETS, assetAccounts, DESK_ACCOUNTS, LEDGERS, SHOP_ACCOUNT } from "./accounts.ts";
import { PAYER_ACCOUNTS } from "./bank.ts";
import { DeskTransfers } from "./desk-transfers.ts";
import type { ClerkOptions } from "./options.ts";
import type { Receipts, Result } from "./receipts.ts";
import { codeOf, type SimClient } from "./sim-client.ts";

const FINISHED_MAX = 16;
/** An imported record claims a time up to so long ago. */
const IMPORT_AGE_MAX_NS = 20_000_000;
/** What is issued, burned and moved of an asset at most, and caps that are met soon. */
const SUPPLY_AMOUNT_MAX = 60;
const CAPS: readonly bigint[] = [0n, 50n, 100n];
const DAILY_LIMIT_MAX = 300;
const LIMITED: number = accountFlags.debitsMustNotExceedCredits;
const GRANT_SECONDS: readonly bigint[] = [1n, 1_000n];
/** Delegates that have been told to go are told nothing else. */
const REVOKE_PERMILLE = 100;
/** How often what comes again under a known number is another transaction. */
const REUSE_PERMILLE = 300;
/** What that may be answered: its number is taken, or so old that nobody knows. */
const NUMBER_TAKEN: readonly string[] = ["sequence_reused", "sequence_too_old"];

export interface ClerkDeps {
  readonly random: Random;
  readonly history: History;
  readonly receipts: Receipts;
  readonly verdict: Verdict;
  readonly reached: Reached;
  /** What a clock that is right shows, nanoseconds. */
  readonly nowNs: () => bigint;
  /** Has the bank's keys. */
  readonly desk: SimClient;
  readonly cosigner: Signer;
  readonly admin: SimClient;
  readonly shop: SimClient;
  readonly delegates: readonly SimClient[];
  /** The bank's number in the registry. */
  readonly bank: number;
  /** Transfers that the change stream has told of, to be reversed. */
  readonly seen: readonly Transfer[];
}

/** What was answered with a receipt; only what was executed has used up its number. */
interface Finished {
  readonly client: SimClient;
  readonly transaction: Uint8Array;
  readonly isExecuted: boolean;
}

type Ask = keyof ClerkOptions["mix"];

export class Clerk {
  readonly #deps: ClerkDeps;
  readonly #kinds: readonly Ask[];
  readonly #transfers: DeskTransfers;
  readonly #finished: Finished[] = [];
  #reversed: readonly Pick<Transfer, "id" | "amount">[] = [];
  /** Sessions that delegates have opened, or are about to. */
  readonly #sessions = new Map<SimClient, { readonly transaction: Uint8Array; open: boolean }>();

  constructor(deps: ClerkDeps, options: ClerkOptions) {
    this.#deps = deps;
    const weights = Object.entries(options.mix) as [Ask, number][];
    this.#kinds = weights.flatMap(([kind, weight]) => Array.from({ length: weight }, () => kind));
    this.#transfers = new DeskTransfers(deps.random, () => randomId(deps.random), options);
  }

  /** Asks for something, unless the desk has got too far ahead of what it waits for. */
  next(): void {
    const { random, desk } = this.#deps;
    if (desk.isFarAhead) return;
    switch (pick(random, this.#kinds)) {
      case "batch":
        this.#submit(desk, { kind: "createTransfers", batch: encodeTransfers(this.#transfers.batch()) });
        break;
      case "imported":
        this.#import();
        break;
      case "asset":
        this.#asset();
        break;
      case "supply":
        this.#supply();
        break;
      case "reversal":
        this.#reverse();
        break;
      case "freeze":
        this.#freeze();
        break;
      case "delegate":
        this.#delegate();
        break;
      case "tooFewSignatures":
        this.#tooFewSignatures();
        break;
      case "retry": {
        if (this.#finished.length === 0) break;
        const { client, transaction, isExecuted } = pick(random, this.#finished);
        if (isExecuted && chance(random, REUSE_PERMILLE)) this.#reuseNumber(client, transaction);
        else this.#ask(client, transaction);
        break;
      }
    }
  }

  #import(): void {
    const { random, nowNs, desk } = this.#deps;
    const from = nowNs() - BigInt(random.below(IMPORT_AGE_MAX_NS));
    if (chance(random, 800)) {
      this.#submit(desk, { kind: "createTransfers", batch: encodeTransfers(this.#transfers.imported(from)) });
      return;
    }
    const account = {
      id: randomId(random),
      ledger: LEDGERS[0],
      code: 1,
      flags: accountFlags.imported,
      timestamp: from,
    };
    this.#submit(desk, { kind: "createAccounts", batch: encodeAccounts([account]) });
  }

  /** A new asset, or accounts in one; some of them such that nobody may have. */
  #asset(): void {
    const { random, bank, desk } = this.#deps;
    const { ledger, code } = pick(random, ASSETS);
    if (chance(random, 400)) {
      const body = { ledger, code, decimals: 2, issuer: bank, cap: pick(random, CAPS) };
      this.#submit(desk, { kind: "createAsset", body }, () => this.#openAccounts(ledger, LIMITED));
    } else this.#openAccounts(ledger, chance(random, 700) ? LIMITED : accountFlags.history);
  }

  #openAccounts(ledger: number, flags: number): void {
    const accounts = assetAccounts(ledger).map((id): AccountInput => ({ id, ledger, code: 1, flags }));
    this.#submit(this.#deps.desk, { kind: "createAccounts", batch: encodeAccounts(accounts) });
  }

  #supply(): void {
    const { random, desk } = this.#deps;
    const { ledger } = pick(random, ASSETS);
    const [debitAccountId, creditAccountId] = [
      pick(random, assetAccounts(ledger)),
      pick(random, assetAccounts(ledger)),
    ];
    const base = { id: randomId(random), ledger, amount: BigInt(between(random, 1, SUPPLY_AMOUNT_MAX)) };
    const kind = pick(random, ["issueAsset", "issueAsset", "burnAsset", "createTransfers"] as const);
    if (kind === "createTransfers") {
      const moved = { ...base, debitAccountId, creditAccountId, code: 1 };
      this.#submit(desk, { kind, batch: encodeTransfers([moved]) });
    } else {
      // Little is burned at a time: an account has not more.
      const amount = kind === "burnAsset" ? base.amount / 4n + 1n : base.amount;
      this.#submit(desk, { kind, body: { ...base, amount, account: debitAccountId } });
    }
  }

  /** Gives back something that the desk has asked for, or that anybody has moved; the shop tries it, too. */
  #reverse(): void {
    const { random, desk, shop } = this.#deps;
    const original = this.#reversible();
    if (original === undefined) return;
    const { id: transfer, amount: moved } = original;
    const amount = pick(random, [1n, moved / 2n, moved, moved + 1n]);
    if (amount === 0n || amount > U128_MAX) return;
    const body = { id: randomId(random), transfer, amount };
    this.#submit(chance(random, 300) ? shop : desk, { kind: "reverseTransfer", body }, () => {
      this.#reversed = [original, body];
    });
  }

  /** What was reversed last, or its reversal; or what the stream has told of; or what the desk has asked for. */
  #reversible(): Pick<Transfer, "id" | "amount"> | undefined {
    const { random, seen } = this.#deps;
    if (this.#reversed.length > 0 && chance(random, 400)) return pick(random, this.#reversed);
    return seen.length > 0 && chance(random, 600) ? pick(random, seen) : this.#transfers.recent();
  }

  #freeze(): void {
    const { random, admin } = this.#deps;
    const ids = [...DESK_ACCOUNTS, SHOP_ACCOUNT].map(({ id }) => id);
    const account = pick(random, [...ids, ...PAYER_ACCOUNTS.slice(0, 1)]);
    this.#submit(admin, { kind: "freezeAccount", body: { account, frozen: chance(random, 500) } });
  }

  /** A delegate gets terms, or new ones, or is told to go; most of the time it pays. */
  #delegate(): void {
    const { random, desk, delegates, nowNs } = this.#deps;
    const delegate = pick(random, delegates);
    const key = delegate.signer.publicKey;
    const session = this.#sessions.get(delegate);
    if (session?.open !== true || chance(random, 150)) {
      const { id, ledger } = pick(random, DESK_ACCOUNTS);
      const account = chance(random, 500) ? id : 0n;
      const expiresAt = nowNs() / 1_000_000_000n + pick(random, GRANT_SECONDS);
      const dailyLimit = BigInt(between(random, 0, DAILY_LIMIT_MAX));
      const body = { key, ledger, account, dailyLimit, expiresAt };
      this.#submit(desk, { kind: "grantDelegate", body }, () => this.#openSession(delegate));
    } else if (chance(random, REVOKE_PERMILLE)) this.#submit(desk, { kind: "revokeDelegate", body: { key } });
    else {
      const payments = Array.from({ length: between(random, 1, 2) }, () => this.#transfers.plain());
      this.#submit(delegate, { kind: "createTransfers", batch: encodeTransfers(payments) });
    }
  }

  #openSession(delegate: SimClient): void {
    const known = this.#sessions.get(delegate);
    if (known?.open === true) return;
    const session = known ?? { transaction: delegate.sign({ kind: "sessionOpen" }), open: false };
    this.#sessions.set(delegate, session);
    this.#ask(delegate, session.transaction, () => {
      session.open = true;
    });
  }

  /**
   * One signature is not enough, and uses up nothing: with the second one the same intent is executed. From then on the
   * first copy is answered with the result of it, or refused by a node that has not heard of it.
   */
  #tooFewSignatures(): void {
    const { desk, cosigner, verdict, reached } = this.#deps;
    const command: Command = { kind: "createTransfers", batch: encodeTransfers([this.#transfers.plain()]) };
    const alone = desk.signAlone(command);
    desk.ask({ kind: "submit", transaction: alone }, (outcome) => {
      const code = outcome.kind === "receipt" ? this.#accept(alone, outcome.receipt).result.status : codeOf(outcome);
      verdict.expect(code === "threshold_not_met", "refusals", () => `one signature of two was answered ${code}`);
      reached.add("thresholdNotMet");
      this.#ask(desk, desk.cosign(alone, cosigner), (_, executed) => {
        if (outcome.kind !== "receipt") this.#askAgain(alone, executed);
      });
    });
  }

  /** Another transaction under the number of one that was executed: neither is it executed, nor has it the other's result. */
  #reuseNumber(client: SimClient, executed: Uint8Array): void {
    const { verdict, delegates, reached } = this.#deps;
    if (decodeTransaction(executed).sequence === 0) return; // a session may be opened as often as anybody likes
    const command: Command = { kind: "createTransfers", batch: encodeTransfers([this.#transfers.plain()]) };
    const transaction = client.signAgain(executed, command);
    client.ask({ kind: "submit", transaction }, (outcome) => {
      const code =
        outcome.kind === "receipt" ? this.#accept(transaction, outcome.receipt).result.status : codeOf(outcome);
      const nobody = delegates.includes(client) && code === "unknown_key";
      verdict.expect(NUMBER_TAKEN.includes(code) || nobody, "exactlyOnce", () => `a number used twice got ${code}`);
      reached.add("sequenceReused");
    });
  }

  #askAgain(alone: Uint8Array, executed: Uint8Array): void {
    const { desk, verdict } = this.#deps;
    desk.ask({ kind: "submit", transaction: alone }, (outcome) => {
      if (outcome.kind !== "receipt") return;
      const { result } = this.#accept(alone, outcome.receipt);
      const same = result.status === "threshold_not_met" || equalBytes(outcome.receipt.result, executed);
      verdict.expect(same, "exactlyOnce", () => `a copy with fewer signatures was answered ${result.status}`);
    });
  }

  #submit(client: SimClient, command: Command, done: () => void = () => {}): void {
    const transaction = client.sign(command);
    this.#ask(client, transaction, done);
  }

  /** Whatever the answer is, the oracle has predicted it. */
  #ask(
    client: SimClient,
    transaction: Uint8Array,
    done: (result: Result, encoded: Uint8Array) => void = () => {},
  ): void {
    const { verdict, delegates } = this.#deps;
    client.ask({ kind: "submit", transaction }, (outcome) => {
      if (outcome.kind === "receipt") {
        const { result } = this.#accept(transaction, outcome.receipt);
        this.#finished.push({ client, transaction, isExecuted: result.status === "ok" });
        if (this.#finished.length > FINISHED_MAX) this.#finished.shift();
        if (result.status === "ok") done(result, outcome.receipt.result);
        return;
      }
      // A delegate is nobody until its grant has come to the node, and when it has been told to go.
      const nobody = delegates.includes(client) && codeOf(outcome) === "unknown_key";
      verdict.expect(nobody, "refusals", () => `the desk got ${codeOf(outcome)}`);
    });
  }

  #accept(transaction: Uint8Array, receipt: Parameters<Receipts["accept"]>[1]): ReturnType<Receipts["accept"]> {
    return this.#deps.receipts.accept(transaction, receipt);
  }
}
