/**
 * A crowd that comes through one connection: more questions at a time than a node takes from one client. What is too much it
 * refuses as busy, and is asked again until it is answered; whatever is answered must be right.
 */
import type { Random } from "../../node/base/ports/random.ts";
import { decodeAccounts } from "../../node/ledger/records.ts";
import { decodeAnswer, encodeQuery } from "../../node/state/queries.ts";
import type { History } from "../check/history.ts";
import type { PastStates } from "../check/past-states.ts";
import type { Verdict } from "../check/verdict.ts";
import { pick } from "../draw.ts";
import type { Purse } from "./bank.ts";
import type { CrowdOptions } from "./options.ts";
import { codeOf, type Outcome, type SimClient, type Times } from "./sim-client.ts";

export interface CrowdDeps {
  readonly client: SimClient;
  readonly random: Random;
  readonly history: Pick<History, "heights">;
  readonly past: Pick<PastStates, "readAccounts">;
  readonly verdict: Verdict;
  readonly purses: readonly Purse[];
}

export class Crowd {
  readonly #deps: CrowdDeps;
  readonly #options: CrowdOptions;

  constructor(deps: CrowdDeps, options: CrowdOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Asks all at once, where nothing is left of the last time. */
  next(): void {
    const { client } = this.#deps;
    if (client.open > 0) return;
    for (let left = this.#options.questions; left > 0; left--) this.#ask();
  }

  #ask(): void {
    const { client, random, purses } = this.#deps;
    const id = pick(random, pick(random, purses).accounts);
    const query = encodeQuery({ type: "accounts", ids: [id] });
    client.ask({ kind: "query", query, consistency: "linearizable" }, (outcome, times) =>
      this.#answered(id, outcome, times),
    );
  }

  #answered(id: bigint, outcome: Outcome, times: Times): void {
    const { verdict, history, past } = this.#deps;
    if (outcome.kind !== "answer") {
      verdict.fail("refusals", `a question of many got ${codeOf(outcome)}`);
      return;
    }
    const { records, height } = decodeAnswer("accounts", outcome.answer);
    history.heights.read(height, times);
    past.readAccounts(height, [id], decodeAccounts(records));
  }
}
