/**
 * Kinds of transactions: their wire numbers and the schemas of their bodies.
 *
 * A number once given is never used for another kind. Bulk kinds (accounts, transfers) carry flat records and have no
 * schema here; the ledger's `checkBatch` is their gate. u128 ids and amounts are 16 little-endian bytes.
 */
import { AUTHORITY_KEYS_MAX, NODE_ID_MAX, NODES_MAX } from "../base/limits.ts";
import { boolean, bytes, integer, list, object, oneOf, type Schema, text, u32, u64, u128 } from "./schema.ts";

export const KINDS = {
  /** Opens the envelope's session for the envelope's key. */
  sessionOpen: 1,
  /** Flat account records; the new accounts belong to the signer's authority. */
  createAccounts: 2,
  /** Flat transfer records. */
  createTransfers: 3,
  createAuthority: 10,
  configureSettlement: 11,
  configureParticipant: 12,
  configureCard: 13,
  configureRisk: 14,
  blockPayer: 15,
  replaceKeys: 16,
  freezeAccount: 17,
  grantDelegate: 18,
  revokeDelegate: 19,
  createPayment: 20,
  reviewPayment: 21,
  capturePayment: 22,
  voidPayment: 23,
  /** What an external network answered to an intent of the outbox; only nodes may sign it. */
  channelOutcome: 30,
  closeSettlement: 40,
  createAsset: 50,
  issueAsset: 51,
  burnAsset: 52,
  reverseTransfer: 53,
  changeMembers: 60,
} as const;

export type KindName = keyof typeof KINDS;

const kindNames = new Map<number, KindName>(Object.entries(KINDS).map(([name, kind]) => [kind, name as KindName]));

/** The name of a kind, or undefined for a number that is none. */
export function kindName(kind: number): KindName | undefined {
  return kindNames.get(kind);
}

/** What an authority may do besides debiting its own accounts. */
export const ROLES = ["admin", "operator", "issuer", "participant", "auditor", "node"] as const;
export type Role = (typeof ROLES)[number];

const role: Schema<Role> = oneOf(...ROLES);
const ledger: Schema<number> = integer(1, 0xffff_ffff);

export const sessionOpenBody: Schema<object> = object({});

/** Creates an authority: `threshold` of `keys` speak for it. One key speaks for one authority only. */
export interface CreateAuthorityBody {
  readonly name: string;
  readonly keys: readonly Uint8Array[];
  readonly threshold: number;
  readonly roles: readonly Role[];
}
export const createAuthorityBody: Schema<CreateAuthorityBody> = object({
  name: text(64),
  keys: list(bytes(32), AUTHORITY_KEYS_MAX),
  threshold: integer(1, AUTHORITY_KEYS_MAX),
  roles: list(role, ROLES.length),
});

/** Replaces the keys of an authority; what it had before and has no more is revoked for good. */
export interface ReplaceKeysBody {
  readonly authority: number;
  readonly keys: readonly Uint8Array[];
  readonly threshold: number;
}
export const replaceKeysBody: Schema<ReplaceKeysBody> = object({
  authority: u32,
  keys: list(bytes(32), AUTHORITY_KEYS_MAX),
  threshold: integer(1, AUTHORITY_KEYS_MAX),
});

/** Freezes an account, so that nothing debits it, or thaws it. */
export interface FreezeAccountBody {
  readonly account: bigint;
  readonly frozen: boolean;
}
export const freezeAccountBody: Schema<FreezeAccountBody> = object({ account: u128, frozen: boolean });

/**
 * Lets a key debit the signer's accounts of one ledger, or `account` alone where it is not 0, up to `dailyLimit` minor
 * units a UTC day of log time, until `expiresAt` (seconds since the epoch). Granted again, the new terms hold.
 */
export interface GrantDelegateBody {
  readonly key: Uint8Array;
  readonly ledger: number;
  readonly account: bigint;
  readonly dailyLimit: bigint;
  readonly expiresAt: bigint;
}
export const grantDelegateBody: Schema<GrantDelegateBody> = object({
  ...{ key: bytes(32), ledger, account: u128, dailyLimit: u128, expiresAt: u64 },
});

/** Takes from a delegate's key all that was granted to it, for good. */
export interface RevokeDelegateBody {
  readonly key: Uint8Array;
}
export const revokeDelegateBody: Schema<RevokeDelegateBody> = object({ key: bytes(32) });

/** Opens settlement in a currency: windows last `windowSeconds` of log time; the hub account nets to zero. */
export interface ConfigureSettlementBody {
  readonly ledger: number;
  readonly hubAccount: bigint;
  readonly windowSeconds: number;
}
export const configureSettlementBody: Schema<ConfigureSettlementBody> = object({
  ledger,
  hubAccount: u128,
  windowSeconds: integer(1, 31_536_000),
});

/** Names the account through which a participant settles in a currency. */
export interface ConfigureParticipantBody {
  readonly authority: number;
  readonly ledger: number;
  readonly settlementAccount: bigint;
}
export const configureParticipantBody: Schema<ConfigureParticipantBody> = object({
  authority: u32,
  ledger,
  settlementAccount: u128,
});

/** Opens the card channel in a currency: approved payments debit the clearing account. */
export interface ConfigureCardBody {
  readonly ledger: number;
  readonly clearingAccount: bigint;
  readonly holdSeconds: number;
}
export const configureCardBody: Schema<ConfigureCardBody> = object({
  ledger,
  clearingAccount: u128,
  holdSeconds: integer(1, 31_536_000),
});

/** Risk rules; amounts in minor units, 0 switches a rule off. Windows tumble on the payment's own time. */
export interface ConfigureRiskBody {
  readonly ledger: number;
  readonly reviewAmount: bigint;
  readonly declineAmount: bigint;
  readonly velocityWindowSeconds: number;
  readonly velocityReviewCount: number;
  readonly velocityDeclineCount: number;
  readonly velocityDeclineAmount: bigint;
}
export const configureRiskBody: Schema<ConfigureRiskBody> = object({
  ledger,
  reviewAmount: u128,
  declineAmount: u128,
  velocityWindowSeconds: integer(1, 31_536_000),
  velocityReviewCount: u32,
  velocityDeclineCount: u32,
  velocityDeclineAmount: u128,
});

/** Puts a payer on the block list, or takes it off. */
export interface BlockPayerBody {
  readonly payer: bigint;
  readonly blocked: boolean;
}
export const blockPayerBody: Schema<BlockPayerBody> = object({ payer: u128, blocked: boolean });

export const CHANNELS = ["wallet", "card"] as const;
export type Channel = (typeof CHANNELS)[number];

/**
 * A payment. `payer` is an account (wallet) or a reference to the card holder (card); `payee` is an account.
 * Without `channel` the wallet is taken where the payer is an account, else the card where a token is given.
 * `initiatedAt` (seconds since the epoch) is the payment's own time where it is not the log's, as in an import.
 */
export interface CreatePaymentBody {
  readonly id: bigint;
  readonly payer: bigint;
  readonly payee: bigint;
  readonly amount: bigint;
  readonly ledger: number;
  readonly capture: "automatic" | "manual";
  readonly channel?: Channel;
  readonly cardToken?: string;
  readonly reference?: string;
  readonly initiatedAt?: bigint;
}
export const createPaymentBody: Schema<CreatePaymentBody> = object(
  { id: u128, payer: u128, payee: u128, amount: u128, ledger, capture: oneOf("automatic", "manual") },
  { channel: oneOf(...CHANNELS), cardToken: text(64), reference: text(64), initiatedAt: u64 },
);

/** What a reviewer decided on a payment that risk set aside. */
export interface ReviewPaymentBody {
  readonly id: bigint;
  readonly decision: "approve" | "reject";
}
export const reviewPaymentBody: Schema<ReviewPaymentBody> = object({ id: u128, decision: oneOf("approve", "reject") });

/** Captures or voids an authorised payment. */
export interface PaymentIdBody {
  readonly id: bigint;
}
export const paymentIdBody: Schema<PaymentIdBody> = object({ id: u128 });

/** `amount` is what the network says it acted on: it is checked against the intent, never trusted. */
export interface ChannelOutcomeBody {
  readonly intent: bigint;
  readonly outcome: "approved" | "declined";
  readonly reason: string;
  readonly networkReference: string;
  readonly amount: bigint;
}
export const channelOutcomeBody: Schema<ChannelOutcomeBody> = object({
  intent: u64,
  outcome: oneOf("approved", "declined"),
  reason: text(64),
  networkReference: text(64),
  amount: u128,
});

/** Closes the open window of a currency now, whatever its length. */
export interface CloseSettlementBody {
  readonly ledger: number;
}
export const closeSettlementBody: Schema<CloseSettlementBody> = object({ ledger });

export const ASSET_CODE_LENGTH_MAX = 12;

/** Binds a ledger number to a digital asset that authority `issuer` issues; a `cap` of 0 is none. */
export interface CreateAssetBody {
  readonly ledger: number;
  /** What people call it, such as `GOLD`: not a currency's code, and nobody else's. */
  readonly code: string;
  readonly decimals: number;
  readonly issuer: number;
  readonly cap: bigint;
}
export const createAssetBody: Schema<CreateAssetBody> = object({
  ledger,
  code: text(ASSET_CODE_LENGTH_MAX),
  decimals: integer(0, 18),
  issuer: u32,
  cap: u128,
});

/** Issues an asset into an account, or burns it out of one, as the transfer `id`. */
export interface MoveSupplyBody {
  readonly id: bigint;
  readonly ledger: number;
  readonly account: bigint;
  readonly amount: bigint;
}
export const moveSupplyBody: Schema<MoveSupplyBody> = object({ id: u128, ledger, account: u128, amount: u128 });

/** Gives `amount` of what a transfer moved back, as the transfer `id`; its reversals never sum up to more than it moved. */
export interface ReverseTransferBody {
  readonly id: bigint;
  readonly transfer: bigint;
  readonly amount: bigint;
}
export const reverseTransferBody: Schema<ReverseTransferBody> = object({ id: u128, transfer: u128, amount: u128 });

/** A node that is to join: it gets the next id. A `voter` first catches up as a learner. */
export interface NewNode {
  readonly publicKey: Uint8Array;
  readonly host: string;
  readonly port: number;
  readonly voter: boolean;
}

/**
 * Changes who takes part in the cluster, all at once: `remove`, `promote` and `demote` are ids of nodes. `demote` there is from
 * release 3 on, and it is left out where nobody is demoted: before, and for programs of before, it is an unknown field.
 */
export interface ChangeMembersBody {
  readonly add: readonly NewNode[];
  readonly remove: readonly number[];
  readonly promote: readonly number[];
  readonly demote?: readonly number[];
}
const nodeId: Schema<number> = integer(1, NODE_ID_MAX);
export const changeMembersBody: Schema<ChangeMembersBody> = object(
  {
    add: list(object({ publicKey: bytes(32), host: text(255), port: integer(1, 65_535), voter: boolean }), NODES_MAX),
    remove: list(nodeId, NODES_MAX),
    promote: list(nodeId, NODES_MAX),
  },
  { demote: list(nodeId, NODES_MAX) },
);
