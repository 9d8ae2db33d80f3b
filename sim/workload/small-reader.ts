/**
 * One who reads with the key of a small authority, the shop's: asks for accounts, transfers and changes of anybody, and must
 * be shown its own and nothing else.
 */
import type { Random } from "../../node/base/ports/random.ts";
import { decodeChanges } from "../../node/state/flat-answers.ts";
import { decodeAnswer, encodeQuery, type Query } from "../../node/state/queries.ts";
import type { Consistency } from "../../node/wire/client-frames.ts";
import type { PastStates } from "../check/past-states.ts";
import type { Verdict } from "../check/verdict.ts";
import { chance, pick } from "../draw.ts";
import type { Reached } from "../reached.ts";
import { drawLookUp, drawPaged, judgeAnswer } from "./questions.ts";
import { codeOf, type SimClient } from "./sim-client.ts";

const EVENTS_PER_PAGE = [1, 20, 256];
const CONSISTENCIES: readonly Consistency[] = ["linearizable", "local", { maxStalenessMs: 50 }];

export interface SmallReaderDeps {
  readonly random: Random;
  readonly client: SimClient;
  /** Whose key the client has. */
  readonly authority: number;
  /** Accounts that it asks for, its own and others'. */
  readonly accounts: readonly bigint[];
  readonly past: PastStates;
  readonly verdict: Verdict;
  readonly reached: Reached;
}

export class SmallReader {
  readonly #deps: SmallReaderDeps;
  /** How far it has followed the changes. */
  #cursor = 0n;

  constructor(deps: SmallReaderDeps) {
    this.#deps = deps;
  }

  /** Asks for something. */
  next(): void {
    const { random, past, accounts, authority } = this.#deps;
    if (chance(random, 300)) {
      this.#follow();
      return;
    }
    const query = chance(random, 500) ? drawLookUp(random, past, accounts) : drawPaged(random, accounts);
    this.#query(query, (answer) => {
      judgeAnswer(past, query, answer, authority);
    });
  }

  #follow(): void {
    const { random, past, authority } = this.#deps;
    const cursor = this.#cursor;
    this.#query({ type: "changeEvents", cursor, limit: pick(random, EVENTS_PER_PAGE) }, (answer) => {
      const { height, next, more, ...flat } = decodeAnswer("changeEvents", answer);
      this.#cursor = BigInt(next);
      past.readEvents(cursor, { height, rows: decodeChanges(flat), next: this.#cursor }, more, authority);
    });
  }

  #query(query: Query, done: (answer: Uint8Array) => void): void {
    const { random, client, verdict, reached } = this.#deps;
    const consistency = pick(random, CONSISTENCIES);
    client.ask({ kind: "query", query: encodeQuery(query), consistency }, (outcome) => {
      if (outcome.kind === "answer") {
        reached.add("ownRead");
        done(outcome.answer);
        return;
      }
      // A node that may be behind may not have heard of the reader's key yet.
      const tooEarly = consistency !== "linearizable" && codeOf(outcome) === "unknown_key";
      verdict.expect(tooEarly, "refusals", () => `a reader of its own accounts got ${codeOf(outcome)}`);
    });
  }
}
