/**
 * Questions about the state and their answers: the shapes, and how they travel.
 *
 * Records of accounts and transfers are flat 128-byte records one after another. Elsewhere u128 values (ids, amounts) and
 * log times are decimal text and keys are hexadecimal, so an answer can be printed as JSON as it stands.
 */

import { u128Bytes } from "../base/bytes.ts";
import type { Configuration } from "../base/configuration.ts";
import { CodedError } from "../base/errors.ts";
import type { NodeId } from "../base/ids.ts";
import { ANSWER_VALUES_MAX, NODE_ID_MAX, QUERY_RESULTS_MAX } from "../base/limits.ts";
import {
  type AccountFilter,
  accountFilterFlags,
  type ChangeEventsFilter,
  type QueryFilter,
  queryFilterFlags,
} from "../ledger/filters.ts";
import { ASSET_CODE_LENGTH_MAX } from "../wire/kinds.ts";
import { pack, unpack, WireError } from "../wire/msgpack.ts";
import {
  bytes,
  check,
  integer,
  list,
  object,
  oneOf,
  type Schema,
  safeInteger,
  text,
  u32,
  u64,
  u128,
} from "../wire/schema.ts";
import type { FlatChanges } from "./flat-answers.ts";
import type { NodeRole } from "./members.ts";
import { PAYMENT_STATES, type PaymentState } from "./payments/payment.ts";

/** A question about the node and its log, which it answers beside the state. */
export type ChainQuery =
  /** What the node says of itself. */
  | { readonly type: "status" }
  /** Encoded blocks from a height on: at least one where there is one, and as many as fit in an answer. */
  | { readonly type: "blocks"; readonly from: number }
  /** What this node signs now, and the newest checkpoint that a quorum has signed. */
  | { readonly type: "checkpoint" }
  /** The newest checkpoint of this node whose pages a quorum has signed. */
  | { readonly type: "signedState" }
  /** Of the checkpoint at height `state` that was offered, a part of a page of the component at this place in its list. */
  | {
      readonly type: "statePage";
      readonly state: number;
      readonly component: number;
      readonly page: number;
      readonly offset: number;
    }
  /** That a block is among the first `size`. */
  | { readonly type: "inclusion"; readonly height: number; readonly size: number }
  /** That the first `size` blocks begin with the first `earlier`. */
  | { readonly type: "consistency"; readonly earlier: number; readonly size: number }
  | HandOverQuery
  | ScrubQuery;

/** Asks a node to read again all that it keeps; for admins and operators. What it finds stands in its status. */
export interface ScrubQuery {
  readonly type: "scrub";
}

/**
 * Asks the leader, and nobody else, to have another node lead; for admins and operators. The one question that changes
 * something: not the state, only who leads. It is answered when the handing over begins, and may come to nothing.
 */
export interface HandOverQuery {
  readonly type: "handOver";
  readonly to: NodeId;
}

export type Query = StateQuery | ChainQuery;

/** A question about the state. */
export type StateQuery =
  | { readonly type: "accounts"; readonly ids: readonly bigint[] }
  | { readonly type: "transfers"; readonly ids: readonly bigint[] }
  | ({ readonly type: "accountTransfers" | "accountBalances" } & AccountFilter)
  | ({ readonly type: "queryAccounts" | "queryTransfers" } & QueryFilter)
  | ({ readonly type: "changeEvents" } & ChangeEventsFilter)
  | { readonly type: "payment"; readonly id: bigint }
  /** Payments in the order of creation, after slot `after` (0 from the start). */
  | { readonly type: "payments"; readonly state?: PaymentState; readonly after: number; readonly limit: number }
  | { readonly type: "settlement"; readonly ledger: number }
  | { readonly type: "risk" }
  | { readonly type: "authority"; readonly key: Uint8Array }
  /** How much of a transfer has been given back by reversals. */
  | { readonly type: "reversed"; readonly id: bigint }
  /** Digital assets, ascending by ledger number: all, or the one with a ledger number or a code. */
  | { readonly type: "assets"; readonly ledger?: number; readonly code?: string }
  /** The nodes of the cluster, past and present, and how they take part. */
  | { readonly type: "members" }
  /** Counts and sums over everything, for admin, operators and auditors. */
  | { readonly type: "summary" };

/** Why a question that was understood gets no answer. */
export class QueryRefusal extends CodedError<
  "not_authorized" | "out_of_range" | "block_compacted" | "checkpoint_unavailable" | "checkpoint_gone"
> {}

/** A digital asset; amounts in its minor units. */
/** A node, as JSON has it; host and port are empty and 0 for a node of the genesis, whose address the cluster file has. */
export interface MemberView {
  readonly id: number;
  readonly publicKey: string;
  readonly host: string;
  readonly port: number;
  readonly role: NodeRole;
}

export interface AssetView {
  readonly ledger: number;
  readonly code: string;
  readonly decimals: number;
  readonly issuer: number;
  readonly issuerName: string;
  /** `0` for none. */
  readonly cap: string;
  readonly issued: string;
  readonly burned: string;
  /** In circulation: issued less burned. */
  readonly supply: string;
  readonly issuanceAccount: string;
}

export interface PaymentView {
  readonly id: string;
  readonly state: string;
  readonly channel: string;
  readonly payer: string;
  readonly payee: string;
  readonly amount: string;
  readonly ledger: number;
  readonly capture: string;
  readonly reference: string;
  readonly verdict: string;
  readonly reasons: readonly string[];
  readonly failure: string;
  readonly signer: number;
  readonly hold: string;
  readonly networkReference: string;
  readonly window: number;
  readonly initiatedAt: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface WindowView {
  readonly id: number;
  readonly state: string;
  readonly openedAt: string;
  readonly closesAt: string;
  readonly closedAt: string;
  readonly payments: number;
  readonly gross: string;
  readonly net: string;
  readonly failure: string;
  readonly positions: readonly {
    readonly authority: number;
    readonly name: string;
    readonly debit: string;
    readonly credit: string;
    readonly net: string;
  }[];
}

export interface AuthorityView {
  readonly id: number;
  readonly name: string;
  readonly keys: readonly string[];
  readonly threshold: number;
  readonly roles: readonly string[];
  /** What it has granted and not revoked; amounts in minor units, `account` 0 for all, `expiresAt` in seconds. */
  readonly delegates: readonly {
    readonly key: string;
    readonly ledger: number;
    readonly account: string;
    readonly dailyLimit: string;
    readonly spentToday: string;
    readonly expiresAt: string;
  }[];
}

export type StatusSection = Readonly<Record<string, unknown>>;

interface LedgerTotalsView {
  readonly ledger: number;
  readonly debitsPending: string;
  readonly debitsPosted: string;
  readonly creditsPending: string;
  readonly creditsPosted: string;
}

/** Where the state stood when it was asked. */
interface At {
  readonly height: number;
  readonly timestamp: string;
}

export type QueryAnswer = At &
  (
    | { readonly type: "accounts" | "transfers"; readonly records: Uint8Array }
    /**
     * Records, or balances as `flat-answers.ts` lays them out. `next` is the `timestampMin` of the following page, or its
     * `timestampMax` in reversed order; 0 when nothing is left. A page may be empty and have a next one.
     */
    | {
        readonly type: "accountTransfers" | "accountBalances" | "queryAccounts" | "queryTransfers";
        readonly records: Uint8Array;
        readonly next: string;
      }
    /** `next` is the cursor of the following page; `more` says whether something is there already. */
    | ({ readonly type: "changeEvents"; readonly next: string; readonly more: boolean } & FlatChanges)
    | { readonly type: "payment"; readonly payment: PaymentView | null }
    /** `next` is the `after` of the following page, 0 when this was the last. A page may be empty and have a next one. */
    | { readonly type: "payments"; readonly payments: readonly PaymentView[]; readonly next: number }
    | { readonly type: "settlement"; readonly windows: readonly WindowView[] }
    | {
        readonly type: "risk";
        readonly rules: readonly Readonly<Record<string, string | number>>[];
        readonly blocked: readonly string[];
      }
    | { readonly type: "authority"; readonly authority: AuthorityView | null }
    /** What the node's actors post, by their names; to who may not see everything, the most necessary only. */
    | { readonly type: "status"; readonly node: number; readonly sections: Readonly<Record<string, StatusSection>> }
    | { readonly type: "blocks"; readonly blocks: readonly Uint8Array[] }
    /** Encoded signed checkpoints; `own` bears one signature. */
    | { readonly type: "checkpoint"; readonly own: Uint8Array; readonly agreed: Uint8Array | null }
    /** An encoded signed state, and of each component its name and how many pages it has. */
    | {
        readonly type: "signedState";
        readonly state: Uint8Array;
        readonly components: readonly (readonly [name: string, pages: number])[];
      }
    /** Of a page of `total` bytes those from the offset on, or as many as fit. */
    | { readonly type: "statePage"; readonly total: number; readonly bytes: Uint8Array }
    | { readonly type: "inclusion" | "consistency"; readonly path: readonly Uint8Array[] }
    | { readonly type: "handOver"; readonly to: NodeId }
    | { readonly type: "scrub" }
    /** Null for a transfer that is not there. */
    | { readonly type: "reversed"; readonly amount: string | null }
    | { readonly type: "assets"; readonly assets: readonly AssetView[] }
    /** `members` ascend by id; `configuration` is that of the last block: who is asked to agree now. */
    | { readonly type: "members"; readonly members: readonly MemberView[]; readonly configuration: Configuration }
    | {
        readonly type: "summary";
        readonly digest: string;
        readonly accounts: number;
        readonly transfers: number;
        readonly sessions: number;
        readonly openIntents: number;
        readonly totals: readonly LedgerTotalsView[];
        readonly paymentsByState: Readonly<Record<string, number>>;
        readonly paymentsByReason: Readonly<Record<string, number>>;
      }
  );

const U16_MAX = 0xffff;

const limit = integer(1, QUERY_RESULTS_MAX);
const ids = list(u128, QUERY_RESULTS_MAX);
const range = { timestampMin: u64, timestampMax: u64 };
const dataOptional = { ...range, userData128: u128, userData64: u64, userData32: u32, code: integer(0, U16_MAX) };
const queryOptional = { ...dataOptional, ledger: u32, flags: integer(0, flagBits(queryFilterFlags)) };
const accountRequired = { accountId: u128, limit, flags: integer(0, flagBits(accountFilterFlags)) };

function flagBits(flags: Readonly<Record<string, number>>): number {
  return Object.values(flags).reduce((all, bit) => all | bit, 0);
}

const SCHEMAS: { readonly [T in Query["type"]]: Schema<Query> } = {
  accounts: object({ type: oneOf("accounts"), ids }),
  transfers: object({ type: oneOf("transfers"), ids }),
  accountTransfers: object({ type: oneOf("accountTransfers"), ...accountRequired }, dataOptional),
  accountBalances: object({ type: oneOf("accountBalances"), ...accountRequired }, dataOptional),
  queryAccounts: object({ type: oneOf("queryAccounts"), limit }, queryOptional),
  queryTransfers: object({ type: oneOf("queryTransfers"), limit }, queryOptional),
  changeEvents: object({ type: oneOf("changeEvents"), limit }, { ...range, cursor: u64 }),
  payment: object({ type: oneOf("payment"), id: u128 }),
  payments: object(
    { type: oneOf("payments"), after: integer(0, 0xffff_ffff), limit },
    { state: oneOf(...PAYMENT_STATES) },
  ),
  settlement: object({ type: oneOf("settlement"), ledger: integer(1, 0xffff_ffff) }),
  risk: object({ type: oneOf("risk") }),
  authority: object({ type: oneOf("authority"), key: bytes(32) }),
  reversed: object({ type: oneOf("reversed"), id: u128 }),
  members: object({ type: oneOf("members") }),
  assets: object({ type: oneOf("assets") }, { ledger: integer(1, 0xffff_ffff), code: text(ASSET_CODE_LENGTH_MAX) }),
  summary: object({ type: oneOf("summary") }),
  status: object({ type: oneOf("status") }),
  blocks: object({ type: oneOf("blocks"), from: safeInteger }),
  checkpoint: object({ type: oneOf("checkpoint") }),
  signedState: object({ type: oneOf("signedState") }),
  statePage: object({
    type: oneOf("statePage"),
    ...{ state: safeInteger, component: safeInteger, page: safeInteger, offset: safeInteger },
  }),
  inclusion: object({ type: oneOf("inclusion"), height: safeInteger, size: safeInteger }),
  consistency: object({ type: oneOf("consistency"), earlier: safeInteger, size: safeInteger }),
  handOver: object({ type: oneOf("handOver"), to: integer(1, NODE_ID_MAX) }),
  scrub: object({ type: oneOf("scrub") }),
};

const CHAIN_QUERIES: ReadonlySet<string> = new Set<ChainQuery["type"]>([
  ...([
    "status",
    "blocks",
    "checkpoint",
    "signedState",
    "statePage",
    "inclusion",
    "consistency",
    "handOver",
    "scrub",
  ] as const),
]);

const U128_FIELDS: ReadonlySet<string> = new Set(["id", "accountId", "userData128"]);

/** Whether a question is about the node or its log and not about the state. */
export function isChainQuery(query: Query): query is ChainQuery {
  return CHAIN_QUERIES.has(query.type);
}

export function encodeQuery(query: Query): Uint8Array {
  const fields = Object.entries(query).filter(([, value]) => value !== undefined);
  return pack(
    Object.fromEntries(
      fields.map(([name, value]: [string, unknown]) => {
        if (Array.isArray(value)) return [name, value.map((id: bigint) => u128Bytes(id))];
        return [name, typeof value === "bigint" && U128_FIELDS.has(name) ? u128Bytes(value) : value];
      }),
    ),
  );
}

/** Decodes and checks a query; throws `WireError` `malformed_msgpack` or `malformed_body`. */
export function decodeQuery(encoded: Uint8Array): Query {
  const value = unpack(encoded);
  const type = typeof value === "object" && value !== null ? (value as { type?: unknown }).type : undefined;
  if (typeof type !== "string" || !Object.hasOwn(SCHEMAS, type)) {
    throw new WireError("malformed_body", `a query has a type: one of ${Object.keys(SCHEMAS).join(", ")}`);
  }
  return check(SCHEMAS[type as Query["type"]], value, "malformed_body");
}

export function encodeAnswer(answer: QueryAnswer): Uint8Array {
  return pack(answer);
}

/** Decodes an answer to a query of type `type`; throws `WireError`. The node that gave it has been authenticated. */
export function decodeAnswer<T extends Query["type"]>(
  type: T,
  encoded: Uint8Array,
): Extract<QueryAnswer, { readonly type: T }> | (QueryAnswer & { readonly type: T }) {
  const value = unpack(encoded, ANSWER_VALUES_MAX);
  if (typeof value !== "object" || value === null || (value as { type?: unknown }).type !== type) {
    throw new WireError("malformed_frame", `the node did not answer a query of type ${type}`);
  }
  return value as QueryAnswer & { readonly type: T };
}
