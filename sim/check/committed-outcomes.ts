/**
 * What came of each committed block: the digest of the state behind it, the root of the history up to it, and the result of
 * each of its transactions. It is what a receipt must tell, however well the receipt is signed. The history is reckoned here
 * from the blocks alone.
 */
import { equalBytes } from "../../node/base/bytes.ts";
import type { Applied } from "../../node/state/state-machine.ts";
import { HistoryFrontier } from "../../node/wire/history.ts";
import type { Receipt } from "../../node/wire/receipt.ts";
import { sha256 } from "../virtual-crypto.ts";

type Outcome = Pick<Applied, "digest" | "historyRoot" | "results">;

export class CommittedOutcomes {
  readonly #history = new HistoryFrontier(sha256);
  /** By height; nothing comes of 0. */
  readonly #outcomes: (Outcome | undefined)[] = [undefined];

  /** Called for each height once, in order. */
  block({ block, digest, results }: Pick<Applied, "block" | "digest" | "results">): void {
    this.#history.append(block.hash);
    this.#outcomes.push({ digest, historyRoot: this.#history.root(), results });
  }

  /** What a receipt for this height, from which the digest follows, tells otherwise than it was; undefined where nothing. */
  difference(height: number, digest: Uint8Array, receipt: Receipt): string | undefined {
    const outcome = this.#outcomes[height];
    if (outcome === undefined) return "a block that nobody has executed";
    const result = outcome.results[receipt.transactionIndex];
    if (result === undefined || !equalBytes(result, receipt.result)) return "another result";
    if (!equalBytes(outcome.digest, digest)) return "another state";
    return equalBytes(outcome.historyRoot, receipt.historyRoot) ? undefined : "another history";
  }
}
