/**
 * One who only reads, and sees all: follows the stream of changes by its cursor from whichever node answers, forgets what
 * it has not kept when it crashes, and reads through pages of everything else. Each answer must be what the committed
 * chain says of the height that it names.
 */
import type { Random } from "../../node/base/ports/random.ts";
import { type Account, accountFlags, decodeTransfers, type Transfer } from "../../node/ledger/records.ts";
import { decodeBalances, decodeChanges } from "../../node/state/flat-answers.ts";
import { decodeAnswer, encodeQuery, type Query } from "../../node/state/queries.ts";
import type { Consistency } from "../../node/wire/client-frames.ts";
import type { History } from "../check/history.ts";
import type { AccountAsked, PastStates, QueryAsked } from "../check/past-states.ts";
import { StreamBooks } from "../check/stream-books.ts";
import type { Verdict } from "../check/verdict.ts";
import { between, chance, pick } from "../draw.ts";
import type { Reached } from "../reached.ts";
import { DESK_ACCOUNTS } from "./accounts.ts";
import type { SimClient, Times } from "./sim-client.ts";

const STALENESS_MS = [5, 50, 500];
const EVENTS_PER_PAGE = [1, 20, 256];
const ROWS_PER_PAGE = [1, 7, 50];
const SEEN_MAX = 32;
const KEEP_PERMILLE = 300;
const CRASH_PERMILLE = 100;
const DRAIN_PAGE = 256;
const WITH_HISTORY = DESK_ACCOUNTS.filter(({ flags }) => (flags & accountFlags.history) !== 0);

export interface AuditorDeps {
  readonly client: SimClient;
  readonly random: Random;
  readonly history: History;
  readonly past: PastStates;
  readonly verdict: Verdict;
  readonly reached: Reached;
  /** Accounts whose transfers nobody may reverse: only plain transfers touch them. */
  readonly untouched: ReadonlySet<bigint>;
  /** Transfers that the stream has told of lately. */
  readonly seen: Transfer[];
}

/** How far the stream was handled, and the books that were made of it. */
interface Progress {
  readonly cursor: bigint;
  readonly books: StreamBooks;
}

/** Pages of transfers, all that some filter finds. */
type PagedQuery =
  | ({ readonly type: "queryTransfers" } & QueryAsked)
  | ({ readonly type: "accountTransfers" | "accountBalances" } & AccountAsked);

export class Auditor {
  readonly #deps: AuditorDeps;
  #now: Progress = { cursor: 0n, books: new StreamBooks() };
  #kept: Progress = { cursor: 0n, books: new StreamBooks() };
  /** Where pages are being turned. */
  #page: PagedQuery | undefined;

  constructor(deps: AuditorDeps) {
    this.#deps = deps;
  }

  /** Asks for the next page of something. */
  next(): void {
    const { random, client } = this.#deps;
    if (client.open > 0) return;
    if (chance(random, 600))
      this.#follow(pick(random, EVENTS_PER_PAGE), this.#consistency(), () => this.#keepOrCrash());
    else this.#turnPage();
  }

  /** Follows the stream to its end. */
  drain(): void {
    this.#follow(DRAIN_PAGE, "linearizable", (more) => {
      if (more) this.drain();
    });
  }

  /** Whether there are changes at a height that the auditor has not heard of. */
  isBehind(height: number): boolean {
    return Number(this.#now.cursor) < this.#deps.past.changesAt(height);
  }

  /** What was rebuilt from the stream is what these accounts show, which are all there are. */
  compare(accounts: readonly Account[]): void {
    this.#now.books.compare(this.#deps.verdict, accounts);
  }

  #follow(limit: number, consistency: Consistency, done: (more: boolean) => void): void {
    const { past, reached, untouched, seen } = this.#deps;
    const { cursor, books } = this.#now;
    this.#query({ type: "changeEvents", cursor, limit }, consistency, (answer) => {
      const { height, next, more, ...flat } = decodeAnswer("changeEvents", answer);
      const rows = decodeChanges(flat);
      past.readEvents(cursor, { height, rows, next: BigInt(next) }, more);
      for (const event of rows) {
        books.handle(event);
        const { debitAccountId, creditAccountId } = event.transfer;
        if (!untouched.has(debitAccountId) && !untouched.has(creditAccountId)) seen.push(event.transfer);
      }
      seen.splice(0, Math.max(0, seen.length - SEEN_MAX));
      reached.add("eventsFollowed", rows.length);
      this.#now = { cursor: BigInt(next), books };
      done(more);
    });
  }

  /** After a crash, what was handled since the books were kept comes again. */
  #keepOrCrash(): void {
    const { random, reached } = this.#deps;
    if (chance(random, KEEP_PERMILLE)) this.#kept = { ...this.#now, books: this.#now.books.copy() };
    else if (chance(random, CRASH_PERMILLE)) {
      const { cursor, books } = this.#kept;
      if (cursor < this.#now.cursor) reached.add("eventsReadAgain");
      this.#now = { cursor, books: books.copy() };
    }
  }

  #turnPage(): void {
    const { past, reached } = this.#deps;
    const query = this.#page ?? this.#firstPage();
    this.#query(query, this.#consistency(), (answer) => {
      const { height, next: text, records } = decodeAnswer(query.type, answer) as PageAnswer;
      const next = BigInt(text);
      if (query.type === "accountBalances") past.readBalances(query, { height, next, rows: decodeBalances(records) });
      else {
        const page = { height, next, rows: decodeTransfers(records) };
        if (query.type === "queryTransfers") past.readTransfers(query, page);
        else past.readAccountTransfers(query, page);
      }
      if (query.type === "accountBalances" && records.length > 0) reached.add("balancesRead");
      if (this.#page !== undefined) reached.add("pageFollowed");
      this.#page = next === 0n ? undefined : following(query, next);
    });
  }

  #firstPage(): PagedQuery {
    const { random } = this.#deps;
    const limit = pick(random, ROWS_PER_PAGE);
    const type = pick(random, ["queryTransfers", "accountTransfers", "accountBalances", "accountBalances"] as const);
    const code = chance(random, 200) ? between(random, 1, 7) : 0;
    if (type === "queryTransfers") return { type, limit, code, flags: random.below(2) };
    const reversed = 4 * random.below(2);
    return { type, accountId: pick(random, WITH_HISTORY).id, limit, code, flags: between(random, 1, 3) + reversed };
  }

  #consistency(): Consistency {
    const { random } = this.#deps;
    return pick(random, ["linearizable", "lease", "local", { maxStalenessMs: pick(random, STALENESS_MS) }] as const);
  }

  #query(query: Query, consistency: Consistency, done: (answer: Uint8Array) => void): void {
    const { client, verdict } = this.#deps;
    client.ask({ kind: "query", query: encodeQuery(query), consistency }, (outcome, times) => {
      if (outcome.kind === "answer") {
        const { height } = decodeAnswer(query.type, outcome.answer) as PageAnswer;
        this.#judge(height, consistency, times);
        done(outcome.answer);
        return;
      }
      // A node that may be behind may not have heard of the auditor yet.
      const mayLag = consistency === "local" || typeof consistency === "object";
      const tooEarly = mayLag && outcome.kind === "refused" && outcome.code === "unknown_key";
      verdict.expect(tooEarly, "refusals", () => `the auditor got ${JSON.stringify(outcome)}`);
    });
  }

  /** Whether an answer is as new as was asked for. */
  #judge(height: number, consistency: Consistency, times: Times): void {
    const { history, reached } = this.#deps;
    if (consistency === "local") reached.add("readLocal");
    else if (typeof consistency === "object") {
      reached.add("readBounded");
      history.heights.readStale(height, times, consistency.maxStalenessMs);
    } else {
      reached.add("readLinearizable");
      history.heights.read(height, times);
    }
  }
}

interface PageAnswer {
  readonly height: number;
  readonly next: string;
  readonly records: Uint8Array;
}

/** The query for the page that begins there. */
function following(query: PagedQuery, next: bigint): PagedQuery {
  const newestFirst = query.type === "queryTransfers" ? (query.flags ?? 0) === 1 : query.flags >= 4;
  return newestFirst ? { ...query, timestampMax: next } : { ...query, timestampMin: next };
}
