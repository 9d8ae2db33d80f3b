/** One node under test, number 1, whose peers are the test itself: it says what they say and sees what they are sent. */
import type { NodeId, Term } from "../../node/base/ids.ts";
import { type NodeEvent, TestCluster, TUNING, type Tuning } from "./cluster.test-support.ts";
import type { Configuration } from "./configuration.ts";
import { votersUpTo } from "./configurations.test-support.ts";
import type { Entry, Message, MessageBody, MessageOf } from "./messages.ts";
import type { Raft } from "./raft.ts";
import type { ReadState } from "./ready.ts";

export interface OneNodeOptions {
  readonly count?: number;
  /** All are voters unless it is said. */
  readonly configuration?: Configuration;
  readonly tuning?: Partial<Tuning>;
  /** Terms of the entries on its disk. */
  readonly log?: readonly Term[];
  /** Its term, when it is not that of its last entry. */
  readonly term?: Term;
  readonly vote?: NodeId;
}

/** The algorithm as in the paper: without pre-vote and check-quorum. */
const AS_IN_THE_PAPER: Tuning = { ...TUNING, preVote: false, checkQuorum: false };

export function entries(first: number, terms: readonly Term[]): Entry[] {
  return terms.map((term, offset) => ({ index: first + offset, term, data: Uint8Array.of(first + offset, term) }));
}

export class OneNode {
  readonly cluster: TestCluster;
  readonly #peers: readonly NodeId[];
  #events: NodeEvent[] = [];

  constructor(options: OneNodeOptions = {}) {
    const { count = 3, configuration = votersUpTo(count), tuning, log = [], vote = 0 } = options;
    const hardState = { term: options.term ?? log.at(-1) ?? 0, vote };
    this.#peers = Array.from({ length: count - 1 }, (_, index) => index + 2);
    this.cluster = new TestCluster({
      count,
      configuration,
      tuning: { ...AS_IN_THE_PAPER, ...tuning },
      disks: new Map([[1, { hardState, entries: entries(1, log) }]]),
      listen: (event) => {
        if (event.node === 1) this.#events.push(event);
      },
    });
  }

  get raft(): Raft {
    return this.cluster.raft(1);
  }

  /** Terms of its log. */
  get log(): readonly Term[] {
    return Array.from({ length: this.raft.lastIndex }, (_, place) => this.raft.termAt(place + 1) ?? 0);
  }

  /** Says something to the node in a term; returns what it sends, in order. */
  hears(from: NodeId, term: Term, body: MessageBody): readonly Message[] {
    this.cluster.forge({ ...body, from, to: 1, term });
    return this.#during(() => this.cluster.deliver(from, 1));
  }

  ticks(count: number): readonly Message[] {
    return this.#during(() => {
      for (let i = 0; i < count; i++) {
        this.cluster.passTime();
        this.cluster.act(1, (raft) => raft.tick());
      }
    });
  }

  campaigns(): readonly Message[] {
    return this.#during(() => this.cluster.act(1, (raft) => raft.campaign()));
  }

  proposes(text: string): readonly Message[] {
    return this.#during(() => this.cluster.propose(1, [text]));
  }

  reads(request: number): readonly Message[] {
    return this.#during(() => this.cluster.act(1, (raft) => raft.requestRead(request)));
  }

  /** Wins an election for the next term, with all votes. */
  leads(): readonly Message[] {
    this.campaigns();
    const { term } = this.raft;
    const sent = this.#peers.flatMap((peer) => this.hears(peer, term, { type: "voteResponse", granted: true }));
    return sent;
  }

  /** A peer says that its log agrees up to a position. */
  isAcknowledged(by: NodeId, index: number): readonly Message[] {
    return this.hears(by, this.raft.term, {
      ...{ type: "appendResponse", accepted: true, index, hintIndex: 0, hintTerm: 0 },
    });
  }

  /** Takes everything it has applied, and every read that was answered, since this was last asked. */
  takeApplied(): readonly number[] {
    const applied = this.#events.flatMap((event) => (event.type === "applied" ? event.entries : []));
    this.#events = this.#events.filter((event) => event.type !== "applied");
    return applied.map((entry) => entry.index);
  }

  takeReads(): readonly ReadState[] {
    const reads = this.#events.flatMap((event) => (event.type === "read" ? [event.read] : []));
    this.#events = this.#events.filter((event) => event.type !== "read");
    return reads;
  }

  #during(action: () => void): readonly Message[] {
    const before = this.#events.length;
    action();
    return this.#events.slice(before).flatMap((event) => (event.type === "sent" ? [event.message] : []));
  }
}

/** The messages of one type. */
export function ofType<Type extends Message["type"]>(type: Type, messages: readonly Message[]): MessageOf<Type>[] {
  return messages.filter((message): message is MessageOf<Type> => message.type === type);
}
