/** What can be wrong with a store. */
import { StorageError } from "../errors.ts";

/** What it holds is not what was written; `key`, where one value is concerned. */
export function damaged(reason: string, cause?: unknown, key?: string): StorageError {
  const text = `the store is damaged: ${reason}; restore this node from its peers`;
  return new StorageError("store_damaged", text, key === undefined ? {} : { key }, cause);
}
