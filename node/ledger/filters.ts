/**
 * What queries ask for. In every filter a field that is zero, or left out, is no condition.
 *
 * As in TigerBeetle, a filter that can find nothing by its own terms (no limit, a range that ends before it begins, an
 * account id that no account can have, neither debits nor credits, an unknown flag) finds nothing; it is no error. A value
 * that its field cannot hold is one, and so is a field that does not exist or is missing: `CodedError` `malformed_filter`.
 */
import { U128_MAX } from "../base/bytes.ts";
import { checkFields, type Fields } from "./fields.ts";

const TIMESTAMP_MAX: bigint = (1n << 63n) - 1n;

export const accountFilterFlags = { debits: 1, credits: 2, reversed: 4 } as const;
export const queryFilterFlags = { reversed: 1 } as const;

/** From when to when, in nanoseconds of log time, both included, and how many results at most. */
interface RangeFilter {
  readonly timestampMin?: bigint;
  readonly timestampMax?: bigint;
  readonly limit: number;
}

/** Which changes. */
export interface ChangeEventsFilter extends RangeFilter {
  /** Begins behind so many changes: the `cursor` of the last one that was seen. */
  readonly cursor?: bigint;
}

interface DataFilter extends RangeFilter {
  readonly userData128?: bigint;
  readonly userData64?: bigint;
  readonly userData32?: number;
  readonly code?: number;
}

/** Which transfers of an account. */
export interface AccountFilter extends DataFilter {
  readonly accountId: bigint;
  /** Of `accountFilterFlags`; without debits and credits there is nothing to find. */
  readonly flags: number;
}

/** Which accounts, or which transfers. */
export interface QueryFilter extends DataFilter {
  readonly ledger?: number;
  /** Of `queryFilterFlags`. */
  readonly flags?: number;
}

const RANGE: Fields = { timestampMin: 64, timestampMax: 64, limit: 32 };
const DATA: Fields = {
  ...RANGE,
  ...{ userData128: 128, userData64: 64, userData32: 32, code: 16, flags: 32 },
};
const ACCOUNT_FILTER: Fields = { ...DATA, accountId: 128 };
const QUERY_FILTER: Fields = { ...DATA, ledger: 32 };
const CHANGES_FILTER: Fields = { ...RANGE, cursor: 64 };

function check(fields: Fields, filter: object, ...required: readonly string[]): void {
  checkFields("malformed_filter", "the filter", filter, fields, ["limit", ...required]);
}

/** Whether the filter can find anything; throws `malformed_filter`. */
export function isAccountFilter(filter: AccountFilter): boolean {
  check(ACCOUNT_FILTER, filter, "accountId", "flags");
  const { accountId, flags } = filter;
  const named = accountId !== 0n && accountId !== U128_MAX;
  const sided = (flags & (accountFilterFlags.debits | accountFilterFlags.credits)) !== 0;
  return named && sided && flags < 8 && hasResults(filter);
}

/** Whether the filter can find anything; throws `malformed_filter`. */
export function isQueryFilter(filter: QueryFilter): boolean {
  check(QUERY_FILTER, filter);
  return (filter.flags ?? 0) <= queryFilterFlags.reversed && hasResults(filter);
}

/** Whether the filter can find anything; throws `malformed_filter`. */
export function isChangeEventsFilter(filter: ChangeEventsFilter): boolean {
  check(CHANGES_FILTER, filter);
  return hasResults(filter);
}

function hasResults({ timestampMin = 0n, timestampMax = 0n, limit }: RangeFilter): boolean {
  const ordered = timestampMax === 0n || timestampMin <= timestampMax;
  return timestampMin <= TIMESTAMP_MAX && timestampMax <= TIMESTAMP_MAX && ordered && limit > 0;
}
