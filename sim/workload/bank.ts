/**
 * The small bank of a run: who may sign, which accounts there are, and the transactions that set it up.
 */
import { toHex } from "../../node/base/bytes.ts";
import {
  type Account,
  accountFlags,
  encodeAccounts,
  encodeTransfers,
  type Transfer,
} from "../../node/ledger/records.ts";
import type { Command } from "../../node/wire/body.ts";
import type { Signer } from "../../node/wire/transaction.ts";
import type { WorkloadOptions } from "../options.ts";

export const LEDGER = 978;
const CODE = 1;
/** Accounts by what they are for; hot accounts count up from theirs. */
const HOT = 1n;
const FUNDS = 100n;
const PAYERS = 200n;
const PAYEES = 300n;
const HUB = 400n;
const CLEARING = 401n;
const BANK_SETTLEMENT = 410n;
const SHOP_SETTLEMENT = 411n;
const PARTIES = 4;
/** What each payer starts with. */
const FUNDING = 100_000_000n;
/** Authorities of a fresh cluster: the admin, then its nodes. */
const ADMIN_AND = 1;

/** The keys of a run. */
export interface BankKeys {
  readonly admin: Signer;
  /** One for each client of the bank; all speak for the bank. */
  readonly bank: readonly Signer[];
  readonly shop: Signer;
}

/** Something to be done before the work begins, and whose key signs it. */
export interface SetupStep {
  readonly signer: "admin" | "bank" | "shop";
  readonly command: Command;
}

export function hotAccounts(count: number): readonly bigint[] {
  return Array.from({ length: count }, (_, index) => HOT + BigInt(index));
}

export const PAYER_ACCOUNTS: readonly bigint[] = Array.from({ length: PARTIES }, (_, i) => PAYERS + BigInt(i));
export const PAYEE_ACCOUNTS: readonly bigint[] = Array.from({ length: PARTIES }, (_, i) => PAYEES + BigInt(i));

/** The transactions that make the bank, in the order in which they must succeed. */
export function setupSteps(keys: BankKeys, nodes: number, options: WorkloadOptions): readonly SetupStep[] {
  const bankKeys = keys.bank.map((signer) => signer.publicKey);
  const steps: SetupStep[] = [
    authority("bank", bankKeys),
    authority("shop", [keys.shop.publicKey]),
    { signer: "bank", command: accounts([...hotAccounts(options.hotAccounts), FUNDS, BANK_SETTLEMENT], 0) },
  ];
  if (!options.payments) return steps;
  const bank = ADMIN_AND + nodes + 1;
  const settlement = { ledger: LEDGER, hubAccount: HUB, windowSeconds: 2 };
  const participants = [
    { authority: bank, settlementAccount: BANK_SETTLEMENT },
    { authority: bank + 1, settlementAccount: SHOP_SETTLEMENT },
    { authority: 1, settlementAccount: CLEARING },
  ];
  return [
    ...steps,
    { signer: "bank", command: accounts(PAYER_ACCOUNTS, accountFlags.debitsMustNotExceedCredits) },
    { signer: "shop", command: accounts([...PAYEE_ACCOUNTS, SHOP_SETTLEMENT], 0) },
    { signer: "admin", command: accounts([HUB, CLEARING], 0) },
    { signer: "bank", command: { kind: "createTransfers", batch: encodeTransfers(fundingTransfers()) } },
    { signer: "admin", command: { kind: "configureSettlement", body: settlement } },
    ...participants.map((who): SetupStep => {
      return { signer: "admin", command: { kind: "configureParticipant", body: { ledger: LEDGER, ...who } } };
    }),
    {
      signer: "admin",
      command: { kind: "configureCard", body: { ledger: LEDGER, clearingAccount: CLEARING, holdSeconds: 5 } },
    },
    { signer: "admin", command: { kind: "configureRisk", body: RISK } },
  ];
}

const RISK = {
  ledger: LEDGER,
  reviewAmount: 9_000n,
  declineAmount: 9_800n,
  velocityWindowSeconds: 5,
  velocityReviewCount: 200,
  velocityDeclineCount: 400,
  velocityDeclineAmount: 0n,
};

function authority(name: string, keys: readonly Uint8Array[]): SetupStep {
  const unique = [...new Map(keys.map((key) => [toHex(key), key])).values()];
  const body = { name, keys: unique, threshold: 1, roles: ["participant", "issuer"] as const };
  return { signer: "admin", command: { kind: "createAuthority", body } };
}

function accounts(ids: readonly bigint[], flags: number): Command {
  const records = ids.map((id): Account => {
    const balances = { debitsPending: 0n, debitsPosted: 0n, creditsPending: 0n, creditsPosted: 0n };
    const userData = { userData128: 0n, userData64: 0n, userData32: 0 };
    return { id, ...balances, ...userData, ledger: LEDGER, code: CODE, flags, timestamp: 0n };
  });
  return { kind: "createAccounts", batch: encodeAccounts(records) };
}

function fundingTransfers(): Transfer[] {
  return PAYER_ACCOUNTS.map((payer, index) =>
    transfer({ id: 1_000n + BigInt(index), debitAccountId: FUNDS, creditAccountId: payer, amount: FUNDING }),
  );
}

/** A transfer of which only this much is special. */
export function transfer(
  special: Pick<Transfer, "id" | "debitAccountId" | "creditAccountId" | "amount"> & Partial<Transfer>,
): Transfer {
  const userData = { userData128: 0n, userData64: 0n, userData32: 0 };
  const rest = { pendingId: 0n, timeout: 0, ledger: LEDGER, code: CODE, flags: 0, timestamp: 0n };
  return { ...userData, ...rest, ...special };
}
