/** Settlement that makes participants pay what they do not owe, or comes when somebody pays. */
import type { Moment } from "../../node/state/moment.ts";
import { type Captured, Settlement } from "../../node/state/settlement/settlement.ts";

const NS_PER_SECOND = 1_000_000_000n;

/** A payment adds to the positions twice. */
export class CountsPaymentsTwice extends Settlement {
  override record(moment: Moment, payment: Captured): number {
    super.record(moment, payment);
    return super.record(moment, payment);
  }
}

/** Who is owed pays, and who owes is paid. */
export class NetsTheWrongWay extends Settlement {
  override record(moment: Moment, { payer, payee, ...payment }: Captured): number {
    return super.record(moment, { ...payment, payer: payee, payee: payer });
  }
}

/** A window takes payments for a second after its end. */
export class ClosesLate extends Settlement {
  override nextDeadline(): bigint | undefined {
    const at = super.nextDeadline();
    return at === undefined ? undefined : at + NS_PER_SECOND;
  }

  override closeEnded(moment: Moment): void {
    const at = this.nextDeadline();
    if (at !== undefined && at <= moment.timestamp) super.closeEnded(moment);
  }
}

/** A leader waits for somebody to pay, whatever is due. */
export function neverPulses(): boolean {
  return false;
}
