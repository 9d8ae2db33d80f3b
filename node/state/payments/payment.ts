/**
 * A payment: its row, its states, and the only transitions between them.
 *
 *   create ─┬─> declined                      risk said no
 *           ├─> review ──> rejected           a reviewer said no; "approve" goes on as below
 *           ├─> failed                        the channel or the ledger refused
 *           ├─> authorized ──> captured       wallet: the ledger itself authorises
 *           └─> authorizing ──> authorized ──> capturing ──> captured      card: the network is asked
 *   authorized ──> voided | expired (wallet) or voiding ──> voided | expired | failed (card: the network must undo too)
 *   capturing ──> voiding ──> failed        the network or the ledger refused the capture
 *
 * docs/payments.md has the whole table of states and commands.
 *
 * A hold on the ledger stands from `authorized` until it is posted (captured) or voided; it has no timeout of its own,
 * so that it can never vanish while the network is being asked: the payment's deadline ends it.
 */
import { assert } from "../../base/assert.ts";
import { u128Bytes } from "../../base/bytes.ts";
import { CHANNELS, type Channel } from "../../wire/kinds.ts";
import { integer, list, oneOf, type Schema, safeInteger, text, tuple, u32, u64, u128 } from "../../wire/schema.ts";
import { REASONS, type Reason, VERDICTS, type Verdict } from "../risk/rules.ts";

export const PAYMENT_STATES = [
  "review",
  "authorizing",
  "authorized",
  "capturing",
  "captured",
  "voiding",
  "voided",
  "expired",
  "declined",
  "rejected",
  "failed",
] as const;
export type PaymentState = (typeof PAYMENT_STATES)[number];

const TRANSITIONS: Readonly<Record<PaymentState, readonly PaymentState[]>> = {
  review: ["rejected", "authorizing", "authorized", "captured", "failed"],
  authorizing: ["authorized", "capturing", "voiding", "failed"],
  authorized: ["capturing", "captured", "voiding", "voided", "expired", "failed"],
  capturing: ["captured", "voiding"],
  voiding: ["voided", "expired", "failed"],
  captured: [],
  voided: [],
  expired: [],
  declined: [],
  rejected: [],
  failed: [],
};

/** States a payment may be created in. */
const INITIAL: readonly PaymentState[] = ["review", "authorizing", "authorized", "captured", "declined", "failed"];

/** Where a payment that is being voided at the network ends. */
const ENDINGS = ["", "voided", "expired", "failed"] as const;
export type Ending = (typeof ENDINGS)[number];

export interface Payment {
  readonly id: bigint;
  readonly state: PaymentState;
  readonly channel: Channel;
  readonly payer: bigint;
  readonly payee: bigint;
  /** Minor units of the ledger's currency. */
  readonly amount: bigint;
  readonly ledger: number;
  readonly capture: "automatic" | "manual";
  readonly cardToken: string;
  readonly reference: string;
  readonly verdict: Verdict;
  readonly reasons: readonly Reason[];
  /** Why it failed: a transfer status of the ledger, or the network's word. Empty otherwise. */
  readonly failure: string;
  /** Authority that created it. */
  readonly signer: number;
  /** Authorities that settle: whose money it was, whose it becomes. */
  readonly payerParticipant: number;
  readonly payeeParticipant: number;
  /** The pending transfer on the ledger; 0 before there is one. */
  readonly hold: bigint;
  /** The open intent; 0 when none is. */
  readonly intent: bigint;
  /** The network's reference of the authorisation. */
  readonly networkReference: string;
  readonly ending: Ending;
  /** Settlement window it was captured in; 0 for none. */
  readonly window: number;
  /** The payment's own time, seconds since the epoch. */
  readonly initiatedAt: bigint;
  /** Log times, nanoseconds. */
  readonly createdAt: bigint;
  readonly updatedAt: bigint;
  /** When an authorised payment expires; 0 for never. */
  readonly deadline: bigint;
}

/** Asserts that a payment may go from one state (undefined: not there yet) to the next. */
export function assertTransition(from: PaymentState | undefined, to: PaymentState): void {
  const allowed = from === undefined ? INITIAL : TRANSITIONS[from];
  assert(allowed.includes(to), `a payment cannot go from ${from ?? "nothing"} to ${to}`);
}

const partySchema = tuple(
  u128,
  oneOf(...PAYMENT_STATES),
  oneOf(...CHANNELS),
  u128,
  u128,
  u128,
  integer(1, 0xffff_ffff),
  oneOf("automatic", "manual"),
  text(64),
  text(64),
);
const decisionSchema = tuple(
  oneOf(...VERDICTS),
  list(oneOf(...REASONS), REASONS.length),
  text(64),
  u32,
  u32,
  u32,
  u128,
  u64,
  text(64),
);
const courseSchema = tuple(oneOf(...ENDINGS), safeInteger, u64, u64, u64, u64);
const rowSchema = tuple(partySchema, decisionSchema, courseSchema);

export function encodePayment(p: Payment): readonly unknown[] {
  const money = [u128Bytes(p.payer), u128Bytes(p.payee), u128Bytes(p.amount), p.ledger];
  return [
    [u128Bytes(p.id), p.state, p.channel, ...money, p.capture, p.cardToken, p.reference],
    [
      p.verdict,
      p.reasons,
      p.failure,
      p.signer,
      p.payerParticipant,
      p.payeeParticipant,
      u128Bytes(p.hold),
      p.intent,
      p.networkReference,
    ],
    [p.ending, p.window, p.initiatedAt, p.createdAt, p.updatedAt, p.deadline],
  ];
}

export const decodePayment: Schema<Payment> = (value, path) => {
  const [party, decision, course] = rowSchema(value, path);
  const [id, state, channel, payer, payee, amount, ledger, capture, cardToken, reference] = party;
  const [verdict, reasons, failure, signer, payerParticipant, payeeParticipant, hold, intent, networkReference] =
    decision;
  const [ending, window, initiatedAt, createdAt, updatedAt, deadline] = course;
  return {
    ...{ id, state, channel, payer, payee, amount, ledger, capture, cardToken, reference },
    ...{ verdict, reasons, failure, signer, payerParticipant, payeeParticipant, hold, intent, networkReference },
    ...{ ending, window, initiatedAt, createdAt, updatedAt, deadline },
  };
};
