/** What somebody may ask who has a key that counts, and must be refused: it takes another role, or it is another's. */
import type { Random } from "../../node/base/ports/random.ts";
import { type AccountInput, encodeAccounts, encodeTransfers } from "../../node/ledger/records.ts";
import type { Command } from "../../node/wire/body.ts";
import { between, chance, pick, randomBytes, randomId } from "../draw.ts";
import { ASSETS, DESK_ACCOUNTS, LEDGERS, SHOP_ACCOUNT } from "./accounts.ts";
import { PAYEE_ACCOUNTS, PAYER_ACCOUNTS, RISK, transfer } from "./bank.ts";

const [LEDGER] = LEDGERS;
const KEY_BYTES = 32;
const ADMIN = 1;
const INTENTS = 8;
const AMOUNT_MAX = 100;
const GRANT_SECONDS = 1_000n;
const NS_PER_SECOND = 1_000_000_000n;

/** What there is in a run that is not the shop's. */
export interface Others {
  /** The bank's number in the registry; the shop has the next one. */
  readonly bank: number;
  readonly nodes: number;
  /** An account of the bank's between tellers. */
  readonly account: bigint;
  readonly delegates: readonly Uint8Array[];
  /** Payments of anybody that wait for a reviewer. */
  readonly inReview: readonly bigint[];
}

type Make = (random: Random, others: Others) => Command;

/** What neither a participant nor an issuer may do. */
const ABOVE_ALL: readonly Make[] = [
  (random) => {
    const body = { name: "own", keys: [keyOf(random)], threshold: 1, roles: ["admin", "operator"] as const };
    return { kind: "createAuthority", body };
  },
  () => ({ kind: "configureSettlement", body: { ledger: LEDGER, hubAccount: SHOP_ACCOUNT.id, windowSeconds: 1 } }),
  (random, { bank }) => {
    const body = { authority: bank + 1, ledger: LEDGER, settlementAccount: pick(random, PAYEE_ACCOUNTS) };
    return { kind: "configureParticipant", body };
  },
  () => ({ kind: "configureCard", body: { ledger: LEDGER, clearingAccount: SHOP_ACCOUNT.id, holdSeconds: 1 } }),
  () => ({ kind: "configureRisk", body: { ...RISK, reviewAmount: 0n, declineAmount: 0n } }),
  (random, { account }) => ({ kind: "freezeAccount", body: { account, frozen: chance(random, 500) } }),
  (random) => ({ kind: "blockPayer", body: { payer: pick(random, PAYER_ACCOUNTS), blocked: chance(random, 500) } }),
  (random, others) => ({ kind: "reviewPayment", body: { id: paymentOf(random, others), decision: "approve" } }),
  () => ({ kind: "closeSettlement", body: { ledger: LEDGER } }),
  (random) => {
    const said = { outcome: "approved", reason: "", networkReference: "own" } as const;
    const intent = BigInt(between(random, 1, INTENTS));
    return { kind: "channelOutcome", body: { ...said, intent, amount: BigInt(between(random, 1, AMOUNT_MAX)) } };
  },
  (random, { nodes }) => {
    return { kind: "changeMembers", body: { add: [], promote: [], remove: [between(random, 1, nodes)] } };
  },
];

/** What nobody may do who only reads. */
const ABOVE_READERS: readonly Make[] = [
  (random) => {
    const account: AccountInput = { id: randomId(random), ledger: LEDGER, code: 1, flags: 0 };
    return { kind: "createAccounts", batch: encodeAccounts([account]) };
  },
  (random, { bank }) => ({ kind: "createAsset", body: { ...assetOf(random), decimals: 2, issuer: bank, cap: 0n } }),
  (random, { account }) => ({ kind: "issueAsset", body: { ...supplyOf(random), account } }),
  (random, { account }) => ({ kind: "burnAsset", body: { ...supplyOf(random), account } }),
];

/** What only the bank may do, or an admin. */
const OF_THE_BANK: readonly Make[] = [
  (random, { bank }) => {
    const body = { authority: pick(random, [ADMIN, bank]), keys: [keyOf(random)], threshold: 1 };
    return { kind: "replaceKeys", body };
  },
  (random, { delegates }) => ({ kind: "revokeDelegate", body: { key: pick(random, delegates) } }),
  (random, { bank }) => ({ kind: "createAsset", body: { ...assetOf(random), decimals: 2, issuer: bank, cap: 0n } }),
  (random, { account }) => ({ kind: "issueAsset", body: { ...supplyOf(random), account } }),
  (random, { account }) => ({ kind: "burnAsset", body: { ...supplyOf(random), account } }),
  (random, { account: debitAccountId }) => {
    const asked = { id: randomId(random), debitAccountId, creditAccountId: SHOP_ACCOUNT.id, ledger: LEDGER };
    return { kind: "createTransfers", batch: encodeTransfers([transfer({ ...asked, amount: 1n })]) };
  },
  (random) => {
    const parties = { payer: pick(random, PAYER_ACCOUNTS), payee: pick(random, PAYEE_ACCOUNTS), ledger: LEDGER };
    const body = { id: randomId(random), ...parties, amount: 1n, capture: "automatic", channel: "wallet" } as const;
    return { kind: "createPayment", body };
  },
  (random, others) => ({ kind: "capturePayment", body: { id: paymentOf(random, others) } }),
  (random, others) => ({ kind: "voidPayment", body: { id: paymentOf(random, others) } }),
];

/** Something that takes a role which the shop has not; `reads`: which an auditor has not. */
export function aboveRole(random: Random, others: Others, reads: boolean): Command {
  return pick(random, reads ? [...ABOVE_ALL, ...ABOVE_READERS] : ABOVE_ALL)(random, others);
}

/** Something that the shop has the role for, and is the bank's. */
export function ofTheBank(random: Random, others: Others, nowNs: bigint): Command {
  const place = random.below(OF_THE_BANK.length + 1);
  const make = OF_THE_BANK[place];
  if (make !== undefined) return make(random, others);
  const expiresAt = nowNs / NS_PER_SECOND + GRANT_SECONDS;
  const terms = { ledger: LEDGER, account: others.account, dailyLimit: 1n, expiresAt };
  return { kind: "grantDelegate", body: { key: keyOf(random), ...terms } };
}

/** A transfer of the shop's own, between accounts that there are where the bank has a desk. */
export function ofTheShop(random: Random): Command {
  const [{ id: creditAccountId }] = DESK_ACCOUNTS as readonly [(typeof DESK_ACCOUNTS)[number]];
  const way = { debitAccountId: SHOP_ACCOUNT.id, creditAccountId, ledger: LEDGER };
  return { kind: "createTransfers", batch: encodeTransfers([transfer({ id: randomId(random), ...way, amount: 1n })]) };
}

function paymentOf(random: Random, { inReview }: Others): bigint {
  return inReview.length === 0 ? randomId(random) : pick(random, inReview);
}

function assetOf(random: Random): { readonly ledger: number; readonly code: string } {
  const { ledger, code } = pick(random, ASSETS);
  return { ledger, code };
}

function supplyOf(random: Random): { readonly id: bigint; readonly ledger: number; readonly amount: bigint } {
  return { id: randomId(random), ledger: pick(random, ASSETS).ledger, amount: BigInt(between(random, 1, AMOUNT_MAX)) };
}

function keyOf(random: Random): Uint8Array {
  return randomBytes(random, KEY_BYTES);
}
