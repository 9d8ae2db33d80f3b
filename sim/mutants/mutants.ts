/**
 * Planted bugs: each breaks the system in one known way through the parts that the composition root lets the simulator
 * replace. A simulator that does not find them within a few seeds is not to be trusted about bugs nobody planted.
 *
 * They live here only; nothing in production code knows of them.
 */
import type { NodeParts } from "../../node/compose.ts";
import { StateMachine } from "../../node/state/state-machine.ts";
import { Wal } from "../../storage/wal/wal.ts";
import { EagerLog } from "./eager-log.ts";
import { ForgetfulSessions } from "./forgetful-sessions.ts";
import {
  forgetsCaps,
  freezesNothing,
  LosesRowsBetweenPages,
  reversesTwice,
  SkipsChanges,
  trustsDelegates,
  withSpoiledLedger,
} from "./ledger-mutants.ts";
import {
  CountsByCommittedConfiguration,
  CountsLearners,
  CountsReplicasOfOlderTerms,
  ForgetsItsVote,
  IgnoresOutgoingVoters,
  ServesReadsUnconfirmed,
  TruncatesOnStaleAppend,
} from "./raft-mutants.ts";

export const MUTANT_NAMES = [
  "voteNotPersisted",
  "commitOfOlderTerm",
  "replyBeforeFsync",
  "truncateOnStaleAppend",
  "outgoingVotersIgnored",
  "learnersCounted",
  "configurationFromCommit",
  "retryExecutedTwice",
  "readByDeposedLeader",
  "assetCapForgotten",
  "reversalCountedHalf",
  "delegateUnlimited",
  "frozenAccountPays",
  "changeSkipped",
  "rowLostBetweenPages",
] as const;
export type MutantName = (typeof MUTANT_NAMES)[number];

export const MUTANTS: Readonly<Record<MutantName, Partial<NodeParts>>> = {
  /** The term is persisted, the vote is not: after a crash a node votes twice in a term. */
  voteNotPersisted: { createRaft: (options) => new ForgetsItsVote(options) },
  /** A leader commits an older term's entry once a quorum has it (Raft, figure 8). */
  commitOfOlderTerm: { createRaft: (options) => new CountsReplicasOfOlderTerms(options) },
  /** Entries are acknowledged when they are written, not when they are synced. */
  replyBeforeFsync: { openLog: (...args) => new EagerLog(Wal.open(...args)) },
  /** A follower cuts its log at every append, even at one that is late and long overtaken. */
  truncateOnStaleAppend: { createRaft: (options) => new TruncatesOnStaleAppend(options) },
  /** While a configuration is joint, the majority of its new voters decides alone. */
  outgoingVotersIgnored: { createRaft: (options) => new IgnoresOutgoingVoters(options) },
  /** What a learner has counts as if it had a say. */
  learnersCounted: { createRaft: (options) => new CountsLearners(options) },
  /** A configuration counts once it is committed, not as soon as it is appended. */
  configurationFromCommit: { createRaft: (options) => new CountsByCommittedConfiguration(options) },
  /** A transaction that comes again is executed again. */
  retryExecutedTwice: {
    createStateMachine: (options) =>
      new StateMachine({ ...options, parts: { ...options.parts, sessions: () => new ForgetfulSessions() } }),
  },
  /** A leader answers reads without asking a quorum whether it still leads. */
  readByDeposedLeader: { createRaft: (options) => new ServesReadsUnconfirmed(options) },
  /** More of an asset is issued than its cap. */
  assetCapForgotten: { createStateMachine: withSpoiledLedger(forgetsCaps) },
  /** Twice as much of a transfer is given back as it moved. */
  reversalCountedHalf: { createStateMachine: withSpoiledLedger(reversesTwice) },
  /** A delegate debits more than its limit, and accounts that it was not given. */
  delegateUnlimited: { createStateMachine: withSpoiledLedger(trustsDelegates) },
  /** A frozen account is debited. */
  frozenAccountPays: { createStateMachine: withSpoiledLedger(freezesNothing) },
  /** A reader of the stream of changes never hears of some of them. */
  changeSkipped: { createStateMachine: (options) => new SkipsChanges(options) },
  /** Whoever turns pages misses what lies between two of them. */
  rowLostBetweenPages: { createStateMachine: (options) => new LosesRowsBetweenPages(options) },
};
