/** Checkpoints that do not hold what the state was, or states that do not come back as they were. */
import type { Ledger } from "../../node/ledger/ledger.ts";
import type { PendingStatuses } from "../../node/ledger/pending-statuses.ts";
import { Sessions } from "../../node/state/sessions.ts";
import { StateMachine, type StateMachineOptions } from "../../node/state/state-machine.ts";
import { componentOf } from "./plants.ts";

/** Sessions are left out: after a restart, or on a node that was given the state, nobody is known. */
export class SessionsLeftOut extends Sessions {
  constructor() {
    super();
    this.replies.pageCount = () => 0;
    this.replies.dirtyPages = () => [];
  }

  override pageCount(): number {
    return 0;
  }

  override dirtyPages(): readonly number[] {
    return [];
  }
}

/** A page of accounts that was written once is taken for clean for ever. */
export class TakesPagesForClean extends StateMachine {
  constructor(options: StateMachineOptions) {
    super(options);
    const accounts = componentOf(this, "accounts");
    const written = new Set<number>();
    const changed = accounts.dirtyPages.bind(accounts);
    accounts.dirtyPages = () => changed().filter((page) => !written.has(page));
    const encode = accounts.encodePage.bind(accounts);
    accounts.encodePage = (page) => {
      written.add(page);
      return encode(page);
    };
  }
}

/** Holds that came with a checkpoint are not watched: they never expire. */
export function forgetsRestoredHolds(ledger: Ledger): void {
  const statuses = componentOf(ledger, "pendingStatuses") as PendingStatuses;
  statuses.forEachPending = () => undefined;
}
