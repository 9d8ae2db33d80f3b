/**
 * Bounds: nothing that a node holds in memory for others is more than `node/base/limits.ts`, or the run's own options,
 * allow. What is not bounded is found by whoever has enough of it; here, by how much of it a node says that it has.
 *
 * A field that is not there fails the run, too: a bound that nobody can see is none.
 */
import type { NodeId } from "../../node/base/ids.ts";
import {
  APPEND_BYTES_IN_FLIGHT_MAX,
  APPEND_BYTES_MAX,
  BLOCKS_UNCOMMITTED_MAX,
  CLIENT_CONNECTIONS_MAX,
  CLIENT_REQUESTS_IN_FLIGHT_MAX,
  MAILBOX_DEPTH,
  OUTBOX_OPEN_MAX,
  PROPOSAL_QUEUE_BYTES_MAX,
  QUESTIONS_OPEN_MAX,
  READS_WAITING_MAX,
  SESSIONS_MAX,
  STATES_GIVEN_MAX,
} from "../../node/base/limits.ts";
import { FIRST_RELEASE, NEWEST_RELEASE } from "../../node/base/release.ts";
import { BLOCK_HEADER_BYTES } from "../../node/wire/block.ts";
import type { NodeStatus } from "../cluster.ts";
import type { SimOptions } from "../options.ts";
import type { RaftView } from "./observed-node.ts";
import type { Verdict } from "./verdict.ts";

const RULE = "bounds";
/** Blocks of a leader's own that are not committed: one more where members change, and one each time the release is raised, which wait for nobody. */
const OWN_BLOCKS_MAX: number = BLOCKS_UNCOMMITTED_MAX + 1 + NEWEST_RELEASE - FIRST_RELEASE;
/** One append may pass the bound, and hold one block that is larger than appends are, by its header. */
const BYTES_IN_FLIGHT_MAX: number = APPEND_BYTES_IN_FLIGHT_MAX + APPEND_BYTES_MAX + BLOCK_HEADER_BYTES;

/** By section and field of a node's status, what a number may be at most. */
const MOST: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  consensus: { transactionBytesWaiting: PROPOSAL_QUEUE_BYTES_MAX, readsWaiting: READS_WAITING_MAX },
  gateway: { connections: CLIENT_CONNECTIONS_MAX, questionsOpen: QUESTIONS_OPEN_MAX },
  ledger: {
    ...{ questionsWaiting: QUESTIONS_OPEN_MAX, statesGiven: STATES_GIVEN_MAX },
    ...{ sessions: SESSIONS_MAX, openIntents: OUTBOX_OPEN_MAX },
  },
};

/** Sections of a node's status that are looked at. */
export const BOUNDED_SECTIONS: readonly string[] = [...Object.keys(MOST), "mailboxes", "log"];

type BoundsOptions = Pick<SimOptions, "appendsInFlightMax" | "cacheBytes">;

/** What is looked at of a Raft core. */
type RaftBounds = Pick<RaftView, "role" | "term" | "commit" | "lastIndex" | "termAt">;

export class Bounds {
  readonly #verdict: Verdict;
  readonly #options: BoundsOptions;

  constructor(verdict: Verdict, options: BoundsOptions) {
    this.#verdict = verdict;
    this.#options = options;
  }

  /** A running node, between two events. */
  look(node: NodeId, raft: RaftBounds, status: NodeStatus): void {
    for (const [section, fields] of Object.entries(MOST)) {
      for (const [field, most] of Object.entries(fields)) this.#atMost(node, field, status[section]?.[field], most);
    }
    const { connections, questionsOpen } = status["gateway"] ?? {};
    const mostOpen = Number(connections) * CLIENT_REQUESTS_IN_FLIGHT_MAX;
    this.#atMost(node, "questions of those who are connected", questionsOpen, mostOpen);
    const mailboxes = Object.entries(status["mailboxes"] ?? {});
    this.#verdict.expect(mailboxes.length > 0, RULE, () => `node ${node} does not say how many messages wait`);
    for (const [actor, depth] of mailboxes) this.#atMost(node, `messages to ${actor}`, depth, MAILBOX_DEPTH);
    const { cacheBytes, appendsInFlightMax } = this.#options;
    this.#atMost(node, "bytes of durable blocks in memory", status["log"]?.["cachedBytes"], cacheBytes);
    if (raft.role !== "leader") return;
    this.#ownBlocks(node, raft);
    const peers = status["consensus"]?.["peers"];
    for (const peer of Array.isArray(peers) ? (peers as readonly NodeStatus[string][]) : [{}]) {
      this.#atMost(node, "appends in flight", peer["inFlight"], appendsInFlightMax);
      this.#atMost(node, "bytes in flight", peer["inFlightBytes"], BYTES_IN_FLIGHT_MAX);
    }
  }

  /** Blocks that a leader came with are its predecessors'. */
  #ownBlocks(node: NodeId, raft: RaftBounds): void {
    const tooMany = raft.lastIndex - OWN_BLOCKS_MAX;
    const isOver = tooMany > raft.commit && raft.termAt(tooMany) === raft.term;
    this.#verdict.expect(
      !isOver,
      RULE,
      () => `node ${node}: more than ${OWN_BLOCKS_MAX} blocks of its own that are not committed`,
    );
  }

  #atMost(node: NodeId, what: string, value: unknown, most: number): void {
    const isWithin = typeof value === "number" && value <= most;
    this.#verdict.expect(isWithin, RULE, () => `node ${node}: ${what} ${String(value)}, and ${most} at most`);
  }
}
