/**
 * The authorities of the day: banks that issue accounts to payers, banks that acquire for payees, and the card scheme.
 */
import { type ClusterFile, type KeyPair, newKey, QuorateClient } from "../../node/client/index.ts";
import { nativeSigner } from "../native-signer.ts";
import type { PaymentRow } from "../payments/payment-row.ts";
import type { Customers } from "./customers.ts";

const ISSUERS = 4;
const ACQUIRERS = 3;

interface NamedKey {
  readonly name: string;
  readonly key: KeyPair;
}

export interface Bank extends NamedKey {
  readonly client: QuorateClient;
}

/** Who signs for whom. */
export interface Banks {
  readonly all: readonly Bank[];
  readonly issuers: readonly Bank[];
  readonly acquirers: readonly Bank[];
  readonly scheme: Bank;
}

/** Names and new keys, before anybody knows them. */
export function newBankKeys(): readonly NamedKey[] {
  const names = [
    ...Array.from({ length: ISSUERS }, (_, index) => `issuer-${index + 1}`),
    ...Array.from({ length: ACQUIRERS }, (_, index) => `acquirer-${index + 1}`),
    "card-scheme",
  ];
  return names.map((name) => ({ name, key: newKey() }));
}

/** One client a bank, spread over the nodes; the keys must be in the registry. */
export async function connectBanks(cluster: ClusterFile, keys: readonly NamedKey[]): Promise<Banks> {
  const all = await Promise.all(
    keys.map(async ({ name, key }, index): Promise<Bank> => {
      const firstNode = cluster.nodes[index % cluster.nodes.length]?.id ?? 1;
      return { name, key, client: await QuorateClient.open({ cluster, signer: nativeSigner(key), firstNode }) };
    }),
  );
  const scheme = all[ISSUERS + ACQUIRERS] as Bank;
  return { all, issuers: all.slice(0, ISSUERS), acquirers: all.slice(ISSUERS, ISSUERS + ACQUIRERS), scheme };
}

function nth(banks: readonly Bank[], id: bigint): Bank {
  return banks[Number(id % BigInt(banks.length))] as Bank;
}

/** The bank that keeps a customer's account. */
export function bankOf({ issuers, acquirers }: Banks, { payers }: Customers, account: bigint): Bank {
  return payers.has(account) ? nth(issuers, account) : nth(acquirers, account);
}

/** The bank that signs a payment: the payer's for a wallet, the payee's for a card. */
export function signerOf(banks: Banks, customers: Customers, { cardToken, payer, payee }: PaymentRow): Bank {
  return bankOf(banks, customers, cardToken === undefined ? payer : payee);
}
