/**
 * Planted bugs: each breaks the system in one known way through the parts that the composition root lets the simulator
 * replace. A simulator that does not find them within a few seeds is not to be trusted about bugs nobody planted.
 *
 * They live here only; nothing in production code knows of them. What each does is said where it is.
 */
import { Wal } from "../../storage/wal/wal.ts";
import type { Plant } from "../cluster.ts";
import * as accounts from "./accounts.ts";
import * as answers from "./answers.ts";
import * as backups from "./backups.ts";
import * as batches from "./batches.ts";
import * as bounds from "./bounds.ts";
import * as checkpoints from "./checkpoints.ts";
import * as commits from "./commits.ts";
import { deafToSyncErrors } from "./deaf-disk.ts";
import * as durability from "./durability.ts";
import { EagerLog } from "./eager-log.ts";
import * as elections from "./elections.ts";
import * as expiry from "./expiry.ts";
import * as lying from "./lying-giver.ts";
import * as membership from "./membership.ts";
import * as outbox from "./outbox.ts";
import * as payments from "./payments.ts";
import { raft, sessions, spoiledLedger, state, statePart } from "./plants.ts";
import * as reads from "./reads.ts";
import * as receipts from "./receipts.ts";
import * as releases from "./releases.ts";
import * as onceOnly from "./sessions.ts";
import * as settlement from "./settlement.ts";
import * as signatures from "./signatures.ts";

export const MUTANT_NAMES = [
  // Durability
  "voteNotPersisted",
  "termNotPersisted",
  "voteBeforeDurable",
  "replyBeforeFsync",
  "truncateOnStaleAppend",
  "syncErrorIgnored",
  "storeErrorIgnored",
  "storeReadErrorIgnored",
  "unreadableNotMended",
  "checkpointBeforeDurable",
  "lossHidden",
  // Elections
  "voteByLength",
  "refusedVoteCounted",
  "preVoteSkipped",
  // The commit rule
  "commitOfOlderTerm",
  "commitByHeartbeat",
  "sentCountsAsStored",
  // Members
  "outgoingVotersIgnored",
  "learnersCounted",
  "configurationFromCommit",
  "changeTooSoon",
  "configurationForgotten",
  // Releases
  "releaseRaisedUnasked",
  // Checkpoints
  "sessionsLeftOut",
  "pageTakenForClean",
  "restoredHoldForgotten",
  "checkpointUnvouched",
  // Reads
  "readByDeposedLeader",
  "readByFollower",
  "readFixedTooEarly",
  "freshBeforeApplied",
  "leaseWithoutMargin",
  "promiseForgotten",
  "lateAnswerConfirms",
  // Sessions
  "retryExecutedTwice",
  "windowTooSmall",
  "sequenceReusedUnseen",
  "sessionEvictedTooEarly",
  // Expiry
  "expiryTooLate",
  "oneExpiryABlock",
  "expiryOutOfOrder",
  "expiryByOwnClock",
  // The ledger
  "otherLimitNamed",
  "brokenChainKept",
  "balancedAtOneEnd",
  "accountLeftClosed",
  "frozenAccountPays",
  "assetCapForgotten",
  "reversalCountedHalf",
  "delegateUnlimited",
  // The outbox
  "newKeyEachAttempt",
  "silenceTakenForNo",
  "openIntentForgotten",
  "answerTakenTwice",
  // Payments
  "riskRulePassedOver",
  "declinedNotCounted",
  "blockedPayerAccepted",
  "reviewDecidedTwice",
  // Settlement
  "paymentCountedTwice",
  "nettedTheWrongWay",
  "windowClosedLate",
  "pulseForgotten",
  // Signatures
  "signaturesUnchecked",
  "oneSignatureForAll",
  "foreignSignatureTaken",
  "greetingTakenAgain",
  "nodesSignaturesUnchecked",
  // Answers
  "changeSkipped",
  "rowLostBetweenPages",
  // Receipts
  "receiptOfAnotherPast",
  // Backups
  "newerPagesGiven",
  "blockLeftOut",
  // Bounds
  "pipelineUnbounded",
  "blocksKeptInMemory",
] as const;
export type MutantName = (typeof MUTANT_NAMES)[number];

export const MUTANTS: Readonly<Record<MutantName, Plant>> = {
  voteNotPersisted: raft(durability.ForgetsItsVote),
  termNotPersisted: raft(durability.ForgetsItsTerm),
  voteBeforeDurable: raft(durability.VotesBeforeItIsDurable),
  replyBeforeFsync: () => ({ openLog: (...args) => new EagerLog(Wal.open(...args)) }),
  truncateOnStaleAppend: raft(durability.TruncatesOnStaleAppend),
  syncErrorIgnored: (host) => ({ host: { ...host, disk: deafToSyncErrors(host.disk) } }),
  storeErrorIgnored: (host) => ({ host: { ...host, store: durability.deafToFailures(host.store) } }),
  storeReadErrorIgnored: (host) => ({ host: { ...host, store: durability.deafToReadErrors(host.store) } }),
  unreadableNotMended: () => ({ openLog: durability.openingReadableLogs }),
  checkpointBeforeDurable: (host) => ({ host: { ...host, store: durability.answeringForCheckpoints(host) } }),
  lossHidden: () => ({ openLog: durability.beginningAnew }),
  voteByLength: raft(elections.ComparesLengths),
  refusedVoteCounted: raft(elections.CountsRefusedVotes),
  preVoteSkipped: raft(elections.SkipsPreVote),
  commitOfOlderTerm: raft(commits.CountsReplicasOfOlderTerms),
  commitByHeartbeat: raft(commits.CommitsByHeartbeat),
  sentCountsAsStored: raft(commits.CountsWhatItSent),
  outgoingVotersIgnored: raft(membership.IgnoresOutgoingVoters),
  learnersCounted: raft(membership.CountsLearners),
  configurationFromCommit: raft(membership.CountsByCommittedConfiguration),
  changeTooSoon: raft(membership.ChangesTooSoon),
  configurationForgotten: membership.startingWithTheFirst,
  releaseRaisedUnasked: () => ({ nextRelease: releases.asksNobody }),
  sessionsLeftOut: sessions(checkpoints.SessionsLeftOut),
  pageTakenForClean: state(checkpoints.TakesPagesForClean),
  restoredHoldForgotten: spoiledLedger(checkpoints.forgetsRestoredHolds),
  checkpointUnvouched: (host) => ({ host: { ...host, network: lying.askingNobody(lying.lyingToPeers(host)) } }),
  readByDeposedLeader: raft(reads.ServesReadsUnconfirmed),
  readByFollower: raft(reads.FollowersAnswerReads),
  readFixedTooEarly: raft(reads.FixesReadsTooEarly),
  leaseWithoutMargin: raft(reads.LeasesWithoutMargin),
  promiseForgotten: raft(reads.ForgetsPromises),
  lateAnswerConfirms: raft(reads.ConfirmsTheNewestRound),
  freshBeforeApplied: () => ({ createFreshness: () => new reads.FreshBeforeApplied() }),
  retryExecutedTwice: sessions(onceOnly.ForgetfulSessions),
  windowTooSmall: sessions(onceOnly.SmallWindow),
  sequenceReusedUnseen: sessions(onceOnly.KnowsNumbersOnly),
  sessionEvictedTooEarly: sessions(onceOnly.EvictsTooEarly),
  expiryTooLate: spoiledLedger(expiry.expiresLate),
  oneExpiryABlock: spoiledLedger(expiry.expiresOneABlock),
  expiryOutOfOrder: spoiledLedger(expiry.expiresLastFirst),
  expiryByOwnClock: (host) => ({ createStateMachine: expiry.expiresByOwnClock(host) }),
  otherLimitNamed: spoiledLedger(batches.namesTheOtherLimit),
  brokenChainKept: spoiledLedger(batches.keepsBrokenChains),
  balancedAtOneEnd: spoiledLedger(batches.balancesOneEnd),
  accountLeftClosed: spoiledLedger(batches.leavesAccountsClosed),
  frozenAccountPays: spoiledLedger(accounts.freezesNothing),
  assetCapForgotten: spoiledLedger(accounts.forgetsCaps),
  reversalCountedHalf: spoiledLedger(accounts.reversesTwice),
  delegateUnlimited: spoiledLedger(accounts.trustsDelegates),
  newKeyEachAttempt: (host) => ({ host: { ...host, outside: outbox.withNewKeys(host.outside) } }),
  silenceTakenForNo: (host) => ({ host: { ...host, outside: outbox.takingSilenceForNo(host.outside) } }),
  openIntentForgotten: statePart({ outbox: (...args) => new outbox.ForgetsOpenIntents(...args) }),
  answerTakenTwice: statePart({ outbox: (...args) => new outbox.TakesAnswersTwice(...args) }),
  riskRulePassedOver: statePart({ risk: () => new payments.PassesOverSums() }),
  declinedNotCounted: statePart({ risk: () => new payments.CountsWhatItAccepts() }),
  blockedPayerAccepted: statePart({ risk: () => new payments.BlocksNobody() }),
  reviewDecidedTwice: statePart({ lifeCycle: (parts) => new payments.DecidesTwice(parts) }),
  paymentCountedTwice: statePart({ settlement: (...args) => new settlement.CountsPaymentsTwice(...args) }),
  nettedTheWrongWay: statePart({ settlement: (...args) => new settlement.NetsTheWrongWay(...args) }),
  windowClosedLate: statePart({ settlement: (...args) => new settlement.ClosesLate(...args) }),
  pulseForgotten: () => ({ pulse: settlement.neverPulses }),
  signaturesUnchecked: (host) => ({ host: { ...host, crypto: signatures.trustingAll(host.crypto) } }),
  oneSignatureForAll: (host) => ({ host: { ...host, crypto: signatures.trustingOneForAll(host.crypto) } }),
  foreignSignatureTaken: (host) => ({ host: { ...host, crypto: signatures.takingForeignSignatures(host.crypto) } }),
  greetingTakenAgain: (host) => ({ host: { ...host, crypto: signatures.takingGreetingsAgain(host.crypto) } }),
  nodesSignaturesUnchecked: (host) => ({ host: { ...host, crypto: signatures.believingNodes(host.crypto) } }),
  changeSkipped: state(answers.SkipsChanges),
  rowLostBetweenPages: state(answers.LosesRowsBetweenPages),
  receiptOfAnotherPast: (host) => ({ host: { ...host, network: receipts.tellingOfAnotherPast(host) } }),
  newerPagesGiven: (host) => ({ host: { ...host, store: backups.givingNewerPages(host) } }),
  blockLeftOut: (host) => ({ host: { ...host, network: backups.leavingBlocksOut(host.network) } }),
  pipelineUnbounded: raft(bounds.SendsWithoutBound),
  blocksKeptInMemory: () => ({ openLog: bounds.keepsAllBlocks }),
};
