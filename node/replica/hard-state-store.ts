/** Term and vote in the store: one small record under one key. */
import type { HardState } from "../../consensus/raft/hard-state.ts";
import { viewOf } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import type { Store } from "../base/ports/store.ts";

export const HARD_STATE_KEY = "raft/state";
const BYTES = 12;

/** The last persisted term and vote; zeros for a new node. Throws `CodedError` `store_damaged`. */
export function loadHardState(store: Pick<Store, "get">): HardState {
  const bytes = store.get(HARD_STATE_KEY);
  if (bytes === undefined) return { term: 0, vote: 0 };
  if (bytes.length !== BYTES) {
    throw new CodedError("store_damaged", `${HARD_STATE_KEY} has ${bytes.length} bytes instead of ${BYTES}`);
  }
  const view = viewOf(bytes);
  const term = Number(view.getBigUint64(0, true));
  if (!Number.isSafeInteger(term)) throw new CodedError("store_damaged", `${HARD_STATE_KEY} says term ${term}`);
  return { term, vote: view.getUint32(8, true) };
}

/** Starts writing term and vote; `done` comes when they are durable. */
export function saveHardState(store: Store, state: HardState, done: (error?: CodedError) => void): void {
  const bytes = new Uint8Array(BYTES);
  const view = viewOf(bytes);
  view.setBigUint64(0, BigInt(state.term), true);
  view.setUint32(8, state.vote, true);
  store.write([{ key: HARD_STATE_KEY, value: bytes }], done);
}
