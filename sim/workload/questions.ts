/** Questions about the ledger that are drawn, and what their answers must be. */
import type { Random } from "../../node/base/ports/random.ts";
import { decodeAccounts, decodeTransfers } from "../../node/ledger/records.ts";
import { decodeBalances } from "../../node/state/flat-answers.ts";
import { decodeAnswer } from "../../node/state/queries.ts";
import type { AccountAsked, PastStates, QueryAsked } from "../check/past-states.ts";
import { between, chance, pick, randomId } from "../draw.ts";
import { LEDGERS, USER_DATA } from "./accounts.ts";

const ROWS_PER_PAGE = [1, 7, 50];
const IDS_MAX = 8;
const CODES_MAX = 7;
const FIELD_PERMILLE = 150;

/** Pages of what some filter finds. */
export type PagedQuery =
  | ({ readonly type: "queryAccounts" | "queryTransfers" } & QueryAsked)
  | ({ readonly type: "accountTransfers" | "accountBalances" } & AccountAsked);

/** Records by their ids. */
export type LookUp = { readonly type: "accounts" | "transfers"; readonly ids: readonly bigint[] };

type Past = Pick<
  PastStates,
  | "readAccounts"
  | "lookUpTransfers"
  | "queryAccounts"
  | "readTransfers"
  | "readAccountTransfers"
  | "readBalances"
  | "transferIds"
>;

/** The first page of something; `accounts` are those whose own pages are asked for. */
export function drawPaged(random: Random, accounts: readonly bigint[]): PagedQuery {
  const types = ["queryAccounts", "queryTransfers", "queryTransfers", "accountTransfers"] as const;
  const type = pick(random, [...types, "accountBalances", "accountBalances"] as const);
  const asked = {
    limit: pick(random, ROWS_PER_PAGE),
    ...(chance(random, 200) ? { code: between(random, 1, CODES_MAX) } : {}),
  };
  if (type === "queryAccounts" || type === "queryTransfers") {
    const data = type === "queryTransfers" ? drawData(random) : {};
    const ledger = chance(random, FIELD_PERMILLE) ? { ledger: pick(random, LEDGERS) } : {};
    return { type, ...asked, ...data, ...ledger, flags: random.below(2) };
  }
  const reversed = 4 * random.below(2);
  const data = drawData(random);
  return { type, ...asked, ...data, accountId: pick(random, accounts), flags: between(random, 1, 3) + reversed };
}

/** Some of these accounts, or of all transfers there are, mostly of the newest; one of them is nobody's. */
export function drawLookUp(random: Random, past: Pick<PastStates, "transferIds">, accounts: readonly bigint[]): LookUp {
  const type = pick(random, ["accounts", "transfers", "transfers"] as const);
  const known = type === "accounts" ? accounts : past.transferIds;
  const newest = known.slice(chance(random, 700) ? -2 * IDS_MAX : 0);
  const ids = Array.from({ length: newest.length === 0 ? 0 : between(random, 1, IDS_MAX) }, () => pick(random, newest));
  return { type, ids: [...new Set([...ids, randomId(random)])] };
}

/** The page behind another. */
export function following(query: PagedQuery, next: bigint): PagedQuery {
  const isAccount = query.type === "accountTransfers" || query.type === "accountBalances";
  const newestFirst = ((query.flags ?? 0) & (isAccount ? 4 : 1)) !== 0;
  return newestFirst ? { ...query, timestampMax: next } : { ...query, timestampMin: next };
}

/** Compares an answer with what there was; `reader` sees its own only. Returns where the next page begins. */
export function judgeAnswer(past: Past, query: PagedQuery | LookUp, answer: Uint8Array, reader?: number): bigint {
  const decoded = decodeAnswer(query.type, answer);
  const { height, records } = decoded;
  const next = "next" in decoded ? BigInt(decoded.next) : 0n;
  switch (query.type) {
    case "accounts":
      past.readAccounts(height, query.ids, decodeAccounts(records), reader);
      break;
    case "transfers":
      past.lookUpTransfers(height, query.ids, decodeTransfers(records), reader);
      break;
    case "queryAccounts":
      past.queryAccounts(query, { height, next, rows: decodeAccounts(records) }, reader);
      break;
    case "queryTransfers":
      past.readTransfers(query, { height, next, rows: decodeTransfers(records) }, reader);
      break;
    case "accountTransfers":
      past.readAccountTransfers(query, { height, next, rows: decodeTransfers(records) }, reader);
      break;
    case "accountBalances":
      past.readBalances(query, { height, next, rows: decodeBalances(records) }, reader);
      break;
  }
  return next;
}

/** Conditions about what is of no meaning to the ledger, in some questions. */
function drawData(random: Random): Pick<QueryAsked, "userData128" | "userData64" | "userData32"> {
  return {
    ...(chance(random, FIELD_PERMILLE) ? { userData128: BigInt(pick(random, USER_DATA)) } : {}),
    ...(chance(random, FIELD_PERMILLE) ? { userData64: BigInt(pick(random, USER_DATA)) } : {}),
    ...(chance(random, FIELD_PERMILLE) ? { userData32: pick(random, USER_DATA) } : {}),
  };
}
