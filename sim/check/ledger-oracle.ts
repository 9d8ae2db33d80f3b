/**
 * The nodes' ledgers beside the reference ledger. What a ledger is made to do is written down, and can be done by the
 * reference as well: statuses and timestamps must be equal call by call; all balances, and what became of holds, whenever
 * they are compared.
 */
import { assert, must } from "../../node/base/assert.ts";
import type { NodeId } from "../../node/base/ids.ts";
import type { DebitAllowance } from "../../node/ledger/debit-allowance.ts";
import { Ledger } from "../../node/ledger/ledger.ts";
import { decodeAccounts, decodeTransfers } from "../../node/ledger/records.ts";
import { decodeResults } from "../../node/ledger/results.ts";
import {
  ACCOUNT_STATUS_NUMBERS,
  type ModelDelegate,
  type ModelResult,
  type ReferenceLedger,
  TRANSFER_STATUS_NUMBERS,
} from "./reference-ledger.ts";
import { expectSame } from "./same.ts";
import type { Verdict } from "./verdict.ts";

/** Something the ledger was asked to do, and what it answered. */
export type LedgerCall =
  | {
      readonly what: "createAccounts" | "createTransfers";
      readonly batch: Uint8Array;
      readonly timestamp: bigint;
      /** A number, or a delegate with what it might still debit. */
      readonly signer: number | ModelDelegate | undefined;
      readonly results: Uint8Array;
    }
  | { readonly what: "freeze"; readonly id: bigint; readonly frozen: boolean; readonly known: boolean }
  | { readonly what: "expire"; readonly timestamp: bigint; readonly limit: number; readonly expired: number };

/** A ledger and the calls that change it, since they were last taken. */
interface Observed {
  readonly ledger: Ledger;
  calls: LedgerCall[];
}

export class LedgerOracle {
  readonly #verdict: Verdict;
  readonly #reference: ReferenceLedger;
  readonly #observed = new Map<NodeId, Observed>();

  constructor(verdict: Verdict, reference: ReferenceLedger) {
    this.#verdict = verdict;
    this.#reference = reference;
  }

  /** The ledger of a node that starts; a restored one is believed, because its digests are compared. */
  createLedger(node: NodeId): Ledger {
    const observed: Observed = { ledger: new Ledger(), calls: [] };
    observe(observed);
    this.#observed.set(node, observed);
    return observed.ledger;
  }

  /** What a node's ledger was made to do since this was asked last. */
  take(node: NodeId): readonly LedgerCall[] {
    const observed = this.#of(node);
    const { calls } = observed;
    observed.calls = [];
    return calls;
  }

  /** A node that has applied just the blocks that the reference has shows the same accounts and holds. */
  compare(node: NodeId, where: () => string): void {
    const { ledger } = this.#of(node);
    for (const account of this.#reference.accounts) {
      this.#equal(ledger.lookupAccount(account.id), account, () => `${where()}: account ${account.id}`);
    }
    for (const { id } of this.#reference.holds) {
      const expected = this.#reference.pendingStatus(id);
      this.#equal(ledger.pendingStatus(id), expected, () => `${where()}: hold ${id}`);
    }
    const counts = { accounts: this.#reference.accounts.length, transfers: this.#reference.transferCount };
    this.#equal({ accounts: ledger.accountCount, transfers: ledger.transferCount }, counts, where);
  }

  /** The reference does the same, with the same outcome; what it says of each record of a batch. */
  replay(call: LedgerCall, where: () => string): readonly ModelResult[] {
    switch (call.what) {
      case "createAccounts": {
        assert(typeof call.signer !== "object", "a delegate opens no accounts");
        const events = decodeAccounts(call.batch).map((account) => ({ ...account, reserved: 0 }));
        const results = this.#reference.createAccounts(events, call.timestamp, call.signer);
        this.#equal(decodeResults(call.results), numbered(results, ACCOUNT_STATUS_NUMBERS), where);
        return results;
      }
      case "createTransfers": {
        const results = this.#reference.createTransfers(decodeTransfers(call.batch), call.timestamp, call.signer);
        this.#equal(decodeResults(call.results), numbered(results, TRANSFER_STATUS_NUMBERS), where);
        return results;
      }
      case "freeze":
        this.#equal(call.known, this.#reference.freeze(call.id, call.frozen), () => `${where()}: frozen ${call.id}`);
        return [];
      case "expire":
        this.#equal(
          call.expired,
          this.#reference.expire(call.timestamp, call.limit),
          () => `${where()}: holds expired`,
        );
        return [];
    }
  }

  #equal(actual: unknown, expected: unknown, where: () => string): void {
    expectSame(this.#verdict, "ledgerOracle", actual, expected, where);
  }

  #of(node: NodeId): Observed {
    return must(this.#observed.get(node), `the ledger of node ${node} is not observed`);
  }
}

function observe(observed: Observed): void {
  const { ledger } = observed;
  const flat = (what: "createAccounts" | "createTransfers") => {
    const act = ledger[what].bind(ledger) as (...call: Parameters<typeof noted>) => Uint8Array;
    const noted = (batch: Uint8Array, timestamp: bigint, by?: number | DebitAllowance): Uint8Array => {
      const signer = typeof by === "object" ? { authority: by.authority, limits: by.rest } : by;
      const results = act(batch, timestamp, by);
      observed.calls.push({ what, batch: batch.slice(), timestamp, signer, results: results.slice() });
      return results;
    };
    return noted;
  };
  ledger.createAccounts = flat("createAccounts") as Ledger["createAccounts"];
  ledger.createTransfers = flat("createTransfers") as Ledger["createTransfers"];
  const freeze = ledger.freezeAccount.bind(ledger);
  ledger.freezeAccount = (id, frozen) => {
    const known = freeze(id, frozen);
    observed.calls.push({ what: "freeze", id, frozen, known });
    return known;
  };
  const expire = ledger.expirePendingTransfers.bind(ledger);
  ledger.expirePendingTransfers = (timestamp: bigint, limit: number) => {
    const expired = expire(timestamp, limit);
    observed.calls.push({ what: "expire", timestamp, limit, expired });
    return expired;
  };
}

/** The results of a batch as they travel. */
export function numbered(
  results: readonly ModelResult[],
  numbers: Readonly<Record<string, number>>,
): { readonly timestamp: bigint; readonly status: number }[] {
  return results.map(({ timestamp, status }) => ({
    timestamp,
    status: must(numbers[status], `there is no ${status}`),
  }));
}
