/**
 * The authorities of the day: banks that issue accounts to payers, banks that acquire for terminals, and the card scheme.
 */
import { type ClusterFile, type KeyPair, newKey, QuorateClient } from "../../node/client/index.ts";
import type { PaymentRow } from "../payments/payment-row.ts";

const ISSUERS = 4;
const ACQUIRERS = 3;

export interface Bank {
  readonly name: string;
  readonly key: KeyPair;
  readonly client: QuorateClient;
}

/** Who signs for whom. */
export interface Banks {
  readonly all: readonly Bank[];
  readonly issuers: readonly Bank[];
  readonly acquirers: readonly Bank[];
  readonly scheme: Bank;
}

interface NamedKey {
  readonly name: string;
  readonly key: KeyPair;
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
      return { name, key, client: await QuorateClient.open({ cluster, signer: key, firstNode }) };
    }),
  );
  const scheme = all[ISSUERS + ACQUIRERS] as Bank;
  return { all, issuers: all.slice(0, ISSUERS), acquirers: all.slice(ISSUERS, ISSUERS + ACQUIRERS), scheme };
}

function nth(banks: readonly Bank[], id: bigint): Bank {
  return banks[Number(id % BigInt(banks.length))] as Bank;
}

export function issuerOf({ issuers }: Banks, payer: bigint): Bank {
  return nth(issuers, payer);
}

export function acquirerOf({ acquirers }: Banks, payee: bigint): Bank {
  return nth(acquirers, payee);
}

/** The bank that signs a payment: the payer's for a wallet, the payee's for a card. */
export function signerOf(banks: Banks, row: PaymentRow): Bank {
  return row.cardToken === undefined ? issuerOf(banks, row.payer) : acquirerOf(banks, row.payee);
}
