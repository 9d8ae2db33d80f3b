/**
 * What becomes of payments, written from docs/payments.md alone: the tables of states, who may do what, what the ledger and
 * the card network are asked for. Risk and settlement have references of their own, beside this one.
 */
import type { Command } from "../../node/wire/body.ts";
import type { ChannelOutcomeBody, ConfigureCardBody, CreatePaymentBody } from "../../node/wire/kinds.ts";
import type { ModelPosting, Post } from "./model-postings.ts";
import type { Prediction } from "./reference-bank.ts";
import { type ReferenceLedger, T } from "./reference-ledger.ts";
import { ReferenceRisk } from "./reference-risk.ts";
import { ReferenceSettlement, type SettlementMoment } from "./reference-settlement.ts";

const SECOND = 1_000_000_000n;
const WALLET_HOLD = 7n * 86_400n * SECOND;
/** Codes of the transfers of each channel. */
const CODES = { wallet: 1, card: 2 } as const;

export interface ModelPayment {
  readonly id: bigint;
  readonly channel: "wallet" | "card";
  readonly payer: bigint;
  readonly payee: bigint;
  readonly amount: bigint;
  readonly ledger: number;
  readonly capture: "automatic" | "manual";
  readonly cardToken: string;
  readonly verdict: string;
  readonly reasons: readonly string[];
  readonly signer: number;
  state: string;
  failure: string;
  networkReference: string;
  /** Whose money it is. */
  payerParticipant: number;
  readonly payeeParticipant: number;
  /** The pending transfer; 0 before there is one. */
  hold: bigint;
  /** What a void at the network ends in. */
  ending: "voided" | "expired" | "failed";
  /** When an authorised payment expires. */
  deadline: bigint;
  window: number;
}

interface ModelIntent {
  readonly id: bigint;
  readonly action: "authorize" | "capture" | "void";
  readonly payment: ModelPayment;
  /** Undefined while it is open. */
  answer: "approved" | "declined" | undefined;
}

/** What a block must tell of payments and of questions to the network. */
export type ModelEvent = Readonly<Record<string, unknown>> & { readonly type: string };

/** When something happens, and the ledger that it may move money on. */
export interface ModelMoment extends SettlementMoment {
  /** For payments, as `settle` is for settlement. */
  readonly post: Post;
}

type Parties = Pick<ModelPayment, "channel" | "payerParticipant" | "payeeParticipant">;

const OK: Prediction = { status: "ok" };

export class ReferencePayments {
  readonly risk: ReferenceRisk = new ReferenceRisk();
  readonly settlement: ReferenceSettlement;
  /** What the block must tell. */
  readonly events: ModelEvent[] = [];
  readonly #ledger: Pick<ReferenceLedger, "account" | "authorityOf">;
  readonly #isKnown: (authority: number) => boolean;
  readonly #payments = new Map<bigint, ModelPayment>();
  readonly #intents: ModelIntent[] = [];
  readonly #cards = new Map<number, ConfigureCardBody>();

  /** `isKnown` tells whether there is an authority of this number. */
  constructor(ledger: Pick<ReferenceLedger, "account" | "authorityOf">, isKnown: (authority: number) => boolean) {
    this.#ledger = ledger;
    this.#isKnown = isKnown;
    this.settlement = new ReferenceSettlement(ledger);
  }

  get all(): readonly ModelPayment[] {
    return [...this.#payments.values()];
  }

  /** The beginning of a block: payments whose deadline has passed expire, so many; windows that have ended close. */
  beginBlock(moment: ModelMoment): number {
    const overdue = this.all.filter(({ state, deadline }) => state === "authorized" && deadline <= moment.now);
    overdue.sort((a, b) => (a.deadline < b.deadline ? -1 : a.deadline > b.deadline ? 1 : 0));
    for (const payment of overdue) {
      this.#undo(payment, "expired", "", moment);
      this.#tell(payment);
    }
    this.settlement.closeEnded(moment);
    return overdue.length;
  }

  /** Carries out a command of an authority that has the role for it; undefined for one that is no matter of payments. */
  execute(command: Command, by: number, moment: ModelMoment): Prediction | undefined {
    switch (command.kind) {
      case "createPayment":
        return this.#create(command.body, by, moment);
      case "reviewPayment":
        return this.#review(command.body.id, command.body.decision, moment);
      case "capturePayment":
        return this.#ofCreator(command.body.id, by, (payment) => this.#capture(payment, moment));
      case "voidPayment":
        return this.#ofCreator(command.body.id, by, (payment) => this.#undo(payment, "voided", "", moment));
      case "channelOutcome":
        return this.#answered(command.body, moment);
      case "blockPayer":
        this.risk.block(command.body);
        return OK;
      case "configureRisk":
        this.risk.configure(command.body);
        return OK;
      case "configureCard":
        return { status: this.#configureCard(command.body) };
      case "configureSettlement":
        return { status: this.settlement.configure(command.body, moment.release) };
      case "configureParticipant":
        if (!this.#isKnown(command.body.authority)) return { status: "not_found" };
        return { status: this.settlement.configureParticipant(command.body, moment.release) };
      case "closeSettlement": {
        const closed = this.settlement.close(command.body.ledger, moment);
        return closed === undefined ? { status: "not_configured" } : { ...OK, ...closed };
      }
      default:
        return undefined;
    }
  }

  #configureCard(body: ConfigureCardBody): string {
    const account = this.#ledger.account(body.clearingAccount);
    if (account === undefined) return "not_found";
    if (account.ledger !== body.ledger) return "invalid";
    this.#cards.set(body.ledger, body);
    return "ok";
  }

  #create(body: CreatePaymentBody, signer: number, moment: ModelMoment): Prediction {
    const { id, payer, payee, amount, ledger, capture, cardToken = "" } = body;
    if (this.#payments.has(id)) return { status: "already_exists", what: "id" };
    const parties = this.#parties(body, signer);
    if ("status" in parties) return parties;
    const now = moment.now / SECOND;
    const seconds = body.initiatedAt === undefined || body.initiatedAt > now ? now : body.initiatedAt;
    const decision = this.risk.judge({ ledger, payer, amount, seconds });
    const payment: ModelPayment = {
      ...{ id, payer, payee, amount, ledger, capture, cardToken, signer },
      ...decision,
      ...parties,
      ...{ state: "review", failure: "", networkReference: "", hold: 0n, ending: "failed", deadline: 0n, window: 0 },
    };
    if (decision.verdict === "decline") payment.state = "declined";
    if (decision.verdict === "accept") this.#authorize(payment, moment);
    this.#payments.set(id, payment);
    this.#tell(payment, true);
    return told(payment);
  }

  #parties(body: CreatePaymentBody, by: number): Parties | Prediction {
    const parties = this.#partiesOf(body, by);
    if ("status" in parties) return parties;
    const { payerParticipant, payeeParticipant } = parties;
    const isTaken = this.settlement.takes(body.ledger, payerParticipant, payeeParticipant);
    return isTaken ? parties : { status: "not_configured", what: "participant" };
  }

  #partiesOf({ payer, payee, ledger, channel, cardToken }: CreatePaymentBody, by: number): Parties | Prediction {
    const [from, to] = [this.#ledger.account(payer), this.#ledger.account(payee)];
    if (to === undefined) return { status: "not_found", what: "payee" };
    if (to.ledger !== ledger) return { status: "invalid", what: "ledger" };
    const payeeParticipant = this.#authorityOf(payee);
    const byCard = channel === "card" || (channel === undefined && from === undefined && cardToken !== undefined);
    if (!byCard) {
      if (from === undefined) return { status: "not_found", what: "payer" };
      if (from.ledger !== ledger) return { status: "invalid", what: "ledger" };
      if (this.#authorityOf(payer) !== by) return { status: "not_authorized", what: "payer" };
      return { channel: "wallet", payerParticipant: by, payeeParticipant };
    }
    if (cardToken === undefined || cardToken === "") return { status: "invalid", what: "cardToken" };
    const card = this.#cards.get(ledger);
    if (card === undefined) return { status: "not_configured", what: "card" };
    if (payeeParticipant !== by) return { status: "not_authorized", what: "payee" };
    return { channel: "card", payerParticipant: this.#authorityOf(card.clearingAccount), payeeParticipant };
  }

  #review(id: bigint, decision: "approve" | "reject", moment: ModelMoment): Prediction {
    const payment = this.#payments.get(id);
    if (payment === undefined) return { status: "not_found", what: "payment" };
    if (payment.state !== "review") return { status: "wrong_state", what: payment.state };
    if (decision === "approve") this.#authorize(payment, moment);
    else payment.state = "rejected";
    this.#tell(payment);
    return told(payment);
  }

  /** What only the authority may ask that created a payment, and only while it is authorised. */
  #ofCreator(id: bigint, by: number, act: (payment: ModelPayment) => string | undefined): Prediction {
    const payment = this.#payments.get(id);
    if (payment === undefined) return { status: "not_found", what: "payment" };
    if (payment.signer !== by) return { status: "not_authorized", what: "payment" };
    if (payment.state !== "authorized") return { status: "wrong_state", what: payment.state };
    const objection = act(payment);
    if (objection !== undefined) return { status: "wrong_state", what: objection };
    this.#tell(payment);
    return told(payment);
  }

  #capture(payment: ModelPayment, moment: ModelMoment): string | undefined {
    if (payment.deadline <= moment.now) return "expired";
    if (payment.channel === "wallet") this.#postHold(payment, moment);
    else {
      payment.state = "capturing";
      this.#ask(payment, "capture", moment);
    }
    return undefined;
  }

  #answered(
    { intent: id, outcome, reason, networkReference, amount }: ChannelOutcomeBody,
    moment: ModelMoment,
  ): Prediction {
    const intent = this.#intents[Number(id) - 1];
    if (intent === undefined) return { status: "not_found", what: "intent" };
    const { answer: counted } = intent;
    if (counted !== undefined) {
      const said = { id, payment: intent.payment.id, counted, other: outcome } as const;
      if (counted !== outcome) this.events.push({ type: "answerContradicted", ...said });
      return { status: "wrong_state", what: "closed" };
    }
    intent.answer = outcome;
    this.events.push({ type: "intentClosed", id });
    const { action, payment } = intent;
    const objection = outcome === "declined" ? reason : amount === payment.amount ? undefined : "integrity_failure";
    if (action === "void") {
      payment.state = payment.ending;
      if (outcome === "declined") this.events.push({ type: "voidDeclined", id, payment: payment.id, reason });
    } else if (action === "capture") {
      if (objection === undefined) this.#postHold(payment, moment);
      else this.#undo(payment, "failed", objection, moment);
    } else if (outcome === "declined") {
      payment.state = "failed";
      payment.failure = reason;
    } else {
      payment.networkReference = networkReference;
      if (objection === undefined) this.#holdForCard(payment, moment);
      else this.#undo(payment, "failed", objection, moment);
    }
    this.#tell(payment);
    return told(payment);
  }

  /** What risk, or a reviewer, has let pass. */
  #authorize(payment: ModelPayment, moment: ModelMoment): void {
    if (payment.channel === "card") {
      payment.state = "authorizing";
      this.#ask(payment, "authorize", moment);
      return;
    }
    const hold = holdOf(payment, payment.payer);
    const isManual = payment.capture === "manual";
    const { ids, failure } = moment.post(
      isManual ? [hold] : [hold, { ...endOf(payment, T.post), pendingId: "before" }],
    );
    if (failure !== undefined) {
      payment.state = "failed";
      payment.failure = failure;
      return;
    }
    payment.hold = ids[0] ?? 0n;
    if (isManual) {
      payment.state = "authorized";
      payment.deadline = moment.now + WALLET_HOLD;
    } else this.#captured(payment, moment);
  }

  /** The network has authorised: its money is held, and captured where nobody needs to ask for it. */
  #holdForCard(payment: ModelPayment, moment: ModelMoment): void {
    const card = this.#cards.get(payment.ledger);
    if (card === undefined) throw new Error("a card payment in a currency without cards");
    const { ids, failure } = moment.post([holdOf(payment, card.clearingAccount)]);
    if (failure !== undefined) {
      this.#undo(payment, "failed", failure, moment);
      return;
    }
    payment.hold = ids[0] ?? 0n;
    payment.payerParticipant = this.#authorityOf(card.clearingAccount);
    if (payment.capture === "automatic") {
      payment.state = "capturing";
      this.#ask(payment, "capture", moment);
    } else {
      payment.state = "authorized";
      payment.deadline = moment.now + BigInt(card.holdSeconds) * SECOND;
    }
  }

  /** The money moves; where the ledger refuses that, the payment is taken back. */
  #postHold(payment: ModelPayment, moment: ModelMoment): void {
    const { failure } = moment.post([endOf(payment, T.post)]);
    if (failure === undefined) this.#captured(payment, moment);
    else this.#undo(payment, "failed", failure, moment);
  }

  #captured(payment: ModelPayment, moment: ModelMoment): void {
    const { ledger, amount, payerParticipant: payer, payeeParticipant: payee } = payment;
    payment.state = "captured";
    payment.window = this.settlement.captured(ledger, { amount, payer, payee }, moment.now);
  }

  /** The hold is voided, where there is one, and by card the network is told to do the same. */
  #undo(payment: ModelPayment, ending: ModelPayment["ending"], failure: string, moment: ModelMoment): undefined {
    if (payment.hold !== 0n) moment.post([endOf(payment, T.void)]);
    payment.failure = failure;
    payment.ending = ending;
    payment.state = payment.channel === "wallet" ? ending : "voiding";
    if (payment.channel === "card") this.#ask(payment, "void", moment);
  }

  #ask(payment: ModelPayment, action: ModelIntent["action"], { now: openedAt }: ModelMoment): void {
    const id = BigInt(this.#intents.length + 1);
    this.#intents.push({ id, action, payment, answer: undefined });
    const { id: subject, amount, ledger, cardToken, networkReference } = payment;
    const intent = {
      id,
      channel: "card",
      action,
      payment: subject,
      amount,
      ledger,
      cardToken,
      networkReference,
      openedAt,
    };
    this.events.push({ type: "intentOpened", intent });
  }

  #tell({ id, state, verdict, reasons }: ModelPayment, created = false): void {
    this.events.push({ type: "paymentChanged", id, created, state, verdict, reasons });
  }

  #authorityOf(account: bigint): number {
    return this.#ledger.authorityOf(account) ?? 0;
  }
}

function told({ state, verdict, reasons, failure }: ModelPayment): Prediction {
  return { ...OK, state, verdict, reasons, failure };
}

function holdOf({ id, payee, amount, ledger, channel }: ModelPayment, debitAccountId: bigint): ModelPosting {
  const code = CODES[channel];
  return { debitAccountId, creditAccountId: payee, amount, ledger, code, userData128: id, flags: T.pending };
}

/** What posts a payment's hold, or voids it. */
function endOf({ id, amount, ledger, channel, hold }: ModelPayment, flags: number): ModelPosting {
  return { amount, ledger, code: CODES[channel], userData128: id, pendingId: hold, flags };
}
