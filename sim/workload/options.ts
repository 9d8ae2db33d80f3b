/** What clients of a run do, drawn from its seed: who there is, how often they ask, and for what. */
import type { Random } from "../../node/base/ports/random.ts";
import { between, chance, pick } from "../draw.ts";

/** Relative frequencies of a teller's operations. */
export interface OperationMix {
  readonly transfer: number;
  readonly hold: number;
  readonly chain: number;
  readonly readAccount: number;
  /** Reads with a bound on how old the answer may be. */
  readonly readStale: number;
  readonly readTransfer: number;
  readonly retry: number;
  readonly payment: number;
}

/** In so many runs there is a crowd, and so much it asks at once: nodes take 1,024 requests of a connection at a time. */
const CROWD_PERMILLE = 30;
const CROWDS = [1_100, 1_300] as const;

const NOTHING: OperationMix = {
  ...{ transfer: 0, hold: 0, chain: 0, readAccount: 0, readStale: 0, readTransfer: 0, retry: 0, payment: 0 },
};
/** One who only reads. */
export const READER: OperationMix = { ...NOTHING, readAccount: 3, readStale: 1, readTransfer: 1 };
/** One who asks for accounts only. */
export const ACCOUNT_READER: OperationMix = { ...NOTHING, readAccount: 1 };
/** The shop takes cards, and has no accounts to move money between. */
export const SHOP: OperationMix = { ...NOTHING, payment: 3, retry: 1 };

/** What the clerk asks for: the relative frequencies of its requests, and of what is in its batches of transfers. */
export interface ClerkOptions {
  readonly mix: {
    readonly batch: number;
    readonly imported: number;
    readonly asset: number;
    readonly supply: number;
    readonly reversal: number;
    readonly freeze: number;
    readonly delegate: number;
    readonly tooFewSignatures: number;
    readonly retry: number;
  };
  readonly transfers: TransferMix;
  /** How many transfers of a batch are linked to the next one. */
  readonly linkedPermille: number;
  /** Transfers in a batch at most. */
  readonly batchMax: number;
}

export interface TransferMix {
  readonly simple: number;
  readonly pending: number;
  readonly post: number;
  readonly void: number;
  readonly balancing: number;
  readonly closing: number;
  /** One that was asked for before. */
  readonly again: number;
}

export interface WorkloadOptions {
  /** Clients that do what `mix` says. */
  readonly tellers: number;
  /** Clients that only read. */
  readonly readers: number;
  /** They read accounts by a leader's lease, and nothing else: whoever asked otherwise would wait where a leader is cut off. */
  readonly readersByLease: boolean;
  /** Operations one client has unanswered at most. */
  readonly inFlightMax: number;
  /** Mean pause between a client's operations, microseconds. */
  readonly thinkUs: number;
  /** How long a client waits for an answer before it asks another node. */
  readonly requestTimeoutUs: number;
  /** Accounts of each currency that all clients move money between. */
  readonly hotAccounts: number;
  readonly payments: boolean;
  /** One more client, a shop that takes cards. */
  readonly cards: boolean;
  readonly mix: OperationMix;
  /** One more client, for everything that is not plain; in some runs there is none. */
  readonly clerk: ClerkOptions | undefined;
  /** One more client, which only reads: the stream of changes, and pages. */
  readonly auditor: boolean;
  /** One more, who has no key that counts, and tries what can be tried; in most runs there is none. */
  readonly intruder: IntruderOptions | undefined;
  /** One more client, which changes the members of the cluster; in some runs there is none. */
  readonly operator: OperatorOptions | undefined;
  /** One more client, which takes backups and restores them; in some runs there is none. */
  readonly backups: BackupOptions | undefined;
  /** One more client, which asks far too much at a time; in few runs there is one. */
  readonly crowd: CrowdOptions | undefined;
  /** One more client, which decides about payments, payers and windows; in some runs with payments there is none. */
  readonly reviewer: ReviewerOptions | undefined;
}

export interface CrowdOptions {
  /** Mean pause after which it comes again, where all has been answered; microseconds. */
  readonly thinkUs: number;
  /** How much it asks at once. */
  readonly questions: number;
}

/** What an intruder tries. */
export const TRICKS = [
  "altered",
  "cut",
  "longer",
  "resigned",
  "foreign",
  "swapped",
  "cosigned",
  "again",
  "garbage",
  "query",
  "helloAgain",
] as const;
export type Trick = (typeof TRICKS)[number];

export interface IntruderOptions {
  /** Mean pause before it tries something, or comes by once more; microseconds. */
  readonly thinkUs: number;
  /** The relative frequencies of its tricks. */
  readonly mix: Readonly<Record<Trick, number>>;
}

export interface ReviewerOptions {
  /** Mean pause between two requests, microseconds. */
  readonly thinkUs: number;
  /** The relative frequencies of its requests. */
  readonly mix: {
    /** A decision about a payment that waits for one. */
    readonly review: number;
    /** Another one about the same. */
    readonly reviewAgain: number;
    readonly block: number;
    /** Other rules of risk. */
    readonly rules: number;
    /** A window of settlement is closed by hand. */
    readonly close: number;
  };
}

export interface BackupOptions {
  /** Mean pause before a backup, and before what could not be answered is asked again; microseconds. */
  readonly thinkUs: number;
  /** How many begin with the pages of a checkpoint although the node has the whole log. */
  readonly fromCheckpointPermille: number;
  /** After how many answers there is a pause. */
  readonly pausePermille: number;
}

export interface OperatorOptions {
  /** Mean pause between two requests, microseconds. */
  readonly thinkUs: number;
  /** The relative frequencies of its requests. */
  readonly mix: {
    readonly addVoter: number;
    readonly addLearner: number;
    readonly promote: number;
    readonly demote: number;
    readonly remove: number;
    readonly replace: number;
    /** What must be refused, most of the time. */
    readonly nonsense: number;
    /** A node is lost for good with its disk, and removed, with another in its place where there is one. */
    readonly lostDisk: number;
    /** The same, and a new node takes its place as the commands have it, at its address or elsewhere: a learner first. */
    readonly rejoin: number;
    /** Who there is. */
    readonly list: number;
    /** A node reads everything again that it keeps. */
    readonly scrub: number;
  };
}

type DrawnApart = "operator" | "backups" | "readersByLease" | "reviewer" | "intruder" | "crowd";

/** What is drawn first; of an intruder only whether there is one. */
type EarlyWorkload = Omit<WorkloadOptions, DrawnApart> & { readonly intruder: boolean };

/** Draws what clients do; the operator, backups, the reviewer and what an intruder does are drawn apart, behind all else. */
export function drawWorkload(random: Random): EarlyWorkload {
  const weight = (): number => (chance(random, 200) ? 0 : between(random, 1, 10));
  const payments = chance(random, 600);
  return {
    tellers: between(random, 2, 4),
    readers: between(random, 0, 2),
    inFlightMax: pick(random, [1, 3, 8]),
    thinkUs: pick(random, [5_000, 20_000, 50_000, 100_000]),
    requestTimeoutUs: pick(random, [200_000, 500_000, 1_000_000]),
    hotAccounts: between(random, 2, 4),
    payments,
    cards: payments && chance(random, 500),
    mix: {
      transfer: between(random, 5, 20),
      hold: weight(),
      chain: weight(),
      readAccount: between(random, 5, 20),
      readStale: between(random, 2, 10),
      readTransfer: weight(),
      retry: weight(),
      payment: payments ? between(random, 3, 20) : 0,
    },
    clerk: chance(random, 800) ? drawClerk(random) : undefined,
    auditor: chance(random, 800),
    intruder: chance(random, 400),
  };
}

/** Each kind is absent in some runs, but for the two that all others need. */
function drawClerk(random: Random): ClerkOptions {
  const weight = (): number => (chance(random, 250) ? 0 : between(random, 2, 10));
  return {
    mix: {
      batch: between(random, 1, 10),
      imported: weight(),
      asset: chance(random, 250) ? 0 : between(random, 4, 10),
      supply: chance(random, 200) ? 0 : between(random, 8, 16),
      reversal: chance(random, 250) ? 0 : between(random, 6, 14),
      freeze: chance(random, 500) ? 0 : between(random, 1, 4),
      delegate: weight(),
      tooFewSignatures: chance(random, 500) ? 0 : between(random, 1, 3),
      retry: weight(),
    },
    transfers: {
      simple: between(random, 1, 10),
      pending: weight(),
      post: weight(),
      void: weight(),
      balancing: weight(),
      closing: chance(random, 250) ? 0 : between(random, 2, 4),
      again: weight(),
    },
    linkedPermille: pick(random, [0, 200, 500]),
    batchMax: pick(random, [4, 4, 4, 4, 60]),
  };
}

/** All of it but what is drawn behind all else. */
type EarlyOperator = Omit<OperatorOptions, "mix"> & { readonly mix: Omit<OperatorOptions["mix"], "demote" | "rejoin"> };
type DemotingOperator = Omit<OperatorOptions, "mix"> & { readonly mix: Omit<OperatorOptions["mix"], "rejoin"> };

/** An operator in most runs. */
export function drawOperator(random: Random): EarlyOperator | undefined {
  if (!chance(random, 650)) return undefined;
  const weight = (): number => (chance(random, 250) ? 0 : between(random, 1, 10));
  return {
    thinkUs: pick(random, [20_000, 50_000, 200_000, 500_000]),
    mix: {
      addVoter: weight(),
      addLearner: weight(),
      promote: weight(),
      remove: weight(),
      replace: between(random, 1, 10),
      nonsense: between(random, 1, 4),
      lostDisk: weight(),
      list: between(random, 1, 4),
      scrub: between(random, 2, 8),
    },
  };
}

/** How often it demotes voters: drawn last, so that seeds draw all else as before. */
export function drawDemotions(random: Random, { mix, ...operator }: EarlyOperator): DemotingOperator {
  return { ...operator, mix: { ...mix, demote: chance(random, 250) ? 0 : between(random, 1, 10) } };
}

/** How often it has nodes that have lost their disks begin again: drawn later still. */
export function drawRejoins(random: Random, { mix, ...operator }: DemotingOperator): OperatorOptions {
  return { ...operator, mix: { ...mix, rejoin: chance(random, 250) ? 0 : between(random, 4, 14) } };
}

/** Any trick is absent in some runs, but for the one by which everybody sees what nodes do with what they had before. */
export function drawIntruder(random: Random): IntruderOptions {
  const thinkUs = pick(random, [2_000, 10_000, 50_000, 200_000]);
  const weights = TRICKS.map((trick) => [trick, chance(random, 250) ? 0 : between(random, 1, 5)]);
  return { thinkUs, mix: { ...Object.fromEntries(weights), again: between(random, 1, 5) } as IntruderOptions["mix"] };
}

/** A crowd in few runs, for it is much work. */
export function drawCrowd(random: Random): CrowdOptions | undefined {
  if (!chance(random, CROWD_PERMILLE)) return undefined;
  return { thinkUs: pick(random, [500_000, 2_000_000]), questions: pick(random, CROWDS) };
}

/** Backups in more than half of the runs. */
export function drawBackups(random: Random): BackupOptions | undefined {
  if (!chance(random, 600)) return undefined;
  return {
    thinkUs: pick(random, [10_000, 50_000, 200_000]),
    fromCheckpointPermille: pick(random, [0, 500, 1_000]),
    pausePermille: pick(random, [0, 50, 300]),
  };
}

/** A reviewer in most of the runs with payments. */
export function drawReviewer(random: Random): ReviewerOptions | undefined {
  if (!chance(random, 800)) return undefined;
  const weight = (): number => (chance(random, 250) ? 0 : between(random, 1, 5));
  return {
    thinkUs: pick(random, [20_000, 50_000, 200_000]),
    mix: { review: between(random, 3, 10), reviewAgain: weight(), block: weight(), rules: weight(), close: weight() },
  };
}
