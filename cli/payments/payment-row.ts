/** One payment of an import, before anybody has signed it. */
export interface PaymentRow {
  readonly id: bigint;
  /** The payment's own time, seconds since the epoch. */
  readonly seconds: bigint;
  /** Account of the payer, or a reference to the card holder. */
  readonly payer: bigint;
  readonly payee: bigint;
  /** Minor units. */
  readonly amount: bigint;
  readonly ledger: number;
  /** Token of the card to charge; without it the payer's account pays. */
  readonly cardToken?: string;
}
