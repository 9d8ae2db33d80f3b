/**
 * Why a node that ran started again to mend its log, in the store. What mending does not find when the log is opened, it cannot
 * mend: a node that would start again for the same damage stops instead.
 */
import { CodedError, errorMessage } from "../base/errors.ts";
import type { Store, StoreChange } from "../base/ports/store.ts";
import { pack, unpack } from "../wire/msgpack.ts";
import { check, text } from "../wire/schema.ts";

const KEY = "repair/restart";
const REASON_CHARACTERS_MAX = 1_024;

export function restartChange(reason: string): StoreChange {
  return { key: KEY, value: pack(noted(reason)) };
}

/** Whether it started again for this already, and the log was not mended since. Throws `CodedError` `store_damaged`. */
export function isSameReason(store: Pick<Store, "get">, reason: string): boolean {
  return restartReason(store) === noted(reason);
}

/** The log is mended. */
export const FORGET_RESTART: StoreChange = { key: KEY };

/** Undefined since the log was mended. */
function restartReason(store: Pick<Store, "get">): string | undefined {
  const encoded = store.get(KEY);
  if (encoded === undefined) return undefined;
  try {
    return check(text(REASON_CHARACTERS_MAX), unpack(encoded), "malformed_body");
  } catch (error) {
    throw new CodedError("store_damaged", `${KEY}: ${errorMessage(error)}`, {}, error);
  }
}

function noted(reason: string): string {
  return reason.slice(0, REASON_CHARACTERS_MAX);
}
