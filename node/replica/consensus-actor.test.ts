import { describe, expect, test } from "vitest";
import { TestDisk, TUNING } from "../../consensus/raft/cluster.test-support.ts";
import type { Entry, Message, MessageBody } from "../../consensus/raft/messages.ts";
import { Raft } from "../../consensus/raft/raft.ts";
import { concatBytes, U64_MAX } from "../base/bytes.ts";
import type { Configuration } from "../base/configuration.ts";
import { BLOCKS_UNCOMMITTED_MAX, TRANSACTION_BYTES_MAX } from "../base/limits.ts";
import { FIRST_RELEASE } from "../base/release.ts";
import type { CatchUpMessage } from "../messages/catch-up.ts";
import type { ConsensusMessage, Question } from "../messages/consensus.ts";
import type { GatewayMessage } from "../messages/gateway.ts";
import type { LedgerMessage } from "../messages/ledger.ts";
import type { LogMessage } from "../messages/log.ts";
import { StatusBoard } from "../messages/status.ts";
import { type Block, configurationOf, decodeBlock, releaseOf } from "../wire/block.ts";
import { THREE_VOTERS } from "../wire/configuration.test-support.ts";
import { TransactionHashes } from "../wire/transaction-hashes.ts";
import { headOf } from "./chain.ts";
import { ConsensusActor } from "./consensus-actor.ts";
import { Freshness } from "./freshness.ts";
import { nextRelease } from "./next-release.ts";
import { decodeRaftMessage, encodeRaftMessage } from "./raft-codec.ts";
import {
  blockBehind,
  CLUSTER_ID,
  chainOf,
  contextOf,
  GENESIS_HEAD,
  Listener,
  recordingLog,
  STATE,
  sha256,
  TestClock,
} from "./replica.test-support.ts";

type ReadMessage = Extract<ConsensusMessage, { readonly type: "read" }>;

interface BenchOptions {
  readonly nodes?: number;
  /** Blocks on the disk, all of term 1. */
  readonly blocks?: readonly Uint8Array[];
  readonly applied?: number;
  readonly preferredLeaders?: readonly number[];
  /** The newest release that the node reads. */
  readonly releaseMax?: number;
  /** Ids of nodes without a vote. */
  readonly learners?: readonly number[];
}

/** The consensus actor of node 1 with a real core; its disk, its ledger, its gateway and its peers are the test. */
class Bench {
  readonly clock = new TestClock();
  readonly log = new Listener<LogMessage>("log");
  readonly catchUp = new Listener<CatchUpMessage>("catchUp");
  readonly ledger = new Listener<LedgerMessage>("ledger");
  readonly gateway = new Listener<GatewayMessage>("gateway");
  readonly warnings: readonly object[];
  readonly timers: ConsensusMessage[];
  diskIsFull = false;
  readonly #actor: ConsensusActor;
  readonly #status = new StatusBoard();
  readonly #disk = new TestDisk();
  #sent: Message[] = [];

  constructor({
    nodes = 3,
    blocks = [],
    applied = 0,
    preferredLeaders = [],
    releaseMax = FIRST_RELEASE,
    learners = [],
  }: BenchOptions = {}) {
    const { clock } = this;
    const { context, timers } = contextOf<ConsensusMessage>(clock);
    const { log: hostLog, warnings } = recordingLog();
    this.timers = timers;
    this.warnings = warnings;
    this.#disk.log.push(...blocks.map((data, index): Entry => ({ index: index + 1, term: 1, data })));
    const voters = Array.from({ length: nodes }, (_, index) => index + 1);
    const configuration = { voters, outgoing: [], learners };
    const hardState = { term: blocks.length > 0 ? 1 : 0, vote: 0 };
    const start = { hardState, log: this.#disk, commit: applied, random: () => 0 };
    const tuning = {
      ...TUNING,
      preVote: false,
      checkQuorum: false,
      appendBytesMax: 100_000_000,
      bytesInFlightMax: 1e9,
    };
    // That of blocks that are on the disk is not what the bench was asked for.
    const configurationIn = blocks.length === 0 ? configurationOf : (): Configuration => configuration;
    const raft = new Raft({ ...tuning, ...start, id: 1, configuration, configurationOf: configurationIn });
    const last = blocks[applied - 1];
    const base = last === undefined ? GENESIS_HEAD : headOf(sha256, last);
    const deps = {
      ...{ base, catchUp: () => this.catchUp },
      ...{
        raft,
        freshness: new Freshness(),
        clock,
        sha256,
        hashes: new TransactionHashes(sha256),
        hostLog,
        clusterId: CLUSTER_ID,
        genesis: GENESIS_HEAD,
        status: this.#status,
      },
      nextRelease,
      diskIsFull: () => this.diskIsFull,
      ...{ log: this.log, ledger: this.ledger, gateway: () => this.gateway },
      sendPeer: (_to: number, ...payload: readonly Uint8Array[]) => {
        this.#sent.push(decodeRaftMessage(concatBytes(payload)));
        return true;
      },
    };
    this.#actor = new ConsensusActor(context, deps, {
      tickMs: 20,
      electionTimeoutTicks: 10,
      preferredLeaders,
      releaseMax,
      applied: { ...STATE, height: applied },
      members: { voters, learners },
    });
  }

  get status(): Readonly<Record<string, unknown>> {
    return this.#status.read()["consensus"] ?? {};
  }

  /** One turn of the actor. */
  turn(...messages: readonly ConsensusMessage[]): void {
    for (const message of messages) this.#actor.receive(message);
    this.#actor.drained();
  }

  ticks(count: number): void {
    for (let i = 0; i < count; i++) this.turn({ type: "tick" });
  }

  /** A peer says something. */
  hears(from: number, term: number, body: MessageBody): void {
    this.turn({ type: "peerFrame", from, payload: frameOf({ ...body, from, to: 1, term }) });
  }

  /** The log actor has done all that it was asked. */
  syncs(): void {
    for (const { sequence, entries, truncateFrom } of this.log.take("persist")) {
      if (truncateFrom !== undefined) this.#disk.log.length = truncateFrom - 1;
      this.#disk.log.push(...entries.map(({ index, term, payload }) => ({ index, term, data: payload })));
      this.turn({ type: "persisted", sequence });
    }
  }

  /** Node 2 has everything, too. */
  isFollowed(): void {
    const { lastIndex: index, term } = this.status as { lastIndex: number; term: number };
    this.hears(2, term, { type: "appendResponse", accepted: true, index, hintIndex: 0, hintTerm: 0 });
  }

  /** Wins the next election. */
  leads(): void {
    this.ticks(10);
    this.syncs();
    const term = Number(this.status["term"]);
    this.hears(2, term, { type: "voteResponse", granted: true });
    expect(this.status["role"]).toBe("leader");
  }

  /** What has been sent since this was last asked. */
  sent(): Message[] {
    const sent = this.#sent;
    this.#sent = [];
    return sent;
  }

  /** The transactions of each block that the log was asked to keep since then. */
  blocks(): number[][] {
    const persists = this.log.messages.flatMap((message) => (message.type === "persist" ? message.entries : []));
    return persists.map(({ payload }) => decodeBlock(sha256, payload).transactions.map(([first = -1]) => first));
  }
}

function heightsOf(chunk: { readonly blocks: readonly Block[] }): number[] {
  return chunk.blocks.map(({ header }) => header.height);
}

/** A frame from node 2 to node 1 in term 1, if it is not said otherwise. */
function frameOf(message: MessageBody & Partial<Message>): Uint8Array {
  return concatBytes(encodeRaftMessage({ from: 2, to: 1, term: 1, ...message }));
}

const transaction = (byte: number): Uint8Array => Uint8Array.of(byte);
const propose = (byte: number): ConsensusMessage => ({ type: "propose", transactions: [transaction(byte)] });
const question = (token: number): Question => ({
  kind: "admission",
  token,
  connection: 1,
  transaction: new Uint8Array(0),
});

describe("promises wait for the disk", () => {
  test("a vote leaves when it is durable", () => {
    const bench = new Bench();
    bench.hears(2, 1, { type: "vote", lastIndex: 0, lastTerm: 0 });
    expect(bench.log.messages).toMatchObject([{ type: "persist", hardState: { term: 1, vote: 2 }, entries: [] }]);
    expect(bench.sent()).toEqual([]);
    bench.syncs();
    expect(bench.sent()).toMatchObject([{ type: "voteResponse", granted: true, to: 2 }]);
  });

  test("an acknowledgement leaves when the entries are durable, and whatever is promised after it later still", () => {
    const bench = new Bench();
    const [data = new Uint8Array(0)] = chainOf(1, [[]]);
    const append = { type: "append", previousIndex: 0, previousTerm: 0, commit: 0 } as const;
    bench.hears(2, 1, { ...append, entries: [{ index: 1, term: 1, data }] });
    bench.hears(2, 1, { type: "heartbeat", commit: 0, sequence: 0 });
    expect(bench.sent()).toEqual([]);
    bench.syncs();
    expect(bench.sent()).toMatchObject([
      { type: "appendResponse", accepted: true, index: 1 },
      { type: "heartbeatResponse" },
    ]);
  });

  test("an answer to a heartbeat of a term that is durable leaves at once: it says nothing of the log", () => {
    const bench = new Bench();
    const [data = new Uint8Array(0)] = chainOf(1, [[]]);
    bench.hears(2, 1, { type: "heartbeat", commit: 0, sequence: 0 });
    bench.syncs();
    bench.sent();
    const append = { type: "append", previousIndex: 0, previousTerm: 0, commit: 0 } as const;
    bench.hears(2, 1, { ...append, entries: [{ index: 1, term: 1, data }] });
    bench.hears(2, 1, { type: "heartbeat", commit: 0, sequence: 1 });
    expect(bench.sent()).toMatchObject([{ type: "heartbeatResponse", sequence: 1 }]);
    bench.syncs();
    expect(bench.sent()).toMatchObject([{ type: "appendResponse", accepted: true, index: 1 }]);
  });

  test("completions in another order stop the node", () => {
    const bench = new Bench();
    bench.hears(2, 1, { type: "vote", lastIndex: 0, lastTerm: 0 });
    expect(() => bench.turn({ type: "persisted", sequence: 9 })).toThrow("out of order");
  });
});

describe("a leader", () => {
  test("proposes an empty block at once, and says from where on it leads", () => {
    const bench = new Bench();
    bench.leads();
    expect(bench.blocks()).toEqual([[]]);
    expect(bench.gateway.take("leader").at(-1)).toEqual({ type: "leader", leader: 1 });
    expect(bench.ledger.take("leader").at(-1)).toEqual({ type: "leader", leader: 1, readyAt: 1 });
  });

  test("chains its first block to the last of its log, whoever made it", () => {
    const blocks = chainOf(1, [[], []]);
    const bench = new Bench({ blocks });
    bench.leads();
    const persisted = bench.log.messages.flatMap((message) => (message.type === "persist" ? message.entries : []));
    expect(persisted.map(({ index, term }) => [index, term])).toEqual([[3, 2]]);
    const { header } = decodeBlock(sha256, persisted[0]?.payload ?? new Uint8Array(0));
    expect(header.previousHash).toEqual(decodeBlock(sha256, blocks[1] as Uint8Array).hash);
  });

  test("gives a learner that is to vote its vote when it has caught up, and orders and commits without it meanwhile", () => {
    const bench = new Bench({ learners: [4] });
    bench.leads();
    bench.syncs();
    bench.isFollowed();
    const isWanted = (): void => {
      const height = Number(bench.status["commit"]);
      const members = { voters: [1, 2, 3, 4], learners: [] };
      bench.turn({ type: "applied", state: { ...STATE, height }, members });
    };
    const acknowledges = (node: number, index: number): void => {
      bench.hears(node, 1, { type: "appendResponse", accepted: true, index, hintIndex: 0, hintTerm: 0 });
    };
    acknowledges(4, 1);
    for (let block = 2; block <= 200; block++) {
      bench.turn(propose(block));
      bench.syncs();
      bench.isFollowed();
      acknowledges(3, block);
      if (block > 100) isWanted();
      expect(bench.status["commit"]).toBe(block);
    }
    expect(bench.status).toMatchObject({ voters: [1, 2, 3], outgoing: [], learners: [4], awaited: [4] });
    acknowledges(4, 200);
    expect(bench.status).toMatchObject({ voters: [1, 2, 3, 4], outgoing: [1, 2, 3], learners: [], lastIndex: 201 });
  });

  test("puts a lone transaction into a block of its own at once", () => {
    const bench = new Bench();
    bench.leads();
    bench.turn(propose(7));
    expect(bench.blocks()).toEqual([[], [7]]);
  });

  test("collects what comes in one turn, and what comes while blocks are on their way", () => {
    const bench = new Bench();
    bench.leads();
    bench.turn(propose(1), propose(2), propose(3));
    for (let i = 4; i < 30; i++) bench.turn(propose(i));
    expect(bench.blocks().length).toBe(BLOCKS_UNCOMMITTED_MAX);
    expect(bench.blocks()[1]).toEqual([1, 2, 3]);
    const waiting = Number(bench.status["transactionsWaiting"]);
    expect(waiting).toBe(26 - (BLOCKS_UNCOMMITTED_MAX - 2));
    bench.syncs();
    bench.isFollowed();
    expect(bench.blocks().map(({ length }) => length)).toEqual([waiting]);
  });

  test("orders an empty block when log time must move on", () => {
    const bench = new Bench();
    bench.turn({ type: "pulse" });
    bench.leads();
    expect(bench.blocks()).toEqual([[]]);
    bench.turn({ type: "pulse" }, { type: "pulse" });
    expect(bench.blocks()).toEqual([[], []]);
  });
});

describe("a follower whose link from a peer has ended", () => {
  function following(): Bench {
    const bench = new Bench();
    bench.hears(3, 1, { type: "heartbeat", commit: 0, sequence: 0 });
    bench.syncs();
    bench.sent();
    return bench;
  }

  test("campaigns at the next tick where it was the leader's", () => {
    const bench = following();
    bench.turn({ type: "peerLost", from: 3 });
    bench.ticks(1);
    bench.syncs();
    expect(bench.sent().map(({ type, to }) => [type, to])).toEqual([
      ["vote", 2],
      ["vote", 3],
    ]);
  });

  test("does nothing where it was another's", () => {
    const bench = following();
    bench.turn({ type: "peerLost", from: 2 });
    bench.ticks(9);
    bench.syncs();
    expect([bench.status["leader"], bench.sent()]).toEqual([3, []]);
  });
});

describe("transactions that are not ordered are refused, each once", () => {
  test("by a node that does not lead", () => {
    const bench = new Bench();
    bench.turn(propose(1));
    expect(bench.gateway.take("refused")).toEqual([
      { type: "refused", transactions: [transaction(1)], code: "not_leader" },
    ]);
  });

  test("when too much is waiting", () => {
    const bench = new Bench();
    bench.leads();
    const large: ConsensusMessage = { type: "propose", transactions: [new Uint8Array(TRANSACTION_BYTES_MAX)] };
    bench.turn(...Array.from({ length: 70 }, () => large));
    const refused = bench.gateway.take("refused");
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.every(({ code }) => code === "busy")).toBe(true);
    const kept = 70 - refused.length;
    expect(kept * TRANSACTION_BYTES_MAX).toBeLessThanOrEqual(64 * 1_048_576);
  });

  test("when too much is waiting, and all that came together with one word: a mailbox would not hold one for each", () => {
    const bench = new Bench();
    bench.leads();
    const transactions = Array.from({ length: 70 }, () => new Uint8Array(TRANSACTION_BYTES_MAX));
    bench.turn({ type: "propose", transactions });
    const refused = bench.gateway.take("refused");
    expect(refused.map(({ code, transactions: some }) => [code, some.length])).toEqual([["busy", 7]]);
  });

  test("when the leader changes before they are in a block", () => {
    const bench = new Bench();
    bench.leads();
    for (let i = 0; i < 12; i++) bench.turn(propose(i));
    const inBlocks = bench.blocks().flat();
    bench.hears(3, 9, { type: "heartbeat", commit: 0, sequence: 0 });
    const refused = bench.gateway.take("refused");
    expect(refused).toMatchObject([{ code: "not_leader" }]);
    const bytes = refused.flatMap(({ transactions }) => transactions.map(([first]) => first));
    expect([...inBlocks, ...bytes]).toEqual(Array.from({ length: 12 }, (_, i) => i));
    expect(bench.gateway.take("leader").at(-1)).toEqual({ type: "leader", leader: 3 });
    expect(bench.status["transactionsWaiting"]).toBe(0);
  });
});

describe("committed blocks", () => {
  test("go to the ledger in order, a bounded number at a time", () => {
    const big = new Uint8Array(900_000);
    const blocks = chainOf(
      1,
      Array.from({ length: 12 }, () => [big]),
    );
    const bench = new Bench({ blocks });
    bench.hears(2, 1, { type: "heartbeat", commit: 12, sequence: 0 });
    const chunks = bench.ledger.take("committed");
    expect(chunks.length).toBe(2);
    const got = chunks.flatMap(heightsOf);
    while (got.length < 12) {
      bench.turn({ type: "applied", state: { ...STATE, height: got.length }, members: THREE_VOTERS });
      const next = bench.ledger.take("committed");
      expect(next.length).toBe(1);
      got.push(...next.flatMap(heightsOf));
    }
    expect(got).toEqual(blocks.map((_block, index) => index + 1));
  });

  test("start behind what the ledger's checkpoint has", () => {
    const blocks = chainOf(1, [[], [], []]);
    const bench = new Bench({ blocks, applied: 2 });
    bench.hears(2, 1, { type: "heartbeat", commit: 3, sequence: 0 });
    expect(bench.ledger.take("committed").map(heightsOf)).toEqual([[3]]);
  });

  test("are bounded in number, too, for each is a message to many", () => {
    const blocks = chainOf(
      1,
      Array.from({ length: 2_500 }, () => []),
    );
    const bench = new Bench({ blocks });
    bench.hears(2, 1, { type: "heartbeat", commit: 2_500, sequence: 0 });
    expect(bench.ledger.take("committed").map((chunk) => chunk.blocks.length)).toEqual([1_024, 1_024]);
    bench.turn({ type: "applied", state: { ...STATE, height: 1_024 }, members: THREE_VOTERS });
    expect(bench.ledger.take("committed").map((chunk) => chunk.blocks.length)).toEqual([452]);
  });

  test("are what was built, checked or read, whatever was replaced meanwhile", () => {
    const bench = new Bench();
    bench.leads();
    bench.turn(propose(1)); // in a block that nobody else gets
    bench.syncs();
    const others = chainOf(2, [[], [transaction(2)]]);
    const entries = others.map((data, index) => ({ index: index + 1, term: 2, data }));
    bench.hears(3, 2, { type: "append", previousIndex: 0, previousTerm: 0, commit: 2, entries });
    bench.syncs();
    const [committed] = bench.ledger.take("committed");
    expect(committed?.blocks).toEqual(others.map((bytes) => decodeBlock(sha256, bytes)));
  });
});

/** Whom the node has told since then to lead at once. */
function urged(bench: Bench): number[] {
  return bench
    .sent()
    .filter(({ type }) => type === "timeoutNow")
    .map(({ to }) => to);
}

function handOverRefusal(message: string): object {
  const refused = { type: "answerRefused", token: 7, code: "hand_over_refused" };
  return { ...refused, message: expect.stringContaining(message) };
}

describe("handing over", () => {
  const answer = Uint8Array.of(1, 2, 3);
  const asked = (to: number): ConsensusMessage => ({ type: "handOver", request: { token: 7, to, answer } });

  function leading(): Bench {
    const bench = new Bench();
    bench.leads();
    bench.syncs();
    bench.isFollowed();
    bench.sent();
    return bench;
  }

  test("a leader that is asked hands over to whom it is told, and says when it begins", () => {
    const bench = leading();
    bench.turn(asked(2));
    expect(urged(bench)).toEqual([2]);
    expect(bench.gateway.take("answer")).toEqual([{ type: "answer", token: 7, answer }]);
    expect(bench.gateway.take("answerRefused")).toEqual([]);
  });

  test("to one that lacks something of the log, it begins and waits for that", () => {
    const bench = leading();
    bench.turn(asked(3));
    expect(urged(bench)).toEqual([]);
    expect(bench.gateway.take("answer")).toHaveLength(1);
    bench.hears(3, 1, { type: "appendResponse", accepted: true, index: 1, hintIndex: 0, hintTerm: 0 });
    expect(urged(bench)).toEqual([3]);
  });

  test.each([
    ["itself", 1, "node 1 leads already; to move on, name one of 2, 3"],
    ["a node that is not there", 4, "there is no node 4 that could lead: name one of 2, 3"],
  ])("a leader that is asked for %s refuses, and goes on", (_, to, message) => {
    const bench = leading();
    bench.turn(asked(to));
    expect(bench.gateway.take("answerRefused")).toEqual([handOverRefusal(message)]);
    bench.turn(propose(1));
    expect(bench.blocks().flat()).toEqual([1]);
  });

  test("who does not lead says who does", () => {
    const bench = new Bench();
    bench.turn(asked(2));
    bench.hears(3, 9, { type: "heartbeat", commit: 0, sequence: 0 });
    bench.turn(asked(2));
    expect(bench.gateway.take("answerRefused")).toEqual([
      handOverRefusal("no leader is known"),
      handOverRefusal("ask node 3"),
    ]);
    expect(urged(bench)).toEqual([]);
  });

  test("a leader that has settled makes way for a node that shall rather lead and is there", () => {
    const bench = new Bench({ preferredLeaders: [2] });
    bench.leads();
    bench.syncs();
    bench.isFollowed();
    bench.ticks(250);
    expect(urged(bench)).toEqual([]); // nothing was heard of it for long
    bench.isFollowed();
    bench.ticks(1);
    expect(urged(bench)).toEqual([2]);
  });

  test("a leader whose disk hangs hands over to one who has the log, again until somebody takes it; a slow one leads on", () => {
    const bench = leading();
    bench.turn(propose(1));
    bench.ticks(39);
    expect(urged(bench)).toEqual([]);
    bench.isFollowed();
    bench.ticks(1);
    expect(urged(bench)).toContain(2);
    bench.ticks(20);
    expect(urged(bench)).toContain(2);
    expect(bench.warnings).toMatchObject([{ event: "raft.disk_hangs" }]); // once
    bench.syncs();
    bench.ticks(20);
    urged(bench); // what was begun comes to its end
    bench.ticks(60);
    expect(urged(bench)).toEqual([]);
  });

  test("a leader of five whose disk hangs: one that ended when it had as much as the others keeps nobody from taking over", () => {
    const bench = new Bench({ nodes: 5 });
    bench.ticks(10);
    bench.syncs();
    for (const from of [2, 3]) bench.hears(from, 1, { type: "voteResponse", granted: true });
    bench.syncs();
    const haveAll = (peers: readonly number[]): void => {
      const { lastIndex: index } = bench.status as { lastIndex: number };
      const all = { type: "appendResponse", accepted: true, index, hintIndex: 0, hintTerm: 0 } as const;
      for (const from of peers) bench.hears(from, 1, all);
    };
    haveAll([2, 3, 4, 5]);
    bench.turn(propose(1)); // its disk hangs from here on
    haveAll([2, 3, 4, 5]); // the last that was heard of node 2
    const told: number[] = [];
    for (let tick = 1; tick <= 100; tick++) {
      bench.ticks(1);
      for (const { type, to } of bench.sent()) {
        if (type === "timeoutNow" && told.at(-1) !== to) told.push(to);
        if (type === "heartbeat" && to !== 2)
          bench.hears(to, 1, { type: "heartbeatResponse", sequence: 0, promiseMs: 0 });
      }
      if (tick === 55) bench.turn(propose(2)); // between two attempts it is taken
      if (tick === 56) haveAll([3, 4, 5]);
    }
    expect([told, bench.blocks().flat()]).toEqual([
      [3, 4, 5, 3],
      [1, 2],
    ]);
  });

  test("a leader whose disk is full hands over as soon as the others commit what it has no room for", () => {
    const bench = leading();
    bench.turn(propose(1));
    bench.diskIsFull = true;
    bench.ticks(1);
    expect(urged(bench)).toEqual([]);
    bench.isFollowed();
    bench.hears(3, 1, { type: "appendResponse", accepted: true, index: 2, hintIndex: 0, hintTerm: 0 });
    bench.ticks(1);
    expect(urged(bench)).toEqual([2]);
    expect(bench.warnings).toEqual([]);
  });

  test("a leader whose disk is full leads on where too few of the others have room: it can still confirm reads", () => {
    const bench = leading();
    bench.turn(propose(1));
    bench.diskIsFull = true;
    bench.isFollowed();
    bench.ticks(200);
    expect([urged(bench), bench.warnings, bench.status["role"]]).toEqual([[], [], "leader"]);
    bench.diskIsFull = false;
    bench.syncs();
    bench.turn(propose(2));
    expect(bench.blocks()).toEqual([[2]]);
  });

  test("the only node has nobody to hand over to", () => {
    const bench = new Bench({ nodes: 1 });
    bench.ticks(10);
    bench.syncs();
    bench.turn({ type: "handOver" }, asked(1));
    expect(bench.gateway.take("answerRefused")).toEqual([handOverRefusal("no other node")]);
  });

  test("a node that is told to in the turn in which it is elected makes the first block of its term before", () => {
    const bench = new Bench();
    bench.ticks(10);
    bench.syncs();
    const granted = frameOf({ type: "voteResponse", granted: true });
    bench.turn({ type: "peerFrame", from: 2, payload: granted }, asked(2));
    expect([bench.status["role"], bench.blocks(), urged(bench)]).toEqual(["leader", [[]], []]);
    bench.isFollowed();
    expect(urged(bench)).toEqual([2]);
  });

  test("a leader that stops chooses who has most of the log", () => {
    const bench = leading();
    bench.turn({ type: "handOver" });
    expect(urged(bench)).toEqual([2]);
    expect(bench.gateway.take("answer")).toEqual([]);
  });
});

/** Releases of the blocks that the log was asked to keep. */
function releases({ log }: Bench): number[] {
  const persists = log.messages.flatMap((message) => (message.type === "persist" ? message.entries : []));
  return persists.map(({ payload }) => releaseOf(payload));
}

/** The newest releases that others read, by node. */
function announced(said: Readonly<Record<number, number>>): ConsensusMessage {
  const told = Object.entries(said).map(([node, release]) => [Number(node), release] as const);
  return { type: "announced", releases: new Map(told) };
}

describe("the release", () => {
  test("is raised by an empty block once all have said that they read a later one, and is not said again", () => {
    const bench = new Bench({ releaseMax: 2 });
    bench.leads();
    bench.syncs();
    bench.isFollowed();
    bench.turn(announced({ 2: 2 }));
    expect(bench.blocks()).toHaveLength(0);
    bench.turn(announced({ 2: 2, 3: 2 }), announced({ 2: 2, 3: 2 }));
    bench.turn(announced({ 2: 2 }));
    bench.turn({ type: "propose", transactions: [Uint8Array.of(7)] });
    expect([bench.blocks(), releases(bench)]).toEqual([
      [[], [7]],
      [2, 2],
    ]);
  });

  test("waits until something of the leader's own term is committed, and goes with what waits then", () => {
    const bench = new Bench({ releaseMax: 2 });
    bench.turn(announced({ 2: 2, 3: 2 }));
    bench.leads();
    bench.turn({ type: "propose", transactions: [Uint8Array.of(7)] });
    expect(releases(bench)).toEqual([1, 1]);
    bench.syncs();
    bench.isFollowed();
    expect(releases(bench)).toEqual([2]);
  });

  test("stays where the log is when another leads that knows less of the others", () => {
    const { bytes } = blockBehind(GENESIS_HEAD, { height: 1, term: 1, release: 2 });
    const bench = new Bench({ releaseMax: 2, blocks: [bytes] });
    bench.leads();
    expect(releases(bench)).toEqual([2]);
  });

  test("of a peer's block above what this node reads: the frame is refused, with what to do about it", () => {
    const { bytes: data } = blockBehind(GENESIS_HEAD, { height: 1, term: 1, release: 2 });
    const bench = new Bench();
    const entries = [{ index: 1, term: 1, data }];
    bench.hears(2, 1, { type: "append", previousIndex: 0, previousTerm: 0, entries, commit: 0 });
    expect(bench.status).toMatchObject({ framesRefused: 1, lastIndex: 0, releaseMax: 1 });
    const reason = expect.stringContaining("of release 2, and this node reads up to release 1");
    expect(bench.warnings).toMatchObject([{ event: "raft.frame_refused", fields: { from: 2, reason } }]);
  });
});

function read(token: number, consistency: ReadMessage["consistency"] = "linearizable"): ReadMessage {
  return { type: "read", question: question(token), consistency };
}

describe("reads", () => {
  test("of one turn share a round, and go to the ledger with the index they must see", () => {
    const bench = new Bench();
    bench.leads();
    bench.syncs();
    bench.isFollowed();
    bench.sent();
    bench.turn(read(1), read(2));
    expect(bench.sent().filter(({ type }) => type === "heartbeat")).toHaveLength(2);
    expect(bench.ledger.take("question")).toEqual([]);
    bench.hears(3, 1, { type: "heartbeatResponse", sequence: 1, promiseMs: 0 });
    expect(bench.ledger.take("question")).toEqual(
      [1, 2].map((token) => ({ type: "question", question: question(token), height: 1 })),
    );
  });

  test("within a bound are answered without a round while the last one is young enough, and renew it after", () => {
    const bench = new Bench();
    bench.leads();
    bench.syncs();
    bench.isFollowed();
    bench.turn({ type: "applied", state: { ...STATE, height: 1 }, members: THREE_VOTERS });
    bench.sent();
    const stale = read(1, { maxStalenessMs: 500 });
    bench.turn(stale);
    expect(bench.sent().filter(({ type }) => type === "heartbeat")).toHaveLength(2); // nothing is known yet
    bench.clock.now += 100;
    bench.hears(3, 1, { type: "heartbeatResponse", sequence: 1, promiseMs: 0 });
    expect(bench.ledger.take("question")).toHaveLength(1);
    bench.clock.now += 400; // 500 since it was asked, not since it was answered
    bench.turn(stale);
    expect(bench.ledger.take("question")).toEqual([{ type: "question", question: question(1), height: 1 }]);
    expect(bench.sent().filter(({ type }) => type === "heartbeat")).toEqual([]);
    bench.clock.now += 1;
    bench.turn(stale);
    expect(bench.ledger.take("question")).toEqual([]);
    expect(bench.sent().filter(({ type }) => type === "heartbeat")).toHaveLength(2);
  });

  test("within a bound wait for a state that is behind", () => {
    const bench = new Bench();
    bench.leads();
    bench.syncs();
    bench.isFollowed();
    bench.turn(read(1));
    bench.hears(3, 1, { type: "heartbeatResponse", sequence: 1, promiseMs: 0 });
    bench.ledger.take("question");
    bench.sent();
    bench.turn(read(2, { maxStalenessMs: 60_000 })); // index 1 was confirmed, and is not applied
    expect(bench.ledger.take("question")).toEqual([]);
    expect(bench.sent().filter(({ type }) => type === "heartbeat")).toHaveLength(2);
  });

  test("are refused at once when no leader is known", () => {
    const bench = new Bench();
    bench.turn(read(5));
    expect(bench.gateway.take("questionRefused")).toEqual([{ type: "questionRefused", token: 5, code: "no_leader" }]);
  });

  test("are refused when the leader that was asked is deposed", () => {
    const bench = new Bench();
    bench.leads();
    bench.turn(read(5));
    bench.hears(3, 9, { type: "heartbeat", commit: 0, sequence: 0 });
    expect(bench.gateway.take("questionRefused")).toMatchObject([{ token: 5 }]);
  });

  test("are refused when the answer never comes", () => {
    const bench = new Bench();
    bench.leads();
    bench.turn(read(5));
    bench.ticks(29);
    expect(bench.gateway.take("questionRefused")).toEqual([]);
    bench.ticks(1);
    expect(bench.gateway.take("questionRefused")).toMatchObject([{ token: 5 }]);
  });
});

describe("frames that no correct peer sends are refused and counted, and the node goes on", () => {
  const genuine = blockBehind(GENESIS_HEAD, { height: 1, term: 1 });
  const append = { type: "append", previousIndex: 0, previousTerm: 0, commit: 0 } as const;
  const entryWith = (data: Uint8Array, index = 1, term = 1): Uint8Array =>
    frameOf({ ...append, entries: [{ index, term, data }] });

  test.each<[string, Uint8Array]>([
    ["no message", Uint8Array.of(1, 2, 3)],
    ["a message in another peer's name", frameOf({ type: "vote", lastIndex: 0, lastTerm: 0, from: 3 })],
    ["a message for another node", frameOf({ type: "vote", lastIndex: 0, lastTerm: 0, to: 3 })],
    ["an entry that is no block", entryWith(Uint8Array.of(9))],
    ["a block of another height", entryWith(blockBehind(GENESIS_HEAD, { height: 2, term: 1 }).bytes)],
    [
      "a block with another history",
      entryWith(blockBehind({ ...GENESIS_HEAD, hash: new Uint8Array(32) }, { height: 1, term: 1 }).bytes),
    ],
    ["a block whose body was changed", entryWith(Uint8Array.from([...genuine.bytes, 1]))],
  ])("%s", (_what, payload) => {
    const bench = new Bench();
    bench.turn({ type: "peerFrame", from: 2, payload });
    expect(bench.status).toMatchObject({ framesRefused: 1, term: 0, lastIndex: 0 });
    expect(bench.warnings).toMatchObject([{ event: "raft.frame_refused", fields: { from: 2 } }]);
    expect([bench.log.messages, bench.sent()]).toEqual([[], []]);
    bench.turn({ type: "peerFrame", from: 2, payload: entryWith(genuine.bytes) });
    expect(bench.status).toMatchObject({ framesRefused: 1, term: 1, lastIndex: 1 });
  });

  test("by the thousand fill no log", () => {
    const bench = new Bench();
    for (let i = 0; i < 1_000; i++) bench.turn({ type: "peerFrame", from: 2, payload: Uint8Array.of(1) });
    expect(bench.status).toMatchObject({ framesRefused: 1_000 });
    expect(bench.warnings).toHaveLength(10);
  });

  test("blocks that do not follow those in the log", () => {
    const bench = new Bench({ blocks: [genuine.bytes] });
    const other = blockBehind(GENESIS_HEAD, { height: 2, term: 1 });
    const next = blockBehind(genuine.head, { height: 2, term: 1 });
    const behind = { ...append, previousIndex: 1, previousTerm: 1 };
    for (const { bytes: data } of [other, next]) {
      bench.turn({
        type: "peerFrame",
        from: 2,
        payload: frameOf({ ...behind, entries: [{ index: 2, term: 1, data }] }),
      });
    }
    expect(bench.status).toMatchObject({ framesRefused: 1, lastIndex: 2 });
  });

  test("a second block of one leader for one place, and what follows that", () => {
    const bench = new Bench();
    const twin = blockBehind(GENESIS_HEAD, { height: 1, term: 1, transactions: [Uint8Array.of(1)] });
    const entry = (height: number, data: Uint8Array): Entry => ({ index: height, term: 1, data });
    const behind = entry(2, blockBehind(twin.head, { height: 2, term: 1 }).bytes);
    bench.turn({ type: "peerFrame", from: 2, payload: entryWith(genuine.bytes) });
    bench.turn({ type: "peerFrame", from: 2, payload: entryWith(twin.bytes) });
    const both = frameOf({ ...append, entries: [entry(1, twin.bytes), behind] });
    bench.turn({ type: "peerFrame", from: 2, payload: both });
    expect(bench.status).toMatchObject({ framesRefused: 2, lastIndex: 1 });
  });

  test("a block at the end of time, which would leave none for a block behind it", () => {
    const bench = new Bench();
    const late = blockBehind({ ...GENESIS_HEAD, timestamp: U64_MAX - 8_192n }, { height: 1, term: 1 });
    bench.turn({ type: "peerFrame", from: 2, payload: entryWith(late.bytes) });
    expect(bench.status).toMatchObject({ framesRefused: 1, lastIndex: 0 });
    bench.leads();
    expect(bench.status).toMatchObject({ role: "leader", lastIndex: 1 });
  });
});

describe("ticks", () => {
  test("come one after the other", () => {
    const bench = new Bench();
    expect(bench.timers).toEqual([{ type: "tick" }]);
    bench.ticks(2);
    expect(bench.timers).toHaveLength(3);
  });
});
