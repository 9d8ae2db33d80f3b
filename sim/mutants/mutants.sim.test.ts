/** The simulator is shown bugs that it must find, each within so many seeds and by a rule that the bug really breaks. */
import { describe, expect, test } from "vitest";
import type { Failure } from "../check/verdict.ts";
import { runSeed } from "../run.ts";
import { MUTANT_NAMES, type MutantName } from "./mutants.ts";

const SEEDS_MAX = 200;

/** The rules that each bug breaks; the first to see it ends the run. */
const BROKEN_RULES: Readonly<Record<MutantName, readonly string[]>> = {
  voteNotPersisted: ["electionSafety"],
  commitOfOlderTerm: ["commitRule", "leaderCompleteness"],
  // A voter that has forgotten what it acknowledged helps one to an election that lacks what was agreed, too.
  replyBeforeFsync: [
    "durability",
    "leaderCompleteness",
    "logMatching",
    "stateMachineSafety",
    "nodeStopped",
    "undisturbed",
  ],
  // What was agreed is cut from one node's log: it is missed, stands in the way, or the node never catches up.
  truncateOnStaleAppend: [
    "durability",
    "leaderCompleteness",
    "liveness",
    "logMatching",
    "stateMachineSafety",
    "nodeStopped",
  ],
  outgoingVotersIgnored: ["quorum"],
  // Members that were agreed on by too few voters may have no quorum that knows of them.
  learnersCounted: ["quorum", "liveness"],
  configurationFromCommit: ["quorum"],
  retryExecutedTwice: ["exactlyOnce"],
  readByDeposedLeader: ["linearizability"],
  assetCapForgotten: ["ledgerOracle"],
  reversalCountedHalf: ["ledgerOracle"],
  delegateUnlimited: ["ledgerOracle"],
  frozenAccountPays: ["ledgerOracle"],
  changeSkipped: ["answers"],
  rowLostBetweenPages: ["answers"],
};

interface Found {
  readonly seed: number;
  readonly failure: Failure;
}

function find(mutant: MutantName): Found | undefined {
  for (let seed = 1; seed <= SEEDS_MAX; seed++) {
    const { failed } = runSeed(seed, { mutant });
    if (failed !== undefined) return { seed, failure: failed };
  }
  return undefined;
}

describe("planted bugs", () => {
  test.each(MUTANT_NAMES)(`%s is found within ${SEEDS_MAX} seeds, and the seed is clean without it`, (mutant) => {
    const found = find(mutant);
    expect(found, "not found").toBeDefined();
    const { seed, failure } = found as Found;
    expect(BROKEN_RULES[mutant]).toContain(failure.checker);
    expect(runSeed(seed, { mutant }).failed).toEqual(failure);
    expect(runSeed(seed).failed).toBeUndefined();
  });
});
