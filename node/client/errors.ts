/** Errors of the client library. Codes of nodes (docs/errors.md) come through as they are. */
import { CodedError } from "../base/errors.ts";

/** `code` is a node's refusal, or one that the client library adds: docs/errors.md lists both. */
export class ClientError extends CodedError {
  override readonly name = "ClientError";
}

/** Refusals after which the very same bytes may be sent again. */
const RETRIABLE: ReadonlySet<string> = new Set([
  "behind",
  "busy",
  "disk_full",
  "no_leader",
  "not_leader",
  "connection_lost",
  "timeout",
  "receipt_invalid",
  "unconfirmed",
  "too_many_connections",
  "mending",
]);

/** Whether what ended so never came near the log: of all that is passing, only what says so of itself. */
export function isUnordered(error: unknown): boolean {
  return error instanceof ClientError && error.code === "disk_full";
}

/** Whether a request that ended so may be sent again as it is. */
export function isRetriable(code: string): boolean {
  return RETRIABLE.has(code);
}
