/** What commands that read share: options that say which and how fresh, and reading page after page. */
import { U32_MAX, U64_MAX, U128_MAX } from "../node/base/bytes.ts";
import { CodedError } from "../node/base/errors.ts";
import { QUERY_RESULTS_MAX } from "../node/base/limits.ts";
import { ask } from "../node/client/ask.ts";
import type { Consistency, Query, QueryAnswer, QuorateClient } from "../node/client/index.ts";
import { parseTime } from "./amounts.ts";

import { U16_MAX, whole } from "./numbers.ts";

/** A whole number that may be wider than 32 bits. */
function wide(name: string, max: bigint): (text: string) => bigint {
  return (text) => {
    if (/^(\d{1,39}|0x[0-9a-fA-F]{1,32})$/.test(text) && BigInt(text) <= max) return BigInt(text);
    throw new CodedError("usage", `--${name} must be a whole number from 0 to ${max}`);
  };
}

function consistency(text: string): Consistency {
  if (text === "linearizable" || text === "lease" || text === "local") return text;
  const bound = /^(\d{1,10})ms$/.exec(text)?.[1];
  if (bound !== undefined && Number(bound) <= U32_MAX) return { maxStalenessMs: Number(bound) };
  throw new CodedError("usage", `--consistency must be linearizable, lease, local, or a bound such as 500ms`);
}

/** An option of which a text or a number becomes a value. */
interface Coerced<K extends "string" | "number", T> {
  readonly type: K;
  readonly coerce: (given: K extends "string" ? string : number) => T;
  readonly describe: string;
}

export const CONSISTENCY_OPTION: {
  readonly consistency: Coerced<"string", Consistency> & { readonly default: string };
} = {
  consistency: {
    type: "string",
    default: "linearizable",
    coerce: consistency,
    describe:
      "how fresh: linearizable, lease (where nodes have one), at most so old (500ms), or local for what the node has",
  },
};

export const TIME_OPTIONS: { readonly [K in "since" | "until"]: Coerced<"string", bigint> } = {
  since: { type: "string", coerce: parseTime, describe: "from this log time on (ISO 8601, or nanoseconds)" },
  until: { type: "string", coerce: parseTime, describe: "up to this log time" },
};

/** Fields that records are found by. */
export const DATA_OPTIONS: { readonly [K in "code" | "user-data-32"]: Coerced<"number", number> } & {
  readonly [K in "user-data-64" | "user-data-128"]: Coerced<"string", bigint>;
} = {
  code: { type: "number", coerce: whole("code", 1, U16_MAX), describe: "only with this code" },
  "user-data-128": { type: "string", coerce: wide("user-data-128", U128_MAX), describe: "only with this user data" },
  "user-data-64": { type: "string", coerce: wide("user-data-64", U64_MAX), describe: "only with this user data" },
  "user-data-32": { type: "number", coerce: whole("user-data-32", 1, U32_MAX), describe: "only with this user data" },
};

export const LIMIT_OPTION: { readonly limit: Coerced<"number", number> & { readonly default: number } } = {
  limit: {
    type: "number",
    default: 20,
    coerce: whole("limit", 1, QUERY_RESULTS_MAX),
    describe: "how many at most",
  },
};

export interface FilterArguments {
  readonly since?: bigint | undefined;
  readonly until?: bigint | undefined;
  readonly code?: number | undefined;
  readonly "user-data-128"?: bigint | undefined;
  readonly "user-data-64"?: bigint | undefined;
  readonly "user-data-32"?: number | undefined;
}

/** The filter that the options say; what was not given is no condition. */
export function filterFrom(args: FilterArguments): Readonly<Record<string, bigint | number>> {
  const named = {
    ...{ timestampMin: args.since, timestampMax: args.until, code: args.code },
    ...{ userData128: args["user-data-128"], userData64: args["user-data-64"], userData32: args["user-data-32"] },
  };
  const given = Object.entries(named).filter((entry): entry is [string, bigint | number] => entry[1] !== undefined);
  return Object.fromEntries(given);
}

type Paged = Extract<
  Query,
  { readonly type: "accountTransfers" | "accountBalances" | "queryAccounts" | "queryTransfers" }
>;
type PagedAnswer = Extract<QueryAnswer, { readonly type: Paged["type"] }>;

/** Reads until there are as many as the query asks for, or no more; each page is read at the height that it tells. */
export async function readPages<T>(
  client: QuorateClient,
  { query, reversed, fresh }: { readonly query: Paged; readonly reversed: boolean; readonly fresh: Consistency },
  decode: (records: Uint8Array) => readonly T[],
): Promise<{
  readonly height: number;
  readonly timestamp: string;
  readonly items: readonly T[];
  readonly next: string;
}> {
  const items: T[] = [];
  for (let rest = query; ; ) {
    const answer = (await ask(client, rest, fresh)) as PagedAnswer;
    items.push(...decode(answer.records));
    const { height, timestamp, next } = answer;
    if (next === "0" || items.length >= query.limit) return { height, timestamp, items, next };
    const from = reversed ? { timestampMax: BigInt(next) } : { timestampMin: BigInt(next) };
    rest = { ...rest, ...from, limit: query.limit - items.length };
  }
}

/** Names of the flags that are set. */
export function flagNames(all: Readonly<Record<string, number>>, flags: number): string[] {
  return Object.entries(all)
    .filter(([, bit]) => (flags & bit) !== 0)
    .map(([name]) => name);
}
