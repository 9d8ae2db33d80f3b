/** Answers that leave something out. */
import type { Reader } from "../../node/state/answers.ts";
import type { QueryAnswer, StateQuery } from "../../node/state/queries.ts";
import { StateMachine } from "../../node/state/state-machine.ts";

const RECORD_BYTES = 128;
const HEAD_BYTES = 24;

/** A page of changes lacks the last one, and the next page begins behind it. */
export class SkipsChanges extends StateMachine {
  override query(query: StateQuery, reader: Reader): QueryAnswer {
    const answer = super.query(query, reader);
    if (answer.type !== "changeEvents") return answer;
    return {
      ...answer,
      heads: withoutLast(answer.heads, HEAD_BYTES),
      transfers: withoutLast(answer.transfers, RECORD_BYTES),
      debitAccounts: withoutLast(answer.debitAccounts, RECORD_BYTES),
      creditAccounts: withoutLast(answer.creditAccounts, RECORD_BYTES),
    };
  }
}

function withoutLast(rows: Uint8Array, width: number): Uint8Array {
  return rows.slice(0, Math.max(0, rows.length - width));
}

/** The next page of transfers begins a moment too late. */
export class LosesRowsBetweenPages extends StateMachine {
  override query(query: StateQuery, reader: Reader): QueryAnswer {
    const answer = super.query(query, reader);
    if (answer.type !== "queryTransfers" || answer.next === "0") return answer;
    const step = query.type === "queryTransfers" && query.flags === 1 ? -1n : 1n;
    return { ...answer, next: (BigInt(answer.next) + step).toString() };
  }
}
