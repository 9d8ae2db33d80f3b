/**
 * The small bank of a run: who may sign, which accounts there are, and the transactions that set it up.
 */
import { toHex } from "../../node/base/bytes.ts";
import {
  type Account,
  type AccountInput,
  accountFlags,
  encodeAccounts,
  encodeTransfers,
  type Transfer,
} from "../../node/ledger/records.ts";
import type { Command } from "../../node/wire/body.ts";
import type { ConfigureRiskBody, Role } from "../../node/wire/kinds.ts";
import type { Signer } from "../../node/wire/transaction.ts";
import { DESK_ACCOUNTS, LEDGERS, SHOP_ACCOUNT } from "./accounts.ts";
import type { WorkloadOptions } from "./options.ts";

const [LEDGER] = LEDGERS;
const CODE = 1;
/** Accounts by what they are for. Hot accounts count up from theirs, in steps of a currency. */
const HOT = 1n;
const HOT_OF_LEDGER = 50n;
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
/** Who may get leave to debit the bank's accounts. */
export const DELEGATES = 2;
/** Authorities of a fresh cluster: the admin, then its nodes. */
const ADMIN_AND = 1;

/** The keys of a run. */
export interface BankKeys {
  readonly admin: Signer;
  /** One for each client of the bank; one of them and a cosigner speak for the bank. */
  readonly bank: readonly Signer[];
  /** Signs with every client of the bank. */
  readonly cosigner: Signer;
  /** Might as well, until its key is replaced by the other one. */
  readonly leaver: Signer;
  readonly joiner: Signer;
  readonly shop: Signer;
  /** Speaks for the bank where things are not plain, with the cosigner. */
  readonly desk: Signer;
  /** Nobody until the desk lets them debit accounts of the bank. */
  readonly delegates: readonly Signer[];
  readonly auditor: Signer;
  readonly operator: Signer;
  /** Nobody. */
  readonly intruder: Signer;
}

/** The keys of a run's people. */
export function bankKeys(ring: { create(label: string): Signer }, { tellers, readers }: WorkloadOptions): BankKeys {
  const bank = Array.from({ length: tellers + readers }, (_, index) => ring.create(`bank ${index}`));
  const delegates = Array.from({ length: DELEGATES }, (_, index) => ring.create(`delegate ${index}`));
  const [cosigner, leaver, joiner] = ["cosigner", "leaver", "joiner"].map((name) => ring.create(name)) as [
    ...[Signer, Signer, Signer],
  ];
  const [admin, shop, desk, auditor, operator, intruder] = [
    ...["admin", "shop", "desk", "auditor", "operator", "intruder"],
  ].map((name) => ring.create(name)) as [...[Signer, Signer, Signer, Signer, Signer, Signer]];
  return { admin, bank, cosigner, leaver, joiner, shop, desk, delegates, auditor, operator, intruder };
}

/** Something to be done before the work begins, and whose key signs it. */
export interface SetupStep {
  readonly signer: "admin" | "bank" | "shop";
  readonly command: Command;
}

/** Accounts of one currency between which all clients move money. */
export interface Purse {
  readonly ledger: number;
  readonly accounts: readonly bigint[];
}

export function hotPurses(accountsOfEach: number): readonly Purse[] {
  return LEDGERS.map((ledger, place) => {
    const first = HOT + BigInt(place) * HOT_OF_LEDGER;
    return { ledger, accounts: Array.from({ length: accountsOfEach }, (_, index) => first + BigInt(index)) };
  });
}

export const PAYER_ACCOUNTS: readonly bigint[] = Array.from({ length: PARTIES }, (_, i) => PAYERS + BigInt(i));
export const PAYEE_ACCOUNTS: readonly bigint[] = Array.from({ length: PARTIES }, (_, i) => PAYEES + BigInt(i));

/** The transactions that enter who there is, in the order in which they must succeed. */
export function authoritySteps(keys: BankKeys, { operator }: WorkloadOptions): readonly SetupStep[] {
  return [
    authority("bank", bankKeySet(keys, keys.leaver), 2),
    authority("shop", [keys.shop.publicKey], 1),
    authority("auditor", [keys.auditor.publicKey], 1, ["auditor"]),
    ...(operator === undefined ? [] : [authority("operator", [keys.operator.publicKey], 1, ["operator"])]),
  ];
}

/** The transactions that make the bank then, in order. */
export function bankSteps(nodes: number, options: WorkloadOptions): readonly SetupStep[] {
  const steps: SetupStep[] = [
    ...hotPurses(options.hotAccounts).map((purse): SetupStep => {
      return { signer: "bank", command: accounts(purse.ledger, purse.accounts, 0) };
    }),
    ...(options.clerk === undefined ? [] : deskSteps()),
  ];
  if (!options.payments) return steps;
  const inMain = (ids: readonly bigint[], flags: number): Command => accounts(LEDGER, ids, flags);
  const bank = bankAuthority(nodes);
  const settlement = { ledger: LEDGER, hubAccount: HUB, windowSeconds: 2 };
  const participants = [
    { authority: bank, settlementAccount: BANK_SETTLEMENT },
    { authority: bank + 1, settlementAccount: SHOP_SETTLEMENT },
    { authority: 1, settlementAccount: CLEARING },
  ];
  return [
    ...steps,
    { signer: "bank", command: inMain([FUNDS, BANK_SETTLEMENT], 0) },
    { signer: "bank", command: inMain(PAYER_ACCOUNTS, accountFlags.debitsMustNotExceedCredits) },
    { signer: "shop", command: inMain([...PAYEE_ACCOUNTS, SHOP_SETTLEMENT], 0) },
    { signer: "admin", command: inMain([HUB, CLEARING], 0) },
    { signer: "bank", command: { kind: "createTransfers", batch: encodeTransfers(fundingTransfers()) } },
    { signer: "admin", command: { kind: "configureSettlement", body: settlement } },
    ...participants.map((who): SetupStep => {
      return { signer: "admin", command: { kind: "configureParticipant", body: { ledger: LEDGER, ...who } } };
    }),
    {
      signer: "admin",
      command: { kind: "configureCard", body: { ledger: LEDGER, clearingAccount: CLEARING, holdSeconds: 2 } },
    },
    { signer: "admin", command: { kind: "configureRisk", body: RISK } },
  ];
}

/** The rules of risk that a run begins with. */
export const RISK: ConfigureRiskBody = {
  ledger: LEDGER,
  reviewAmount: 9_000n,
  declineAmount: 9_800n,
  velocityWindowSeconds: 5,
  velocityReviewCount: 200,
  velocityDeclineCount: 400,
  velocityDeclineAmount: 0n,
};

/** All keys of the bank: `last` is the one that changes. */
function bankKeySet(keys: BankKeys, last: Signer): readonly Uint8Array[] {
  return [...keys.bank, keys.desk, keys.cosigner, last].map((signer) => signer.publicKey);
}

/** Replaces the leaver's key by the joiner's, with everybody else at work. */
export function rotation(keys: BankKeys, nodes: number): Command {
  const body = { authority: bankAuthority(nodes), keys: bankKeySet(keys, keys.joiner), threshold: 2 };
  return { kind: "replaceKeys", body };
}

/** The bank's number in the registry: it is the first that the admin enters. */
export function bankAuthority(nodes: number): number {
  return ADMIN_AND + nodes + 1;
}

function deskSteps(): readonly SetupStep[] {
  const open = (list: readonly AccountInput[]): Command => {
    return { kind: "createAccounts", batch: encodeAccounts(list.map((one) => ({ ...one, code: CODE }))) };
  };
  return [
    { signer: "bank", command: open(DESK_ACCOUNTS) },
    { signer: "shop", command: open([SHOP_ACCOUNT]) },
  ];
}

function authority(
  name: string,
  keys: readonly Uint8Array[],
  threshold: number,
  roles: readonly Role[] = ["participant", "issuer"],
): SetupStep {
  const unique = [...new Map(keys.map((key) => [toHex(key), key])).values()];
  const body = { name, keys: unique, threshold, roles };
  return { signer: "admin", command: { kind: "createAuthority", body } };
}

function accounts(ledger: number, ids: readonly bigint[], flags: number): Command {
  const records = ids.map((id): Account => {
    const balances = { debitsPending: 0n, debitsPosted: 0n, creditsPending: 0n, creditsPosted: 0n };
    const userData = { userData128: 0n, userData64: 0n, userData32: 0 };
    return { id, ...balances, ...userData, ledger, code: CODE, flags, timestamp: 0n };
  });
  return { kind: "createAccounts", batch: encodeAccounts(records) };
}

function fundingTransfers(): Transfer[] {
  return PAYER_ACCOUNTS.map((payer, index) =>
    transfer({
      ...{ id: 1_000n + BigInt(index), debitAccountId: FUNDS, creditAccountId: payer },
      ...{ amount: FUNDING, ledger: LEDGER },
    }),
  );
}

/** A transfer of which only this much is special. */
export function transfer(
  special: Pick<Transfer, "id" | "debitAccountId" | "creditAccountId" | "amount" | "ledger"> & Partial<Transfer>,
): Transfer {
  const userData = { userData128: 0n, userData64: 0n, userData32: 0 };
  return { ...userData, pendingId: 0n, timeout: 0, code: CODE, flags: 0, timestamp: 0n, ...special };
}
