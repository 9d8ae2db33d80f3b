/** How many blocks of a node's log were given back to it by its peers, in all its lives: a number in the store. */
import { CodedError, errorMessage } from "../base/errors.ts";
import type { Store, StoreChange } from "../base/ports/store.ts";
import { pack, unpack } from "../wire/msgpack.ts";
import { check, safeInteger } from "../wire/schema.ts";

const KEY = "repair/blocks";

/** Throws `CodedError` `store_damaged`. */
export function repairedBlocks(store: Pick<Store, "get">): number {
  const encoded = store.get(KEY);
  if (encoded === undefined) return 0;
  try {
    return check(safeInteger, unpack(encoded), "malformed_body");
  } catch (error) {
    throw new CodedError("store_damaged", `${KEY}: ${errorMessage(error)}`, {}, error);
  }
}

export function repairedChange(count: number): StoreChange {
  return { key: KEY, value: pack(count) };
}
