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
import { type Bank, type Banks, bankOf } from "./banks.ts";
import type { Customers } from "./customers.ts";

/** Accounts of the day's own, above whatever a file of payments names: where money enters, and the settlement hub. */
const OWN_ACCOUNTS: bigint = 10n ** 30n;
const RESERVE_ACCOUNT: bigint = OWN_ACCOUNTS + 1n;
const HUB_ACCOUNT: bigint = OWN_ACCOUNTS + 2n;
const CLEARING_ACCOUNT: bigint = OWN_ACCOUNTS + 3n;
const SETTLEMENT_BASE: bigint = OWN_ACCOUNTS + 100n;
/** Ids of the transfers that bring money in. */
const FIRST_BANK_FUNDING = 1n;
const FIRST_PAYER_FUNDING = 1_000n;

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

function notSetUp(what: string, status: string): CodedError {
  return new CodedError(status, `setting up failed: ${what} was not created: ${status}`);
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
    if (bad !== undefined) throw notSetUp("an account", accountStatusName(bad.status));
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
    if (bad !== undefined) throw notSetUp("a first transfer", transferStatusName(bad.status));
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
  await fund(admin, ledger, accounts, BANK_MONEY, FIRST_BANK_FUNDING);
  const card = { ledger, clearingAccount: CLEARING_ACCOUNT, holdSeconds: CARD_HOLD_SECONDS };
  await must(admin, { kind: "configureCard", body: card });
  await must(admin, { kind: "configureRisk", body: { ledger, ...RISK } });
}

async function openCustomers(admin: QuorateClient, banks: Banks, customers: Customers, ledger: number): Promise<void> {
  const { payers, payees } = customers;
  for (const bank of banks.all) {
    const own = (accounts: ReadonlySet<bigint>): bigint[] =>
      [...accounts].filter((id) => bankOf(banks, customers, id) === bank);
    const flags = accountFlags.debitsMustNotExceedCredits;
    await createAccounts(bank.client, [
      ...own(payers).map((id) => account(id, ledger, ACCOUNT_CODES.payer, flags)),
      ...own(payees).map((id) => account(id, ledger, ACCOUNT_CODES.payee)),
    ]);
  }
  await fund(admin, ledger, [...payers], PAYER_MONEY, FIRST_PAYER_FUNDING);
}

/** What each customer's account is given when it is opened. */
export function givenTo({ payers, payees }: Customers): ReadonlyMap<bigint, bigint> {
  return new Map([
    ...[...payers].map((id): [bigint, bigint] => [id, PAYER_MONEY]),
    ...[...payees].map((id): [bigint, bigint] => [id, 0n]),
  ]);
}

/** Makes everything ready for the customers' payments in a currency. */
export async function setUp(
  admin: QuorateClient,
  banks: Banks,
  numbers: ReadonlyMap<string, number>,
  customers: Customers,
  ledger: number,
): Promise<void> {
  await setUpSettlement(admin, banks, numbers, ledger);
  await openCustomers(admin, banks, customers, ledger);
}
