/**
 * The reference of payments beside the nodes: what it predicts of each transaction and of the beginning of each block,
 * which transfers must be made for it, in which order, and what the block must tell of payments, questions to the network
 * and windows.
 */
import { decodeTransfers } from "../../node/ledger/records.ts";
import type { StateEvent } from "../../node/state/events.ts";
import type { PaymentView } from "../../node/state/queries.ts";
import type { Command } from "../../node/wire/body.ts";
import type { LedgerCall, LedgerOracle } from "./ledger-oracle.ts";
import type { ModelPosting, Post } from "./model-postings.ts";
import type { ReachedPoints } from "./reached-points.ts";
import { ALL_SEEING, type Readable } from "./readers.ts";
import type { Prediction, ReferenceBank } from "./reference-bank.ts";
import { type ModelTransfer, T } from "./reference-ledger.ts";
import type { ModelMoment, ModelPayment } from "./reference-payments.ts";
import { expectSame } from "./same.ts";
import type { Verdict } from "./verdict.ts";

const PAGE = 1_000;

/** When something happens, and what the node's ledger was made to do for it; what is predicted is taken away. */
export interface Happening {
  readonly now: bigint;
  /** Of the block. */
  readonly release: number;
  readonly calls: LedgerCall[];
  readonly where: () => string;
}

type Rule = "payments" | "settlement";

export class PaymentsOracle {
  readonly #verdict: Verdict;
  readonly #bank: Pick<ReferenceBank, "payments" | "movedByPayment">;
  readonly #ledgers: Pick<LedgerOracle, "replay">;
  readonly #reached: ReachedPoints;

  constructor(
    verdict: Verdict,
    bank: Pick<ReferenceBank, "payments" | "movedByPayment">,
    ledgers: Pick<LedgerOracle, "replay">,
    reached: ReachedPoints,
  ) {
    this.#verdict = verdict;
    this.#bank = bank;
    this.#ledgers = ledgers;
    this.#reached = reached;
  }

  /** What a block does before its transactions. */
  beginBlock(happening: Happening): void {
    const { payments } = this.#bank;
    const before = payments.settlement.events.length;
    const expired = payments.beginBlock(this.#momentOf(happening));
    this.#reached.began(expired, payments.settlement.events.length - before);
  }

  /** Carries out a command whose signer has the role for it; undefined for one that is no matter of payments. */
  execute(command: Command, by: number, happening: Happening): Prediction | undefined {
    return this.#bank.payments.execute(command, by, this.#momentOf(happening));
  }

  /** A block is over: it has told all that it had to tell, and nothing else. */
  endBlock(events: readonly StateEvent[], where: () => string): void {
    const { payments } = this.#bank;
    const told = events.filter(({ type }) => type !== "windowClosed");
    expectSame(this.#verdict, "payments", told, payments.events.splice(0), () => `${where()}: events`);
    const closed = events.filter(({ type }) => type === "windowClosed");
    expectSame(this.#verdict, "settlement", closed, payments.settlement.events.splice(0), () => `${where()}: windows`);
  }

  /** A node that has applied just the blocks that the reference has shows the same payments and block list. */
  compare(state: Readable, where: () => string): void {
    const shown = shownPayments(state);
    const all = this.#bank.payments.all.map(viewOf);
    expectSame(this.#verdict, "payments", shown, all, () => `${where()}: payments`);
    const answer = state.query({ type: "risk" }, ALL_SEEING);
    const blocked = answer.type === "risk" ? [...answer.blocked].sort() : [];
    const expected = this.#bank.payments.risk.blocked.map(String).sort();
    expectSame(this.#verdict, "payments", blocked, expected, () => `${where()}: blocked payers`);
  }

  #momentOf({ now, release, calls, where }: Happening): ModelMoment {
    const post = (rule: Rule): Post => {
      return (postings) => this.#post(rule, postings, calls, where);
    };
    return { now, release, post: post("payments"), settle: post("settlement") };
  }

  /** The next thing that the ledger was made to do must be this, whatever ids it has; the reference does it, too. */
  #post(rule: Rule, postings: readonly ModelPosting[], calls: LedgerCall[], where: () => string): ReturnType<Post> {
    const call = calls[0]?.what === "createTransfers" ? calls.shift() : undefined;
    const asked = call?.what === "createTransfers" ? decodeTransfers(call.batch) : [];
    const ids = asked.map(({ id }) => id);
    const expected = postings.map((posting, index): Omit<ModelTransfer, "id"> => {
      const pendingId = posting.pendingId === "before" ? (ids[index - 1] ?? 0n) : (posting.pendingId ?? 0n);
      const linked = index < postings.length - 1 ? T.linked : 0;
      return { ...NOTHING, ...posting, pendingId, flags: (posting.flags ?? 0) | linked };
    });
    expectSame(this.#verdict, rule, asked, expected, () => `${where()}: transfers`);
    if (call === undefined) return { ids, failure: undefined };
    if (rule === "payments") for (const id of ids) this.#bank.movedByPayment(id);
    const statuses = this.#ledgers.replay(call, where).map(({ status }) => status);
    const failure = statuses.find((status) => status !== "created" && status !== "linked_event_failed");
    return { ids, failure };
  }
}

/** A payment as a node must show it, but for its times. */
function viewOf(payment: ModelPayment): Partial<PaymentView> {
  const { channel, ledger, capture, signer, state, verdict, reasons, failure, networkReference, window } = payment;
  const parties = { payer: payment.payer.toString(), payee: payment.payee.toString(), signer };
  const asked = { id: payment.id.toString(), channel, ...parties, amount: payment.amount.toString(), ledger, capture };
  return { ...asked, state, verdict, reasons, failure, hold: payment.hold.toString(), networkReference, window };
}

/** All payments as a node shows them, in the order in which they were created. */
function shownPayments(state: Readable): readonly PaymentView[] {
  const payments: PaymentView[] = [];
  for (let after = 0; ; ) {
    const page = state.query({ type: "payments", after, limit: PAGE }, ALL_SEEING);
    if (page.type !== "payments") return payments;
    payments.push(...page.payments);
    if (page.next === 0) return payments;
    after = page.next;
  }
}

const NOTHING: Omit<ModelTransfer, "id"> = {
  ...{ debitAccountId: 0n, creditAccountId: 0n, amount: 0n, pendingId: 0n, timestamp: 0n },
  ...{ userData128: 0n, userData64: 0n, userData32: 0, timeout: 0, ledger: 0, code: 0, flags: 0 },
};
