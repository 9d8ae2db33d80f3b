/**
 * The public face of the ledger: `import { Ledger } from "quorate/ledger"`. See docs/ledger.md.
 *
 * @module
 */
export { SYSTEM_AUTHORITY } from "./authority.ts";
export type { ChangeEvent, ChangeEventPage, ChangeEventType } from "./change-events.ts";
export { DebitAllowance, type DebitLimit } from "./debit-allowance.ts";
export {
  type AccountFilter,
  accountFilterFlags,
  type ChangeEventsFilter,
  type QueryFilter,
  queryFilterFlags,
} from "./filters.ts";
export type { AccountBalance } from "./history.ts";
export { Ledger, type LedgerOptions } from "./ledger.ts";
export type { Pages } from "./pages.ts";
export type { PendingStatus } from "./pending-statuses.ts";
export type { Bounds, Page } from "./queries.ts";
export {
  type Account,
  type AccountInput,
  accountFlags,
  decodeAccounts,
  decodeTransfers,
  encodeAccounts,
  encodeTransfers,
  type Transfer,
  type TransferInput,
  transferFlags,
} from "./records.ts";
export { decodeResults, type EventResult, RESULT_BYTES } from "./results.ts";
export { Statement, type StatementBalances, type StatementLine, type StatementStep } from "./statement.ts";
export { AccountStatus, accountStatusName, TransferStatus, transferStatusName } from "./status.ts";
export type { LedgerTotals } from "./totals.ts";
