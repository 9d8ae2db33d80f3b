/** Reading a node's state past all permissions, as only a checker may. */
import { type Account, decodeAccounts } from "../../node/ledger/records.ts";
import type { Reader } from "../../node/state/answers.ts";
import type { StateMachine } from "../../node/state/state-machine.ts";

/** The one question that is asked of a state. */
export type Readable = Pick<StateMachine, "query">;

const PAGE = 2_048;

export const ALL_SEEING: Reader = { authority: 0, seesAll: true };

/** All accounts there are. */
export function readAllAccounts(state: Readable): readonly Account[] {
  const accounts: Account[] = [];
  for (let next = 0n; ; ) {
    const page = state.query({ type: "queryAccounts", timestampMin: next, limit: PAGE }, ALL_SEEING);
    if (page.type !== "queryAccounts") return accounts;
    accounts.push(...decodeAccounts(page.records));
    next = BigInt(page.next);
    if (next === 0n) return accounts;
  }
}
