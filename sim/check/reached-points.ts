/** Which points a committed transaction comes to, by what was asked of the reference bank and how it answered. */
import { decodeTransfers } from "../../node/ledger/records.ts";
import type { Command } from "../../node/wire/body.ts";
import type { ReverseTransferBody } from "../../node/wire/kinds.ts";
import type { Point, Reached } from "../reached.ts";
import type { Prediction, ReferenceBank } from "./reference-bank.ts";
import { type ModelResult, type ModelTransfer, T } from "./reference-ledger.ts";

const REVERSAL_CODE = 7;
const CLOSING: number = T.closingDebit | T.closingCredit;

/** What a status says, whoever asked. */
const BY_STATUS: Readonly<Record<string, Point>> = {
  debit_account_frozen: "frozenDebitRefused",
  exceeds_credits: "overdraftRefused",
  exceeds_debits: "overdraftRefused",
  exists: "transferRetried",
  id_already_failed: "idBurned",
  linked_event_failed: "chainUndone",
  pending_transfer_expired: "holdPostedTooLate",
};

/** What a delegate is told. */
const OF_DELEGATES: Readonly<Record<string, Point>> = {
  created: "delegateDebited",
  exceeds_delegated_limit: "delegateLimitMet",
  debit_account_not_authorized: "delegateRefused",
};

/** What risk says of a payment. */
const BY_VERDICT: Readonly<Record<string, Point>> = {
  accept: "paymentAccepted",
  decline: "paymentDeclined",
  review: "paymentSetAside",
};

export class ReachedPoints {
  readonly #reached: Reached;

  constructor(reached: Reached) {
    this.#reached = reached;
  }

  expired(holds: number): void {
    this.#reached.add("holdExpired", holds);
  }

  /** A block has begun: so many payments have expired, and so many windows were closed or tried again. */
  began(payments: number, windows: number): void {
    this.#reached.add("paymentExpired", payments);
    this.#reached.add("windowEnded", windows);
  }

  executed(bank: ReferenceBank, command: Command, prediction: Prediction, delegated: boolean): void {
    const { status, what, results = [] } = prediction;
    const done = status === "ok";
    const first = results[0]?.status;
    switch (command.kind) {
      case "createTransfers":
        decodeTransfers(command.batch).forEach((transfer, index) => {
          this.#transfer(bank, transfer, (results[index] as ModelResult).status, delegated);
        });
        break;
      case "createAccounts":
        if (what === "flags") this.#reached.add("assetOverdraftRefused");
        break;
      case "freezeAccount":
        if (done) this.#reached.add(command.body.frozen ? "accountFrozen" : "accountThawed");
        break;
      case "replaceKeys":
        if (done) this.#reached.add("keysReplaced");
        break;
      case "grantDelegate":
        if (done) this.#reached.add("delegateGranted");
        break;
      case "revokeDelegate":
        if (done) this.#reached.add("delegateRevoked");
        break;
      case "createAsset":
        if (done) this.#reached.add("assetCreated");
        if (status === "already_exists") this.#reached.add("assetNumberTaken");
        break;
      case "issueAsset":
        if (first === "created") this.#reached.add("assetIssued");
        if (first === "exceeds_credits") this.#reached.add("assetCapMet");
        break;
      case "burnAsset":
        if (first === "created") this.#reached.add("assetBurned");
        break;
      case "changeMembers":
        if (!done) this.#reached.add("memberChangeRefused");
        break;
      case "reverseTransfer":
        this.#reversal(bank, command.body, first ?? status);
        break;
      default:
        this.#payment(command, prediction);
        break;
    }
  }

  #payment(command: Command, { status, what, verdict = "", reasons = [], state, payments = 0 }: Prediction): void {
    const done = status === "ok";
    switch (command.kind) {
      case "createPayment": {
        const told = BY_VERDICT[verdict];
        if (told !== undefined) this.#reached.add(told);
        if (reasons.includes("payer_blocked")) this.#reached.add("blockedPayerDeclined");
        if (reasons.includes("velocity_count")) this.#reached.add("velocityCountMet");
        if (reasons.includes("velocity_amount")) this.#reached.add("velocityAmountMet");
        break;
      }
      case "reviewPayment":
        if (done) this.#reached.add(state === "rejected" ? "reviewRejected" : "reviewApproved");
        else if (status === "wrong_state") this.#reached.add("reviewTooLate");
        break;
      case "capturePayment":
        if (done) this.#reached.add("paymentCaptured");
        else if (what === "expired" || what === "voiding") this.#reached.add("paymentCapturedTooLate");
        break;
      case "voidPayment":
        if (done) this.#reached.add("paymentVoided");
        break;
      case "blockPayer":
        if (done) this.#reached.add(command.body.blocked ? "payerBlocked" : "payerUnblocked");
        break;
      case "closeSettlement":
        if (payments > 0) this.#reached.add("windowClosed");
        break;
      default:
        break;
    }
  }

  #transfer({ ledger }: ReferenceBank, transfer: ModelTransfer, status: string, delegated: boolean): void {
    const told = BY_STATUS[status] ?? (delegated ? OF_DELEGATES[status] : undefined);
    if (told !== undefined) this.#reached.add(told);
    if (status.startsWith("imported_event")) this.#reached.add("importRefused");
    if (status !== "created") return;
    const { flags, id, pendingId } = transfer;
    if ((flags & T.linked) !== 0) this.#reached.add("chainMade");
    if ((flags & T.imported) !== 0) this.#reached.add("imported");
    if ((flags & (T.balancingDebit | T.balancingCredit)) !== 0) this.#reached.add("balanced");
    if ((flags & CLOSING) !== 0) this.#reached.add("accountClosed");
    const held = ledger.transfer(pendingId);
    if (held === undefined) return;
    if ((flags & T.void) !== 0) this.#reached.add((held.flags & CLOSING) === 0 ? "holdVoided" : "accountReopened");
    else this.#reached.add(ledger.transfer(id)?.amount === held.amount ? "holdPosted" : "holdPostedInPart");
  }

  #reversal(bank: ReferenceBank, body: ReverseTransferBody, status: string): void {
    const original = bank.ledger.transfer(body.transfer);
    if (status === "exceeds_original") this.#reached.add("reversalTooMuch");
    if (status === "wrong_state" && bank.isOfPayment(body.transfer)) this.#reached.add("paymentReversalRefused");
    if (original === undefined || status !== "created") return;
    this.#reached.add(body.amount === original.amount ? "reversedInFull" : "reversedInPart");
    if ((bank.reversed.get(body.transfer) ?? 0n) > body.amount) this.#reached.add("reversedAgain");
    if (original.code === REVERSAL_CODE) this.#reached.add("reversalReversed");
  }
}
