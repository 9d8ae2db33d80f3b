/** Sessions that let a retry through as if it were new. */
import { type SessionClaim, Sessions, type SessionVerdict } from "../../node/state/sessions.ts";

export class ForgetfulSessions extends Sessions {
  override judge(claim: SessionClaim): SessionVerdict {
    const verdict = super.judge(claim);
    return verdict.type === "executed" ? { type: "fresh" } : verdict;
  }

  override executed(claim: SessionClaim, result: Uint8Array, now: bigint): void {
    if (super.judge(claim).type === "fresh") super.executed(claim, result, now);
  }
}
