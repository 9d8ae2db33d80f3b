/**
 * What must be there before a day of payments: authorities, accounts with money, settlement, cards and risk rules. All of
 * it by signed transactions, as an operator would do it.
 */
import { CodedError } from "../../node/base/errors.ts";
import { BATCH_RECORDS_MAX } from "../../node/base/limits.ts";
import { batchResults, type Command, type Outcome, type QuorateClient } from "../../node/client/index.ts";
import {
  type Account,
  accountFlags,
  encodeAccounts,
  encodeTransfers,
  type Transfer,
} from "../../node/ledger/records.ts";
import { AccountStatus, accountStatusName, TransferStatus, transferStatusName } from "../../node/ledger/status.ts";
import type { PaymentRow } from "../payments/payment-row.ts";
import { acquirerOf, type Bank, type Banks, issuerOf } from "./banks.ts";

/** Accounts of the admin: where money enters, and the hub that settlement goes through. */
const RESERVE_ACCOUNT = 1n;
const HUB_ACCOUNT = 2n;
const CLEARING_ACCOUNT = 3n;
const SETTLEMENT_BASE = 100n;

/** Minor units. */
const PAYER_MONEY = 100_000n;
const BANK_MONEY = 10_000_000_000n;
const RISK = {
  reviewAmount: 22_000n,
  declineAmount: 60_000n,
  velocityWindowSeconds: 86_400,
  velocityReviewCount: 8,
  velocityDeclineCount: 12,
  velocityDeclineAmount: 0n,
};
const WINDOW_SECONDS = 86_400;
const CARD_HOLD_SECONDS = 604_800;
const ACCOUNT_CODES = { reserve: 1, hub: 2, clearing: 3, settlement: 4, payer: 10, payee: 20 } as const;
const FUNDING_CODE = 1;

/** Submits a command that must succeed. */
async function must(client: QuorateClient, command: Command): Promise<Outcome> {
  const outcome = await client.submit(command);
  const { status, what } = outcome.result;
  if (status === "ok") return outcome;
  throw new CodedError(
    status,
    `setting up failed: ${command.kind} was refused: ${status} ${typeof what === "string" ? what : ""}`,
  );
}

function account(id: bigint, ledger: number, code: number, flags = 0): Account {
  const balances = { debitsPending: 0n, debitsPosted: 0n, creditsPending: 0n, creditsPosted: 0n };
  return { id, ...balances, userData128: 0n, userData64: 0n, userData32: 0, ledger, code, flags, timestamp: 0n };
}

/** Creates accounts that belong to the client's authority, batch by batch. */
async function createAccounts(client: QuorateClient, accounts: readonly Account[]): Promise<void> {
  for (let at = 0; at < accounts.length; at += BATCH_RECORDS_MAX) {
    const batch = encodeAccounts(accounts.slice(at, at + BATCH_RECORDS_MAX));
    const { result } = await must(client, { kind: "createAccounts", batch });
    const bad = batchResults(result).find(({ status }) => status !== AccountStatus.created);
    if (bad !== undefined)
      throw new CodedError("internal", `an account was not created: ${accountStatusName(bad.status)}`);
  }
}

async function fund(
  client: QuorateClient,
  ledger: number,
  to: readonly bigint[],
  amount: bigint,
  firstId: bigint,
): Promise<void> {
  const transfers = to.map((creditAccountId, index): Transfer => {
    const accounts = { debitAccountId: RESERVE_ACCOUNT, creditAccountId };
    const nothing = {
      pendingId: 0n,
      userData128: 0n,
      userData64: 0n,
      userData32: 0,
      timeout: 0,
      flags: 0,
      timestamp: 0n,
    };
    return { id: firstId + BigInt(index), ...accounts, amount, ...nothing, ledger, code: FUNDING_CODE };
  });
  for (let at = 0; at < transfers.length; at += BATCH_RECORDS_MAX) {
    const batch = encodeTransfers(transfers.slice(at, at + BATCH_RECORDS_MAX));
    const { result } = await must(client, { kind: "createTransfers", batch });
    const bad = batchResults(result).find(({ status }) => status !== TransferStatus.created);
    if (bad !== undefined) throw new CodedError("internal", `funding failed: ${transferStatusName(bad.status)}`);
  }
}

/** Enters the banks into the registry; tells their authorities' numbers by name. */
export async function registerBanks(
  admin: QuorateClient,
  keys: readonly Pick<Bank, "name" | "key">[],
): Promise<ReadonlyMap<string, number>> {
  const numbers = new Map<string, number>();
  for (const { name, key } of keys) {
    const body = { name, keys: [key.publicKey], threshold: 1, roles: ["participant"] } as const;
    const { result } = await must(admin, { kind: "createAuthority", body });
    numbers.set(name, Number(result["id"]));
  }
  return numbers;
}

async function setUpSettlement(
  admin: QuorateClient,
  banks: Banks,
  numbers: ReadonlyMap<string, number>,
  ledger: number,
): Promise<void> {
  await createAccounts(admin, [
    account(RESERVE_ACCOUNT, ledger, ACCOUNT_CODES.reserve),
    account(HUB_ACCOUNT, ledger, ACCOUNT_CODES.hub),
  ]);
  await createAccounts(banks.scheme.client, [account(CLEARING_ACCOUNT, ledger, ACCOUNT_CODES.clearing)]);
  const settlement = { ledger, hubAccount: HUB_ACCOUNT, windowSeconds: WINDOW_SECONDS };
  await must(admin, { kind: "configureSettlement", body: settlement });
  const accounts = banks.all.map((_, index) => SETTLEMENT_BASE + BigInt(index));
  for (const [index, { name, client }] of banks.all.entries()) {
    const settlementAccount = accounts[index] as bigint;
    const flags = accountFlags.debitsMustNotExceedCredits;
    await createAccounts(client, [account(settlementAccount, ledger, ACCOUNT_CODES.settlement, flags)]);
    const authority = numbers.get(name) ?? 0;
    await must(admin, { kind: "configureParticipant", body: { authority, ledger, settlementAccount } });
  }
  await fund(admin, ledger, accounts, BANK_MONEY, 1n);
  const card = { ledger, clearingAccount: CLEARING_ACCOUNT, holdSeconds: CARD_HOLD_SECONDS };
  await must(admin, { kind: "configureCard", body: card });
  await must(admin, { kind: "configureRisk", body: { ledger, ...RISK } });
}

function unique(ids: readonly bigint[]): bigint[] {
  return [...new Set(ids)].sort((a, b) => (a < b ? -1 : 1));
}

async function openCustomers(
  admin: QuorateClient,
  banks: Banks,
  rows: readonly PaymentRow[],
  ledger: number,
): Promise<{ payers: number; payees: number }> {
  const payers = unique(rows.filter(({ cardToken }) => cardToken === undefined).map(({ payer }) => payer));
  const payees = unique(rows.map(({ payee }) => payee));
  const flags = accountFlags.debitsMustNotExceedCredits;
  for (const bank of banks.issuers) {
    const own = payers.filter((payer) => issuerOf(banks, payer) === bank);
    await createAccounts(
      bank.client,
      own.map((id) => account(id, ledger, ACCOUNT_CODES.payer, flags)),
    );
  }
  for (const bank of banks.acquirers) {
    const own = payees.filter((payee) => acquirerOf(banks, payee) === bank);
    await createAccounts(
      bank.client,
      own.map((id) => account(id, ledger, ACCOUNT_CODES.payee)),
    );
  }
  await fund(admin, ledger, payers, PAYER_MONEY, SETTLEMENT_BASE);
  return { payers: payers.length, payees: payees.length };
}

/** Makes everything ready for the rows; tells how many accounts of payers and payees were opened. */
export async function setUp(
  admin: QuorateClient,
  banks: Banks,
  numbers: ReadonlyMap<string, number>,
  rows: readonly PaymentRow[],
): Promise<{ payers: number; payees: number }> {
  const ledger = rows[0]?.ledger ?? 0;
  await setUpSettlement(admin, banks, numbers, ledger);
  return await openCustomers(admin, banks, rows, ledger);
}
