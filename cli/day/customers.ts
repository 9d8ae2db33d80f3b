/**
 * Whose accounts a day needs. Who pays from an account is a customer of an issuing bank, also when somebody pays into it;
 * whoever is only paid is a customer of an acquiring bank. A card holder needs no account with us.
 */
import type { PaymentRow } from "../payments/payment-row.ts";

export interface Customers {
  readonly payers: ReadonlySet<bigint>;
  readonly payees: ReadonlySet<bigint>;
}

export function customersOf(rows: readonly PaymentRow[]): Customers {
  const payers = new Set(rows.filter(({ cardToken }) => cardToken === undefined).map(({ payer }) => payer));
  const payees = new Set(rows.map(({ payee }) => payee).filter((payee) => !payers.has(payee)));
  return { payers, payees };
}
