/**
 * What the clients saw and when: the only witness that the checks of this folder that end in "linearizable" and
 * "transfer visibility" believe. Kept by account and by transfer.
 */
import type { Times } from "../workload/sim-client.ts";
import { type AccountOperation, type Balances, linearizable } from "./linearizable.ts";
import type { Verdict } from "./verdict.ts";

/** A transfer on its way: which accounts it changes, by how much. */
export interface TransferEffect {
  readonly account: bigint;
  readonly debits: number;
  readonly credits: number;
}

/** What is known of a transfer's existence. */
interface KnownTransfer {
  readonly askedUs: number;
  /** When somebody first knew that it exists; Infinity until then. */
  knownUs: number;
  refused: boolean;
}

type OpenOperation = { -readonly [K in keyof AccountOperation]: AccountOperation[K] };

export class History {
  readonly #verdict: Verdict;
  readonly #accounts = new Map<bigint, Set<OpenOperation>>();
  readonly #transfers = new Map<bigint, KnownTransfer>();
  #unknown = 0;

  constructor(verdict: Verdict) {
    this.#verdict = verdict;
  }

  /** Accounts on which the search was given up. */
  get unknown(): number {
    return this.#unknown;
  }

  /** Transfers are asked for; returns what to call with the outcome: whether they were created. */
  asked(
    ids: readonly bigint[],
    effects: readonly TransferEffect[],
    askedUs: number,
  ): (created: boolean, times: Times) => void {
    const transfers = ids.map((id) => {
      const known: KnownTransfer = { askedUs, knownUs: Number.POSITIVE_INFINITY, refused: false };
      this.#transfers.set(id, known);
      return known;
    });
    const open = effects.map(({ account, debits, credits }) => {
      const answeredUs = Number.POSITIVE_INFINITY;
      const operation: OpenOperation = { kind: "add", debits, credits, askedUs, answeredUs };
      this.#operations(account).add(operation);
      return { account, operation };
    });
    return (created, { answeredUs }) => {
      for (const known of transfers) {
        if (created) known.knownUs = Math.min(known.knownUs, answeredUs);
        else known.refused = true;
      }
      for (const { account, operation } of open) {
        if (created) operation.answeredUs = answeredUs;
        else this.#operations(account).delete(operation);
      }
    };
  }

  readAccount(account: bigint, { debits, credits }: Balances, times: Times): void {
    const { lastUs, answeredUs } = times;
    this.#operations(account).add({ kind: "read", debits, credits, askedUs: lastUs, answeredUs });
  }

  readTransfer(id: bigint, found: boolean, { lastUs, answeredUs }: Times): void {
    const known = this.#transfers.get(id);
    if (known === undefined) {
      this.#verdict.expect(!found, "transferVisibility", () => `transfer ${id} exists, and nobody asked for it`);
      return;
    }
    if (found) {
      this.#verdict.expect(!known.refused, "transferVisibility", () => `transfer ${id} was refused and exists`);
      known.knownUs = Math.min(known.knownUs, answeredUs);
      return;
    }
    this.#verdict.expect(
      known.knownUs >= lastUs,
      "transferVisibility",
      () => `a read asked at ${lastUs} us misses transfer ${id}, which was known at ${known.knownUs} us`,
    );
  }

  /** Looks for an order of each account's operations; called when the run is over. */
  check(): void {
    for (const [account, operations] of this.#accounts) {
      const found = linearizable([...operations]);
      if (found === "unknown") this.#unknown += 1;
      this.#verdict.expect(
        found !== "violated",
        "linearizability",
        () => `no order of the ${operations.size} operations on account ${account} explains what the clients saw`,
      );
    }
  }

  #operations(account: bigint): Set<OpenOperation> {
    let operations = this.#accounts.get(account);
    if (operations === undefined) {
      operations = new Set();
      this.#accounts.set(account, operations);
    }
    return operations;
  }
}
