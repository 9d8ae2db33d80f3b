/**
 * What happens to a payment: creation with the risk decision and the choice of channel, authorisation, capture, void,
 * expiry, and what the network answers. Each step is one atomic part of a transaction; payment.ts has the map.
 *
 * The network is never believed on amounts: an answer about another amount than was asked undoes the payment at the
 * network and ends it as failed with `integrity_failure`. What the network has captured as asked is always posted.
 */
import { assert, must, unreachable } from "../../base/assert.ts";
import type { Ledger } from "../../ledger/ledger.ts";
import { transferFlags } from "../../ledger/records.ts";
import type { ChannelOutcomeBody, CreatePaymentBody } from "../../wire/kinds.ts";
import type { Refusal } from "../../wire/results.ts";
import type { Moment } from "../moment.ts";
import type { Intent, IntentAction, NetworkAnswer, Outbox } from "../outbox.ts";
import { type Posting, type Postings, TRANSFER_CODES } from "../postings.ts";
import type { Risk } from "../risk/risk.ts";
import type { Settlement } from "../settlement/settlement.ts";
import type { CardChannel } from "./card-channel.ts";
import type { Ending, Payment } from "./payment.ts";
import type { PaymentChange, Payments } from "./payments.ts";

const NS_PER_SECOND = 1_000_000_000n;
/** How long a wallet payment to be captured by hand stays authorised. */
const WALLET_HOLD_NS: bigint = 7n * 86_400n * NS_PER_SECOND;
/** Payments that one block may expire; each takes up to two ledger events. */
const EXPIRED_PAYMENTS_PER_BLOCK_MAX = 512;
const INTEGRITY_FAILURE = "integrity_failure";

export interface PaymentParts {
  readonly ledger: Ledger;
  readonly postings: Postings;
  readonly risk: Risk;
  readonly outbox: Outbox;
  readonly settlement: Settlement;
  readonly payments: Payments;
  readonly cards: CardChannel;
}

/** Why nothing was done; `what` names the thing that is missing or wrong. */
interface Refused {
  readonly refusal: Refusal;
  readonly what: string;
}

/** The payment as it is now, or why nothing was done. */
export type Step = Payment | Refused;

/** How a step changes a payment, but for the time. */
type Change = Omit<PaymentChange, "updatedAt">;

type Parties = Pick<Payment, "channel" | "payerParticipant" | "payeeParticipant">;

function refuse(refusal: Refusal, what: string): Refused {
  return { refusal, what };
}

export class PaymentLifeCycle {
  readonly #parts: PaymentParts;

  constructor(parts: PaymentParts) {
    this.#parts = parts;
  }

  create(moment: Moment, authority: number, body: CreatePaymentBody): Step {
    const { payments, risk } = this.#parts;
    if (payments.get(body.id) !== undefined) return refuse("already_exists", "id");
    const parties = this.#parties(authority, body);
    if ("refusal" in parties) return parties;
    const now = moment.timestamp / NS_PER_SECOND;
    const { ledger, payer, amount, initiatedAt = now } = body;
    // A time that has not come yet would open velocity windows ahead, each of them empty.
    const seconds = initiatedAt < now ? initiatedAt : now;
    const decision = risk.assess({ ledger, payer, amount, seconds });
    const draft: Payment = {
      ...{ id: body.id, state: "review", channel: parties.channel, payer, payee: body.payee, amount, ledger },
      ...{ capture: body.capture, cardToken: body.cardToken ?? "", reference: body.reference ?? "" },
      ...{ verdict: decision.verdict, reasons: decision.reasons, failure: "", signer: authority },
      ...{ payerParticipant: parties.payerParticipant, payeeParticipant: parties.payeeParticipant },
      ...{ hold: 0n, intent: 0n, networkReference: "", ending: "", window: 0, initiatedAt },
      ...{ createdAt: moment.timestamp, updatedAt: moment.timestamp, deadline: 0n },
    };
    const payment =
      decision.verdict === "accept"
        ? { ...draft, ...this.#authorize(moment, draft) }
        : { ...draft, state: decision.verdict === "review" ? ("review" as const) : ("declined" as const) };
    payments.add(payment);
    return this.#announce(moment, payment, true);
  }

  review(moment: Moment, id: bigint, decision: "approve" | "reject"): Step {
    const payment = this.#parts.payments.get(id);
    if (payment === undefined) return refuse("not_found", "payment");
    if (payment.state !== "review") return refuse("wrong_state", payment.state);
    if (decision === "reject") return this.#change(moment, payment, { state: "rejected" });
    if (payment.channel === "card" && this.#parts.outbox.full) return refuse("limit_reached", "outbox");
    return this.#change(moment, payment, this.#authorize(moment, payment));
  }

  capture(moment: Moment, authority: number, id: bigint): Step {
    const payment = this.#owned(authority, id);
    if ("refusal" in payment) return payment;
    if (payment.state !== "authorized") return refuse("wrong_state", payment.state);
    // Its expiry is housekeeping of the next block.
    if (payment.deadline <= moment.timestamp) return refuse("wrong_state", "expired");
    if (payment.channel === "wallet") return this.#change(moment, payment, this.#settleHold(moment, payment));
    return this.#change(moment, payment, { state: "capturing", intent: this.#ask(moment, payment, "capture") });
  }

  void(moment: Moment, authority: number, id: bigint): Step {
    const payment = this.#owned(authority, id);
    if ("refusal" in payment) return payment;
    if (payment.state !== "authorized") return refuse("wrong_state", payment.state);
    return this.#change(moment, payment, this.#undo(moment, payment, "voided", ""));
  }

  /** Takes the network's answer to an open intent. */
  outcome(moment: Moment, body: ChannelOutcomeBody): Step {
    const { outbox, payments } = this.#parts;
    const intent = outbox.intent(body.intent);
    if (intent === undefined) return refuse("not_found", "intent");
    if (!outbox.isOpen(intent.id)) {
      this.#compare(moment, intent, body.outcome);
      return refuse("wrong_state", "closed");
    }
    const payment = must(payments.get(intent.payment), `intent ${intent.id} has no payment`);
    assert(payment.intent === intent.id, `payment ${payment.id} does not wait for intent ${intent.id}`);
    outbox.close(intent.id, body.outcome);
    moment.events.push({ type: "intentClosed", id: intent.id });
    return this.#change(moment, payment, this.#answered(moment, payment, intent, body));
  }

  /** The answer that counts stands, whatever the network says later; that it says something else is told. */
  #compare(moment: Moment, { id, payment }: Intent, other: NetworkAnswer): void {
    const counted = this.#parts.outbox.answer(id);
    if (counted !== undefined && counted !== other)
      moment.events.push({ type: "answerContradicted", id, payment, counted, other });
  }

  /** Ends authorised payments whose deadline has passed; those beyond the bound wait for the next block. */
  expireOverdue(moment: Moment): void {
    for (let count = 0; count < EXPIRED_PAYMENTS_PER_BLOCK_MAX && moment.slotsLeft > 2; count++) {
      const payment = this.#parts.payments.overdue(moment.timestamp);
      if (payment === undefined) return;
      this.#change(moment, payment, this.#undo(moment, payment, "expired", ""));
    }
  }

  /** Who pays whom over which channel, and who settles for them. */
  #parties(authority: number, body: CreatePaymentBody): Parties | Refused {
    const parties = this.#partiesOfChannel(authority, body);
    if ("refusal" in parties) return parties;
    const { payerParticipant, payeeParticipant } = parties;
    const settled = this.#parts.settlement.takes(body.ledger, payerParticipant, payeeParticipant);
    return settled ? parties : refuse("not_configured", "participant");
  }

  #partiesOfChannel(authority: number, body: CreatePaymentBody): Parties | Refused {
    const { ledger, cards, outbox } = this.#parts;
    const payee = ledger.lookupAccount(body.payee);
    if (payee === undefined) return refuse("not_found", "payee");
    if (payee.ledger !== body.ledger) return refuse("invalid", "ledger");
    const payeeParticipant = this.#authorityOf(body.payee);
    const payer = ledger.lookupAccount(body.payer);
    const channel = body.channel ?? (payer === undefined && body.cardToken !== undefined ? "card" : "wallet");
    if (channel === "wallet") {
      if (payer === undefined) return refuse("not_found", "payer");
      if (payer.ledger !== body.ledger) return refuse("invalid", "ledger");
      const payerParticipant = this.#authorityOf(body.payer);
      if (payerParticipant !== authority) return refuse("not_authorized", "payer");
      return { channel, payerParticipant, payeeParticipant };
    }
    if (body.cardToken === undefined || body.cardToken === "") return refuse("invalid", "cardToken");
    const card = cards.of(body.ledger);
    if (card === undefined) return refuse("not_configured", "card");
    if (payeeParticipant !== authority) return refuse("not_authorized", "payee");
    if (outbox.full) return refuse("limit_reached", "outbox");
    return { channel, payerParticipant: this.#authorityOf(card.clearingAccount), payeeParticipant };
  }

  /** The authority of an account that exists. */
  #authorityOf(account: bigint): number {
    return must(this.#parts.ledger.accountAuthority(account), `account ${account} has no authority`);
  }

  /** Starts the channel's authorisation of a payment that risk or a reviewer has let pass. */
  #authorize(moment: Moment, payment: Payment): Change {
    if (payment.channel === "card") {
      return { state: "authorizing", intent: this.#ask(moment, payment, "authorize") };
    }
    const hold = this.#holdOf(moment, payment, payment.payer);
    if (payment.capture === "manual") {
      const failure = this.#parts.postings.post(moment, [hold]);
      if (failure !== undefined) return { state: "failed", failure };
      return { state: "authorized", hold: hold.id, deadline: moment.timestamp + WALLET_HOLD_NS };
    }
    const captured = { ...payment, hold: hold.id };
    const failure = this.#parts.postings.post(moment, [hold, this.#captureOf(moment, captured)]);
    if (failure !== undefined) return { state: "failed", failure };
    return { state: "captured", hold: hold.id, window: this.#clear(moment, payment) };
  }

  #answered(moment: Moment, payment: Payment, intent: Intent, body: ChannelOutcomeBody): Change {
    const honest = body.outcome === "declined" || body.amount === intent.amount;
    switch (intent.action) {
      case "authorize":
        if (body.outcome === "declined") return { state: "failed", failure: body.reason, intent: 0n };
        return this.#authorized(moment, { ...payment, networkReference: body.networkReference }, honest);
      case "capture":
        // Not captured, but authorised still: the network must let the card holder's money go.
        if (body.outcome === "declined") return this.#undo(moment, payment, "failed", body.reason);
        if (!honest) return this.#undo(moment, payment, "failed", INTEGRITY_FAILURE);
        return { intent: 0n, ...this.#settleHold(moment, payment) };
      case "void":
        // Declined means that the network holds nothing: then there is nothing left to undo.
        assert(payment.ending !== "", `payment ${payment.id} is voided to no end`);
        if (body.outcome === "declined")
          moment.events.push({ type: "voidDeclined", id: intent.id, payment: payment.id, reason: body.reason });
        return { state: payment.ending, intent: 0n };
      default:
        return unreachable(intent.action);
    }
  }

  /** The network has authorised: hold the money on the ledger, and capture where nobody needs to ask for it. */
  #authorized(moment: Moment, payment: Payment, honest: boolean): Change {
    const { networkReference } = payment;
    if (!honest) return { ...this.#undo(moment, payment, "failed", INTEGRITY_FAILURE), networkReference };
    const card = must(this.#parts.cards.of(payment.ledger), "a card payment in a currency without cards");
    const hold = this.#holdOf(moment, payment, card.clearingAccount);
    const failure = this.#parts.postings.post(moment, [hold]);
    if (failure !== undefined) return { ...this.#undo(moment, payment, "failed", failure), networkReference };
    // The clearing account may be another than when the payment was created: who pays is whose account is debited.
    const payerParticipant = this.#authorityOf(card.clearingAccount);
    const held = { hold: hold.id, payerParticipant, networkReference };
    if (payment.capture === "automatic") {
      return { ...held, state: "capturing", intent: this.#ask(moment, payment, "capture") };
    }
    const deadline = moment.timestamp + BigInt(card.holdSeconds) * NS_PER_SECOND;
    return { ...held, state: "authorized", intent: 0n, deadline };
  }

  /** Posts the hold: the money has moved. Where an account was closed meanwhile, the payment is taken back instead. */
  #settleHold(moment: Moment, payment: Payment): Change {
    const failure = this.#parts.postings.post(moment, [this.#captureOf(moment, payment)]);
    if (failure !== undefined) return this.#undo(moment, payment, "failed", failure);
    return { state: "captured", window: this.#clear(moment, payment) };
  }

  /** Takes an authorised payment back: at once for a wallet, by asking the network for a card. */
  #undo(moment: Moment, payment: Payment, ending: Exclude<Ending, "">, failure: string): Change {
    if (payment.hold !== 0n) this.#voidHold(moment, payment);
    if (payment.channel === "wallet") return { state: ending, failure };
    return { state: "voiding", ending, failure, intent: this.#ask(moment, payment, "void") };
  }

  #voidHold(moment: Moment, payment: Payment): void {
    const id = this.#parts.postings.transferId(moment, "void", payment.id);
    this.#parts.postings.mustPost(moment, [this.#resolve(payment, id, transferFlags.voidPendingTransfer)]);
  }

  #holdOf(moment: Moment, payment: Payment, debitAccountId: bigint): Posting {
    const id = this.#parts.postings.transferId(moment, "hold", payment.id);
    const { payee, amount, ledger } = payment;
    const code = TRANSFER_CODES[payment.channel];
    const flags = transferFlags.pending;
    return { id, debitAccountId, creditAccountId: payee, amount, ledger, code, userData128: payment.id, flags };
  }

  #captureOf(moment: Moment, payment: Payment): Posting {
    const id = this.#parts.postings.transferId(moment, "capture", payment.id);
    return this.#resolve(payment, id, transferFlags.postPendingTransfer);
  }

  #resolve(payment: Payment, id: bigint, flags: number): Posting {
    const { amount, ledger, hold } = payment;
    const code = TRANSFER_CODES[payment.channel];
    return { id, amount, ledger, code, pendingId: hold, userData128: payment.id, flags };
  }

  /** Adds a captured payment to its settlement window. */
  #clear(moment: Moment, payment: Payment): number {
    const { ledger, amount, payerParticipant: payer, payeeParticipant: payee } = payment;
    return this.#parts.settlement.record(moment, { ledger, amount, payer, payee });
  }

  /** Puts a question to the network into the outbox. */
  #ask(moment: Moment, payment: Payment, action: IntentAction): bigint {
    const { id, amount, ledger, cardToken, networkReference } = payment;
    const subject = { action, payment: id, amount, ledger, cardToken, networkReference };
    const intent = this.#parts.outbox.open({ ...subject, openedAt: moment.timestamp });
    moment.events.push({ type: "intentOpened", intent });
    return intent.id;
  }

  /** A payment that the authority may act on: the one that created it. */
  #owned(authority: number, id: bigint): Step {
    const payment = this.#parts.payments.get(id);
    if (payment === undefined) return refuse("not_found", "payment");
    return payment.signer === authority ? payment : refuse("not_authorized", "payment");
  }

  #change(moment: Moment, payment: Payment, change: Change): Payment {
    const after = this.#parts.payments.change(payment.id, { ...change, updatedAt: moment.timestamp });
    return this.#announce(moment, after, false);
  }

  #announce(moment: Moment, payment: Payment, created: boolean): Payment {
    const { id, state, verdict, reasons } = payment;
    moment.events.push({ type: "paymentChanged", id, created, state, verdict, reasons });
    return payment;
  }
}
