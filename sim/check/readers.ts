/** Reading a node's state past all permissions, as only a checker may. */
import { type Account, decodeAccounts } from "../../node/ledger/records.ts";
import type { Reader } from "../../node/state/answers.ts";
import type { StateMachine } from "../../node/state/state-machine.ts";

/** The one question that is asked of a state. */
export type Readable = Pick<StateMachine, "query">;

export const ALL_SEEING: Reader = { authority: 0, seesAll: true };

/** The accounts that exist among these. */
export function readAccounts(state: Readable, ids: readonly bigint[]): readonly Account[] {
  const answer = state.query({ type: "accounts", ids }, ALL_SEEING);
  return answer.type === "accounts" ? decodeAccounts(answer.records) : [];
}
