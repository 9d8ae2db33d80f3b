/**
 * One who decides about payments that risk has set aside, some of them twice, blocks payers and lets them pay again, changes
 * the rules of risk, and closes windows of settlement by hand. The oracle knows what must come of it; here only the receipts
 * are looked at.
 */
import type { Random } from "../../node/base/ports/random.ts";
import type { Command } from "../../node/wire/body.ts";
import type { ConfigureRiskBody } from "../../node/wire/kinds.ts";
import type { Verdict } from "../check/verdict.ts";
import { chance, pick } from "../draw.ts";
import { LEDGERS } from "./accounts.ts";
import { PAYER_ACCOUNTS, RISK } from "./bank.ts";
import type { ReviewerOptions } from "./options.ts";
import type { Receipts } from "./receipts.ts";
import { codeOf, type SimClient } from "./sim-client.ts";

const [LEDGER] = LEDGERS;
const DECIDED_MAX = 16;
const APPROVE_PERMILLE = 600;
const BLOCK_PERMILLE = 500;

/** Rules that a payer meets soon, each with the others of the beginning. */
const STRICTER: readonly Partial<ConfigureRiskBody>[] = [
  {},
  { velocityReviewCount: 2, velocityDeclineCount: 5 },
  { velocityDeclineAmount: 30_000n },
  { reviewAmount: 3_000n, declineAmount: 8_000n, velocityWindowSeconds: 1 },
];

export interface ReviewerDeps {
  readonly random: Random;
  readonly client: SimClient;
  readonly receipts: Receipts;
  readonly verdict: Verdict;
  /** Payments that wait for a decision; what is decided is taken away. */
  readonly inReview: bigint[];
}

type Ask = keyof ReviewerOptions["mix"];

export class Reviewer {
  readonly #deps: ReviewerDeps;
  readonly #kinds: readonly Ask[];
  readonly #decided: bigint[] = [];

  constructor(deps: ReviewerDeps, { mix }: ReviewerOptions) {
    this.#deps = deps;
    const weights = Object.entries(mix) as [Ask, number][];
    this.#kinds = weights.flatMap(([kind, weight]) => Array.from({ length: weight }, () => kind));
  }

  /** Asks for something, unless it waits for an answer. */
  next(): void {
    const { random, client } = this.#deps;
    if (client.open > 0) return;
    switch (pick(random, this.#kinds)) {
      case "review":
        this.#review();
        break;
      case "reviewAgain":
        if (this.#decided.length > 0) this.#decide(pick(random, this.#decided));
        break;
      case "block": {
        const blocked = chance(random, BLOCK_PERMILLE);
        this.#submit({ kind: "blockPayer", body: { payer: pick(random, PAYER_ACCOUNTS), blocked } });
        break;
      }
      case "rules":
        this.#submit({ kind: "configureRisk", body: { ...RISK, ...pick(random, STRICTER) } });
        break;
      case "close":
        this.#submit({ kind: "closeSettlement", body: { ledger: LEDGER } });
        break;
    }
  }

  #review(): void {
    const id = this.#deps.inReview.shift();
    if (id === undefined) return;
    this.#decided.push(id);
    if (this.#decided.length > DECIDED_MAX) this.#decided.shift();
    this.#decide(id);
  }

  #decide(id: bigint): void {
    const decision = chance(this.#deps.random, APPROVE_PERMILLE) ? "approve" : "reject";
    this.#submit({ kind: "reviewPayment", body: { id, decision } });
  }

  #submit(command: Command): void {
    const { client, receipts, verdict } = this.#deps;
    const transaction = client.sign(command);
    client.ask({ kind: "submit", transaction }, (outcome) => {
      if (outcome.kind === "receipt") receipts.accept(transaction, outcome.receipt);
      else verdict.fail("refusals", `the reviewer got ${codeOf(outcome)}`);
    });
  }
}
