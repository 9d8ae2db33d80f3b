/** Sessions that do not make execution exactly-once. */
import { SESSION_WINDOW, TRANSACTION_LIFETIME_MAX_NS } from "../../node/base/limits.ts";
import { type OpenRefusal, type SessionClaim, Sessions, type SessionVerdict } from "../../node/state/sessions.ts";

/** How many numbers may overtake each other where the window is too small. */
const SMALL_WINDOW = 2;
const FEW_SESSIONS = { total: 8, perAuthority: 3 };
const ANY_TRANSACTION = new Uint8Array(32);

/** A transaction that comes again is executed again. */
export class ForgetfulSessions extends Sessions {
  override judge(claim: SessionClaim): SessionVerdict {
    const verdict = super.judge(claim);
    return verdict.type === "executed" ? { type: "fresh" } : verdict;
  }

  override executed(claim: SessionClaim, result: Uint8Array, now: bigint): void {
    if (super.judge(claim).type === "fresh") super.executed(claim, result, now);
  }
}

/** Transactions of one client that overtake each other are refused, though they fit into the window that was promised. */
export class SmallWindow extends Sessions {
  override judge(claim: SessionClaim): SessionVerdict {
    const verdict = super.judge(claim);
    if (verdict.type !== "fresh") return verdict;
    const seenFromBelow = super.judge({ ...claim, sequence: claim.sequence - (SESSION_WINDOW - SMALL_WINDOW) });
    const isOld = seenFromBelow.type === "refused" && seenFromBelow.code === "sequence_too_old";
    return isOld ? seenFromBelow : verdict;
  }
}

/** A session knows a transaction by its number alone: another one under that number gets the result of the first. */
export class KnowsNumbersOnly extends Sessions {
  override judge(claim: SessionClaim): SessionVerdict {
    return super.judge({ ...claim, transactionHash: ANY_TRANSACTION });
  }

  override executed(claim: SessionClaim, result: Uint8Array, now: bigint): void {
    super.executed({ ...claim, transactionHash: ANY_TRANSACTION }, result, now);
  }
}

/** A session gives way to a new one while what it has executed has not expired. */
export class EvictsTooEarly extends Sessions {
  constructor() {
    super(FEW_SESSIONS);
  }

  override open(claim: SessionClaim, authority: number, now: bigint): OpenRefusal | undefined {
    return super.open(claim, authority, now + 2n * TRANSACTION_LIFETIME_MAX_NS);
  }
}
