/**
 * One with keys that count, the shop's and an auditor's, who asks for what their roles forbid and for what is another's,
 * reads what it may see, and whose own transactions have little time: some come too late, and all of them come again. The oracle knows what must come
 * of it; here it is looked at whether one that was called expired was executed after all.
 */
import type { Random } from "../../node/base/ports/random.ts";
import type { Command } from "../../node/wire/body.ts";
import type { Verdict } from "../check/verdict.ts";
import { chance, pick } from "../draw.ts";
import type { Reached } from "../reached.ts";
import type { TrespasserOptions } from "./options.ts";
import type { Receipts } from "./receipts.ts";
import { codeOf, type SimClient } from "./sim-client.ts";
import type { SmallReader } from "./small-reader.ts";
import { aboveRole, type Others, ofTheBank, ofTheShop } from "./trespass.ts";

const READS_PERMILLE = 400;
const HURRIED_MAX = 16;
/** How much time a transaction has, nanoseconds: wall clocks of nodes are off by seconds. */
const TIMES: readonly bigint[] = [-60_000_000_000n, 0n, 300_000_000n, 1_000_000_000n, 3_000_000_000n];

export interface TrespasserDeps {
  readonly random: Random;
  /** Has the shop's key. */
  readonly shop: SimClient;
  /** Has an auditor's. */
  readonly auditor: SimClient;
  readonly receipts: Receipts;
  readonly verdict: Verdict;
  readonly reached: Reached;
  /** What a clock that is right shows, nanoseconds. */
  readonly nowNs: () => bigint;
  readonly others: Others;
  /** Reads by the shop's key. */
  readonly reader: SmallReader;
}

/** A transaction with little time, and what was said of it when it came first. */
interface Hurried {
  readonly transaction: Uint8Array;
  told: string | undefined;
}

type Ask = keyof TrespasserOptions["mix"];

export class Trespasser {
  readonly #deps: TrespasserDeps;
  readonly #kinds: readonly Ask[];
  readonly #hurried: Hurried[] = [];

  constructor(deps: TrespasserDeps, { mix }: TrespasserOptions) {
    this.#deps = deps;
    const weights = Object.entries(mix) as [Ask, number][];
    this.#kinds = weights.flatMap(([kind, weight]) => Array.from({ length: weight }, () => kind));
  }

  /** Asks for something, unless it waits for an answer. */
  next(): void {
    const { random, shop, auditor, others, nowNs } = this.#deps;
    if (shop.open + auditor.open > 0) return;
    switch (pick(random, this.#kinds)) {
      case "role": {
        const reads = chance(random, READS_PERMILLE);
        this.#forbidden(reads ? auditor : shop, aboveRole(random, others, reads));
        break;
      }
      case "ownership":
        this.#forbidden(shop, ofTheBank(random, others, nowNs()));
        break;
      case "hurried":
        this.#hurry();
        break;
      case "read":
        this.#deps.reader.next();
        break;
      case "again":
        if (this.#hurried.length > 0) this.#ask(pick(random, this.#hurried));
        break;
    }
  }

  #forbidden(client: SimClient, command: Command): void {
    const { receipts, verdict } = this.#deps;
    const transaction = client.sign(command);
    client.ask({ kind: "submit", transaction }, (outcome) => {
      if (outcome.kind === "receipt") receipts.accept(transaction, outcome.receipt);
      else verdict.fail("refusals", `the trespasser got ${codeOf(outcome)}`);
    });
  }

  #hurry(): void {
    const { random, shop, nowNs } = this.#deps;
    const transaction = shop.signAlone(ofTheShop(random), nowNs() + pick(random, TIMES));
    const hurried = { transaction, told: undefined };
    this.#hurried.push(hurried);
    if (this.#hurried.length > HURRIED_MAX) this.#hurried.shift();
    this.#ask(hurried);
  }

  /** Executed or too late: what it is the first time it is for ever. */
  #ask(hurried: Hurried): void {
    const { shop, receipts, verdict, reached } = this.#deps;
    const { transaction, told } = hurried;
    shop.ask({ kind: "submit", transaction }, (outcome) => {
      const isReceipt = outcome.kind === "receipt";
      const code = isReceipt ? receipts.accept(transaction, outcome.receipt).result.status : codeOf(outcome);
      verdict.expect(
        code === "ok" || code === "expired",
        "refusals",
        () => `a transaction with little time got ${code}`,
      );
      verdict.expect((told ?? code) === code, "exactlyOnce", () => `a transaction was ${told}, and then ${code}`);
      hurried.told = code;
      if (code !== "expired") return;
      reached.add("expiredRefused");
      receipts.expired(transaction);
    });
  }
}
