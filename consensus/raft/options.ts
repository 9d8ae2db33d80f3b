/**
 * What a Raft node is built from, checked in one place. Every option is required: none of them is safe to guess.
 *
 * A wrong option is a mistake in the composition or damage found at start, so it fails as an invariant; a user's
 * configuration has been validated, with proper errors, before it gets here.
 */
import { assert } from "../../node/base/assert.ts";
import type { LogIndex, NodeId } from "../../node/base/ids.ts";
import { type Configuration, configurationFault } from "./configuration.ts";
import type { HardState } from "./hard-state.ts";
import type { LogView } from "./log-view.ts";

export interface RaftOptions {
  readonly id: NodeId;
  /** The configuration at `commit`; in force while the log is empty. A new node is not in it until an entry says so. */
  readonly configuration: Configuration;
  /** The configuration that an entry carries. Raft asks about data that it was handed, by its driver or a peer, only. */
  readonly configurationOf: (data: Uint8Array) => Configuration;
  /** As last persisted; term 0 and vote 0 for a new node. */
  readonly hardState: HardState;
  readonly log: LogView;
  /** Known to be committed, durable and applied at the start; 0 when nothing is. Entries behind it are handed out again. */
  readonly commit: LogIndex;
  /** Ticks without a word from a leader before an election; drawn anew each time from this up to twice this. */
  readonly electionTimeoutTicks: number;
  /** Ticks between heartbeats. */
  readonly heartbeatTicks: number;
  /** A whole number from 0 up to and not including `bound`. Must not repeat its sequence when the node restarts. */
  readonly random: (bound: number) => number;
  /** Ask whether an election could be won before disturbing the cluster with a new term. */
  readonly preVote: boolean;
  /** A leader that hears from no quorum for an election timeout steps down, and voters that hear a leader deny votes. */
  readonly checkQuorum: boolean;
  /** Milliseconds of this node's clock that pass between two ticks at least. */
  readonly tickMs: number;
  /** By how many thousandths at most a clock of the cluster is too fast or too slow; undefined: reads ask a quorum. */
  readonly leaseDriftPermille?: number | undefined;
  /** Bytes of entry data in one append; at least one entry is always sent. */
  readonly appendBytesMax: number;
  /** Appends on their way to one follower. */
  readonly appendsInFlightMax: number;
  /** Bytes of entry data on their way to one follower, checked before each append: may be passed by one append. */
  readonly bytesInFlightMax: number;
  /** Bytes of committed entries that a follower which lacks them is sent in a tick; twice what the log grows by, if that is more. */
  readonly catchUpBytesPerTick: number;
  /** Reads that may wait for a quorum, and reads forwarded and not yet answered; the one too many is refused. */
  readonly readsWaitingMax: number;
}

const BOUNDS = [
  "appendBytesMax",
  "appendsInFlightMax",
  "bytesInFlightMax",
  "catchUpBytesPerTick",
  "readsWaitingMax",
] as const satisfies readonly (keyof RaftOptions)[];

/** Throws `InvariantError` unless the options make sense together. */
export function validateOptions(options: RaftOptions): void {
  const { id, configuration, hardState, log, commit } = options;
  const fault = configurationFault(configuration);
  assert(fault === undefined, `the configuration is sound: ${fault}`);
  assert(isPositive(id), "this node has a positive id");
  assert(isCount(hardState.term), "term is a whole number");
  assert(hardState.vote === 0 || (hardState.term > 0 && isPositive(hardState.vote)), "the vote is for a node");
  const first = log.firstIndex();
  const last = log.lastIndex();
  assert(isPositive(first) && isCount(last) && last >= first - 1, "the log has proper bounds");
  const lastTerm = log.term(last);
  assert(lastTerm !== undefined, "the last term is known");
  assert(lastTerm <= hardState.term, "the term was persisted before the entries of that term");
  assert(isCount(commit) && commit >= first - 1 && commit <= last, "what is committed is in the log");
  const { leaseDriftPermille } = options;
  assert(options.tickMs >= 0, "time does not go back between ticks");
  if (leaseDriftPermille !== undefined) {
    assert(isPositive(leaseDriftPermille) && leaseDriftPermille < 1_000, "clocks are off by more than 0, and go on");
    assert(options.checkQuorum, "leases rest on votes that are denied");
  }
  assert(isPositive(options.heartbeatTicks), "heartbeatTicks is positive");
  assert(isPositive(options.electionTimeoutTicks), "electionTimeoutTicks is positive");
  assert(options.electionTimeoutTicks > options.heartbeatTicks, "heartbeats must keep elections away");
  for (const key of BOUNDS) assert(isPositive(options[key]), `${key} is positive`);
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isPositive(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0;
}
