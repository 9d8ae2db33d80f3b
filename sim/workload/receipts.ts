/**
 * What a client does with an answer before it believes it: the receipt must verify, must stand in the committed chain, must
 * tell of the state, the history and the result that were committed, and the same result as every receipt before it for the
 * same transaction.
 */
import { equalBytes, toHex } from "../../node/base/bytes.ts";
import type { NodeTrust } from "../../node/wire/attestation.ts";
import type { Receipt } from "../../node/wire/receipt.ts";
import { verifyReceipt } from "../../node/wire/receipt.ts";
import { decodeResult, type ResultFields } from "../../node/wire/results.ts";
import { decodeTransaction } from "../../node/wire/transaction.ts";
import type { CommittedChain } from "../check/committed-chain.ts";
import type { CommittedOutcomes } from "../check/committed-outcomes.ts";
import type { Verdict } from "../check/verdict.ts";

export type Result = { readonly status: string } & ResultFields;

type Placed = Extract<ReturnType<typeof verifyReceipt>, { readonly valid: true }>;

/** What was committed. */
interface Committed {
  readonly chain: Pick<CommittedChain, "acknowledged">;
  readonly outcomes: Pick<CommittedOutcomes, "difference">;
}

export class Receipts {
  readonly #verdict: Verdict;
  readonly #trust: NodeTrust;
  readonly #committed: Committed;
  readonly #results = new Map<string, Uint8Array>();

  constructor(verdict: Verdict, trust: NodeTrust, committed: Committed) {
    this.#verdict = verdict;
    this.#trust = trust;
    this.#committed = committed;
  }

  /** Transactions with a receipt. */
  get count(): number {
    return this.#results.size;
  }

  /** Checks a receipt for these bytes; returns where it was executed, 0 for nowhere, and its result. */
  accept(transaction: Uint8Array, receipt: Receipt): { readonly height: number; readonly result: Result } {
    const verdict = verifyReceipt(receipt, this.#trust, transaction);
    if (verdict.valid) this.#mustBeCommitted(verdict, receipt);
    else this.#verdict.fail("receipts", `a receipt does not verify: ${verdict.reason}`);
    const hash = toHex(receipt.transactionHash);
    const before = this.#results.get(hash);
    this.#results.set(hash, receipt.result);
    // Whoever opens a session again with a key that is revoked by then is told of the key: nothing was done twice.
    const opens = decodeTransaction(transaction).sequence === 0;
    this.#verdict.expect(
      before === undefined || opens || equalBytes(before, receipt.result),
      "exactlyOnce",
      () => `transaction ${hash} got another result when it was asked again`,
    );
    return { height: verdict.valid ? verdict.height : 0, result: decodeResult(receipt.result) };
  }

  #mustBeCommitted({ height, digest }: Placed, receipt: Receipt): void {
    const { chain, outcomes } = this.#committed;
    chain.acknowledged(height, receipt.blockHeader);
    const difference = outcomes.difference(height, digest, receipt);
    const why = (): string => `a receipt for height ${height} tells of ${difference}`;
    this.#verdict.expect(difference === undefined, "receipts", why);
  }
}
