/** What tests of the oracle share: a state machine without a cluster, each block of which is judged. */
import type { Ledger } from "../../node/ledger/ledger.ts";
import { Chain, EUR, GENESIS } from "../../node/state/chain.test-support.ts";
import type { Applied, StateParts } from "../../node/state/state-machine.ts";
import type { Counters } from "../counts.ts";
import type { Point } from "../reached.ts";
import { BankOracle } from "./bank-oracle.ts";
import { ReachedPoints } from "./reached-points.ts";
import { Verdict } from "./verdict.ts";

/** A chain each block of which the oracle judges. */
export class JudgedChain extends Chain {
  readonly verdict: Verdict;
  /** Undefined in the blocks that open the first sessions: the oracle predicts nothing of those. */
  oracle: BankOracle | undefined;

  constructor(reached: Counters<Point>, spoil: (ledger: Ledger) => void = () => {}, parts: Partial<StateParts> = {}) {
    const verdict = new Verdict(() => ({ atMs: 0, step: 0 }));
    const oracle = new BankOracle(verdict, GENESIS, [EUR], new ReachedPoints(reached));
    super({
      ...parts,
      ledger: () => {
        const ledger = oracle.createLedger(1);
        spoil(ledger);
        return ledger;
      },
    });
    this.verdict = verdict;
    this.oracle = oracle;
  }

  override block(transactions: readonly Uint8Array[] = []): Applied {
    const applied = super.block(transactions);
    this.oracle?.applied(1, applied, true);
    return applied;
  }
}
