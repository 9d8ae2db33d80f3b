/**
 * Answers to filters within bounds, for whoever must not be held up: so much is looked at, and the page says where the
 * next one begins. A page may be empty and yet have a next one.
 *
 * All throw `CodedError` `malformed_filter`, and `malformed_argument` for bounds that are none.
 */
import { checkAuthority } from "./authority.ts";
import type { ChangeEventPage, ChangeEvents } from "./change-events.ts";
import { checkSteps, entriesOf, malformed } from "./fields.ts";
import {
  type AccountFilter,
  type ChangeEventsFilter,
  isAccountFilter,
  isChangeEventsFilter,
  isQueryFilter,
  type QueryFilter,
} from "./filters.ts";
import type { AccountBalance } from "./history.ts";
import type { Bounds, Page, Queries } from "./queries.ts";
import type { Account, Transfer } from "./records.ts";

const NOTHING: Page<never> = { items: [], next: 0n };

export class Pages {
  readonly #queries: Queries;
  readonly #changes: ChangeEvents;

  constructor(queries: Queries, changes: ChangeEvents) {
    this.#queries = queries;
    this.#changes = changes;
  }

  /** Rows that all answers together have gone through, also where they show few: what they cost. */
  get rowsRead(): number {
    return this.#queries.rowsRead + this.#changes.rowsRead;
  }

  accountTransfers(filter: AccountFilter, bounds: Bounds): Page<Transfer> {
    checkBounds(bounds);
    return isAccountFilter(filter) ? this.#queries.accountTransfers(filter, bounds) : NOTHING;
  }

  accountBalances(filter: AccountFilter, bounds: Bounds): Page<AccountBalance> {
    checkBounds(bounds);
    return isAccountFilter(filter) ? this.#queries.accountBalances(filter, bounds) : NOTHING;
  }

  accounts(filter: QueryFilter, bounds: Bounds): Page<Account> {
    checkBounds(bounds);
    return isQueryFilter(filter) ? this.#queries.accounts(filter, bounds) : NOTHING;
  }

  transfers(filter: QueryFilter, bounds: Bounds): Page<Transfer> {
    checkBounds(bounds);
    return isQueryFilter(filter) ? this.#queries.transfers(filter, bounds) : NOTHING;
  }

  /**
   * The first page far from all that was read before has a long way to go: `seekChangeEvents` goes it in steps, and
   * without it this does, at once.
   */
  changeEvents(filter: ChangeEventsFilter, bounds: Bounds): ChangeEventPage {
    checkBounds(bounds);
    if (isChangeEventsFilter(filter)) return this.#changes.page(filter, bounds);
    return { events: [], next: filter.cursor ?? 0n, more: false };
  }

  /** Goes at most so many steps towards where the page of changes begins; true when it can be read. */
  seekChangeEvents(filter: ChangeEventsFilter, stepsMax: number): boolean {
    checkSteps("stepsMax", stepsMax);
    return !isChangeEventsFilter(filter) || this.#changes.seek(filter, stepsMax);
  }
}

function checkBounds(bounds: Bounds): void {
  for (const [name, value] of entriesOf("malformed_argument", "the bounds", bounds)) {
    if (name === "authority") {
      if (value !== undefined) checkAuthority(value);
    } else if (name !== "triesMax")
      throw malformed("malformed_argument", `field ${name} of the bounds`, "does not exist");
  }
  checkSteps("triesMax", bounds.triesMax);
}
