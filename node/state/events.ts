/**
 * What a block changed that somebody outside the state machine acts on or watches. Plain data, in the order it happened;
 * derived from the block alone, so every node sees the same.
 */
import type { Intent, NetworkAnswer } from "./outbox.ts";
import type { PaymentState } from "./payments/payment.ts";
import type { Reason, Verdict } from "./risk/rules.ts";

export type StateEvent =
  /** Somebody must ask an external network. */
  | { readonly type: "intentOpened"; readonly intent: Intent }
  /** The network's answer stands in the log; nobody asks any more. */
  | { readonly type: "intentClosed"; readonly id: bigint }
  /** Another answer than the one that closed it: the network contradicts itself, and nothing follows from the second one. */
  | {
      readonly type: "answerContradicted";
      readonly id: bigint;
      readonly payment: bigint;
      readonly counted: NetworkAnswer;
      readonly other: NetworkAnswer;
    }
  /** What was to be taken back the network would not: that it held nothing must be seen there. */
  | { readonly type: "voidDeclined"; readonly id: bigint; readonly payment: bigint; readonly reason: string }
  | {
      readonly type: "paymentChanged";
      readonly id: bigint;
      /** Whether the payment is new with this event; otherwise it has moved on. */
      readonly created: boolean;
      readonly state: PaymentState;
      readonly verdict: Verdict;
      readonly reasons: readonly Reason[];
    }
  /** A settlement window was closed: settled, or failed and to be tried again. */
  | {
      readonly type: "windowClosed";
      readonly ledger: number;
      readonly window: number;
      /** Sum of the payments in the window, minor units. */
      readonly gross: bigint;
      /** Sum of what net senders paid. */
      readonly net: bigint;
      readonly failed: boolean;
    };
