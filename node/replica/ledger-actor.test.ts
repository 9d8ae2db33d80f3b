import { describe, expect, test } from "vitest";
import { KeyRing, virtualCrypto } from "../../sim/virtual-crypto.ts";
import { MemoryStore } from "../../storage/state/memory-store.ts";
import type { LogStore } from "../../storage/wal/log-store.ts";
import { RESERVE_BYTES } from "../../storage/wal/log-writer.ts";
import { must } from "../base/assert.ts";
import { CodedError } from "../base/errors.ts";
import { APPEND_BYTES_MAX, CHECKPOINT_LOG_BYTES } from "../base/limits.ts";
import type { Store, StoreSnapshot } from "../base/ports/store.ts";
import type { CatchUpMessage } from "../messages/catch-up.ts";
import type { CheckpointBoard } from "../messages/checkpoints.ts";
import type { ConsensusMessage, Question } from "../messages/consensus.ts";
import type { GatewayMessage } from "../messages/gateway.ts";
import type { LedgerMessage } from "../messages/ledger.ts";
import type { LogMessage } from "../messages/log.ts";
import type { ReactorMessage } from "../messages/reactor.ts";
import { StatusBoard } from "../messages/status.ts";
import type { Reader } from "../state/answers.ts";
import type { Node } from "../state/members.ts";
import { decodeAnswer, encodeQuery, type Query, type QueryAnswer, type StateQuery } from "../state/queries.ts";
import { StateMachine } from "../state/state-machine.ts";
import { checkpointSigners, decodeCheckpoint, encodeCheckpoint } from "../wire/attestation.ts";
import { type Block, decodeBlock } from "../wire/block.ts";
import { verifyConsistency, verifyInclusion } from "../wire/history.ts";
import { leafHash, MerkleTree } from "../wire/merkle.ts";
import { decodeSignedState } from "../wire/state-root.ts";
import { decodeTransaction } from "../wire/transaction.ts";
import { TransactionHashes } from "../wire/transaction-hashes.ts";
import { loadCheckpointMeta, loadPages, pageKey, restoreCheckpoint, restorePages } from "./checkpoint.ts";
import { loadFetched, noteChange } from "./fetched-pages.ts";
import { LedgerActor, type LedgerActorDeps } from "./ledger-actor.ts";
import { PageHashes } from "./page-hashes.ts";
import {
  adminTransaction,
  CLUSTER_ID,
  chainOf,
  contextOf,
  GENESIS,
  Later,
  Listener,
  recordingLog,
  sha256,
  TestClock,
} from "./replica.test-support.ts";

const KEYS = new KeyRing();
const NODE = KEYS.create("node 1");
const AUDITOR = KEYS.create("auditor");
const OPEN = adminTransaction(0, { kind: "sessionOpen" });
const bank = { name: "bank", keys: [KEYS.create("bank").publicKey], threshold: 1, roles: ["participant"] } as const;
const audit = { name: "auditor", keys: [AUDITOR.publicKey], threshold: 1, roles: ["auditor"] } as const;
const ENTER = [bank, audit].map((body, index) => adminTransaction(index + 1, { kind: "createAuthority", body }));
const EMPTY: readonly Uint8Array[] = [];
const ENCODED = chainOf(1, [[OPEN], ENTER, ...Array.from({ length: 70 }, () => EMPTY)]);
const BLOCKS = ENCODED.map((bytes) => decodeBlock(sha256, bytes));

class Bench {
  readonly consensus = new Listener<ConsensusMessage>("consensus");
  readonly gateway = new Listener<GatewayMessage>("gateway");
  readonly catchUp = new Listener<CatchUpMessage>("catchUp");
  readonly logActor = new Listener<LogMessage>("log");
  readonly reactor = new Listener<ReactorMessage>("reactor");
  readonly failures: CodedError[] = [];
  readonly clock = new TestClock();
  readonly later = new Later();
  readonly store: MemoryStore = new MemoryStore(this.later.schedule);
  readonly state: StateMachine;
  readonly checkpoints: CheckpointBoard = {
    ...{ agreed: undefined, taking: undefined, written: undefined, states: [], roots: [] },
  };
  readonly status: StatusBoard = new StatusBoard();
  /** First block that the log still has. */
  logFrom = 1;
  blockBytes = 0;
  logIsFull = false;
  freeBytes = Number.MAX_SAFE_INTEGER;
  readonly hostLog = recordingLog();
  restarts = 0;
  readonly actor: LedgerActor;
  readonly #self: Listener<LedgerMessage>;
  readonly timers: LedgerMessage[];
  readonly delaysMs: number[];

  /** Each time it told of the nodes: their ids, and how far the reactors had heard by then. */
  readonly present: { readonly ids: readonly number[]; readonly after: number }[] = [];

  constructor(
    store?: Store,
    state = new StateMachine({ genesis: GENESIS, sha256 }),
    retainBlocks?: number,
    more: Partial<Pick<LedgerActorDeps, "node" | "checkpoint" | "pages">> = {},
  ) {
    const { context, self, timers, delaysMs } = contextOf<LedgerMessage>(this.clock);
    this.#self = self;
    this.timers = timers;
    this.delaysMs = delaysMs;
    this.state = state;
    const deps = {
      ...{ state, checkpoint: undefined, pages: new PageHashes(sha256), store: store ?? this.store, node: 1 },
      ...more,
      ...{ disk: { freeBytes: () => this.freeBytes }, hostLog: this.hostLog.log },
      ...{ log: this.#log(), clusterId: CLUSTER_ID, checkpoints: this.checkpoints },
      logActor: this.logActor,
      crypto: virtualCrypto(KEYS, NODE, (run) => run()),
      hashes: new TransactionHashes(sha256),
      ...{ consensus: () => this.consensus, gateway: () => this.gateway, reactors: () => [this.reactor] },
      catchUp: () => this.catchUp,
      restart: () => {
        this.restarts += 1;
      },
      fail: (error: CodedError) => this.failures.push(error),
      status: this.status,
      present: (nodes: readonly Node[]) => {
        this.present.push({ ids: nodes.map(({ id }) => id), after: this.reactor.messages.length });
      },
    };
    this.actor = new LedgerActor(context, deps, { checkpointBlocks: 2, retainBlocks, questionPatienceMs: 100 });
  }

  #log(): Pick<LogStore, "firstIndex" | "isFull" | "read" | "hash" | "compactTo" | "bytesBefore"> {
    return {
      compactTo: (height) => {
        this.logFrom = height;
      },
      bytesBefore: (height) => Math.max(0, height - this.logFrom) * this.blockBytes,
      firstIndex: () => this.logFrom,
      isFull: () => this.logIsFull,
      hash: (height) => (height < this.logFrom ? undefined : BLOCKS[height - 1]?.hash),
      read: (from, to, bytesMax) => {
        expect([from >= 1, to <= this.state.height + 1, bytesMax]).toEqual([true, true, APPEND_BYTES_MAX]);
        const one = { term: 1, previousHash: new Uint8Array(32), hash: new Uint8Array(32) };
        return ENCODED.slice(from - 1, to - 1).map((payload, place) => ({ ...one, index: from + place, payload }));
      },
    };
  }

  /** The answer to a question that is asked now, or the code of the refusal. */
  ask<T extends Query["type"]>(asked: Query & { readonly type: T }, publicKey = GENESIS.adminKey) {
    this.asks(query(1, encodeQuery(asked), publicKey), 0);
    const [refused] = this.gateway.take("answerRefused");
    const [answered] = this.gateway.take("answer");
    return refused?.code ?? decodeAnswer(asked.type, answered?.answer ?? new Uint8Array(0));
  }

  commits(from: number, to: number): void {
    this.actor.receive({ type: "committed", blocks: BLOCKS.slice(from - 1, to) });
  }

  asksRoot(by: number, height: number): this {
    this.actor.receive({ type: "rootAsked", by, height });
    return this;
  }

  asks(question: Question, height: number): void {
    this.actor.receive({ type: "question", question, height });
  }

  /** Its mailbox has run empty. */
  drains(): void {
    this.actor.drained();
  }

  /** The pause between two steps, or two turns of answering, is over. */
  stepsOn(): void {
    for (const message of this.timers.splice(0)) this.actor.receive(message);
  }

  /** A checkpoint that was being written is durable. */
  storesCheckpoint(): void {
    this.later.next();
    this.hears();
  }

  /** What it has told itself arrives. */
  hears(): void {
    for (const message of this.#self.messages.splice(0)) this.actor.receive(message);
  }
}

function query(token: number, bytes: Uint8Array, publicKey = GENESIS.adminKey, connection = 1): Question {
  return { kind: "query", token, connection, query: bytes, publicKey };
}

const SUMMARY = encodeQuery({ type: "summary" });
const STRANGER = new Uint8Array(32);
const PARTS = { genesis: GENESIS, sha256 };

describe("a place deep in the history", () => {
  /** Stands in for a long history: a query of changes needs so many steps. */
  class Deep extends StateMachine {
    steps = 3;
    override prepare(asked: StateQuery): boolean {
      if (asked.type !== "changeEvents" || this.steps === 0) return true;
      this.steps -= 1;
      return false;
    }
  }
  const CHANGES = encodeQuery({ type: "changeEvents", limit: 1 });

  test("is reached in steps, with other work between them; whoever comes later waits behind", () => {
    const bench = new Bench(undefined, new Deep({ genesis: GENESIS, sha256 }));
    bench.asks(query(1, CHANGES), 0);
    bench.asks(query(2, CHANGES), 0);
    bench.asks(query(3, SUMMARY), 0);
    expect(bench.gateway.take("answer")).toMatchObject([{ token: 3 }]);
    expect(bench.timers).toHaveLength(1);
    bench.stepsOn();
    bench.commits(1, 1);
    bench.stepsOn();
    expect(bench.gateway.take("answer")).toEqual([]);
    bench.stepsOn();
    expect(bench.gateway.take("answer")).toMatchObject([{ token: 1 }]);
    bench.stepsOn();
    expect(bench.gateway.take("answer")).toMatchObject([{ token: 2 }]);
    expect(bench.timers).toEqual([]);
  });

  test("is sought for one connection after the other", () => {
    const bench = new Bench(undefined, new Deep({ genesis: GENESIS, sha256 }));
    for (const token of [10, 11, 12]) bench.asks(query(token, CHANGES, GENESIS.adminKey, 1), 0);
    for (const token of [20, 21]) bench.asks(query(token, CHANGES, GENESIS.adminKey, 2), 0);
    while (bench.timers.length > 0) bench.stepsOn();
    expect(bench.gateway.take("answer").map(({ token }) => token)).toEqual([10, 11, 20, 12, 21]);
  });

  test("is not sought for those who have gone, but for the first, on whose way it is", () => {
    const deep = new Deep({ genesis: GENESIS, sha256 });
    const bench = new Bench(undefined, deep);
    for (const token of [1, 2, 3]) bench.asks(query(token, CHANGES), 0);
    bench.actor.receive({ type: "forget", tokens: [1, 2] });
    while (bench.timers.length > 0) bench.stepsOn();
    expect(bench.gateway.take("answer")).toMatchObject([{ token: 1 }, { token: 3 }]);
    expect(deep.steps).toBe(0);
  });

  test("no stranger has a step taken", () => {
    const deep = new Deep({ genesis: GENESIS, sha256 });
    const bench = new Bench(undefined, deep);
    bench.asks(query(1, CHANGES, new Uint8Array(32)), 0);
    expect(bench.gateway.take("answerRefused")).toMatchObject([{ token: 1, code: "unknown_key" }]);
    expect([deep.steps, bench.timers]).toEqual([3, []]);
  });
});

describe("the status of a node", () => {
  const STATUS: Query & { readonly type: "status" } = { type: "status" };

  function posting(): Bench {
    const bench = new Bench();
    bench.commits(1, 2);
    const configuration = { voters: [1], outgoing: [], learners: [2] };
    bench.status.post("consensus", () => ({ role: "leader", term: 1n, leader: 1, ...configuration, framesRefused: 7 }));
    bench.status.post("channels", () => ({ open: 2 }));
    return bench;
  }

  test.each([
    ["admin", GENESIS.adminKey],
    ["auditor", AUDITOR.publicKey],
  ])("is told to an %s as its actors post it", (_name, key) => {
    const bench = posting();
    expect(bench.ask(STATUS, key)).toMatchObject({
      ...{ height: 2, node: 1 },
      sections: { consensus: { framesRefused: 7 }, channels: { open: 2 }, ledger: { height: 2, questionsWaiting: 0 } },
    });
  });

  test("is told to a participant as far as it needs it, and to nobody else", () => {
    const bench = posting();
    const answer = bench.ask(STATUS, bank.keys[0]);
    expect(typeof answer === "string" ? answer : answer.sections).toEqual({
      consensus: { role: "leader", term: 1, leader: 1, voters: [1], outgoing: [], learners: [2] },
      ledger: {
        height: 2,
        timestamp: bench.state.timestamp,
        digest: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      },
    });
    expect(bench.ask(STATUS, new Uint8Array(32))).toBe("unknown_key");
  });
});

describe("committed blocks", () => {
  test("are applied in order; gateway, reactors and consensus hear of it", () => {
    const bench = new Bench();
    bench.commits(1, 2);
    const heights = bench.gateway.take("applied").map(({ applied }) => applied.block.header.height);
    expect(heights).toEqual([1, 2]);
    expect(bench.reactor.take("applied").map(({ height }) => height)).toEqual([1, 2]);
    const { at, members } = bench.state;
    expect(bench.consensus.take("applied")).toEqual([{ type: "applied", state: at, members: members.wanted }]);
  });

  test("that change who belongs to the cluster say so before the state that they make is told", () => {
    const bench = new Bench();
    const node = { publicKey: KEYS.create("node 4").publicKey, host: "four.example", port: 7400, voter: false };
    const change = adminTransaction(1, { kind: "changeMembers", body: { add: [node], remove: [], promote: [] } });
    const blocks = chainOf(1, [[OPEN], [change], EMPTY]).map((bytes) => decodeBlock(sha256, bytes));
    bench.actor.receive({ type: "committed", blocks });
    expect(bench.present).toEqual([{ ids: [1, 2, 3, 4], after: 1 }]);
    expect(bench.reactor.messages).toHaveLength(3);
  });

  test("out of order stop the node", () => {
    const bench = new Bench();
    expect(() => bench.commits(2, 2)).toThrow("block 2 came where block 1 belongs");
  });
});

describe("questions", () => {
  test("are answered when the state has reached their height, not before", () => {
    const bench = new Bench();
    bench.asks(query(1, SUMMARY), 0);
    expect(bench.gateway.take("answer").map(({ token }) => token)).toEqual([1]);
    bench.asks(query(2, SUMMARY), 2);
    bench.asks(query(3, SUMMARY), 1);
    bench.commits(1, 1);
    expect(bench.gateway.take("answer").map(({ token }) => token)).toEqual([3]);
    bench.commits(2, 2);
    expect(bench.gateway.take("answer").map(({ token }) => token)).toEqual([2]);
  });

  test("that the state does not reach in time are refused, each when its time is over", () => {
    const bench = new Bench();
    bench.asks(query(1, SUMMARY), 2);
    bench.clock.now += 60;
    bench.asks(query(2, SUMMARY), 1);
    bench.asks(query(3, SUMMARY), 2);
    expect(bench.timers).toEqual([{ type: "questionsDue" }]);
    bench.clock.now += 40;
    bench.stepsOn();
    expect(bench.gateway.take("questionRefused")).toEqual([{ type: "questionRefused", token: 1, code: "behind" }]);
    bench.commits(1, 1);
    expect(bench.gateway.take("answer").map(({ token }) => token)).toEqual([2]);
    bench.clock.now += 60;
    bench.stepsOn();
    expect(bench.gateway.take("questionRefused").map(({ token }) => token)).toEqual([3]);
    expect(bench.timers).toEqual([]);
    bench.commits(2, 2);
    expect(bench.gateway.take("answer")).toEqual([]);
    bench.asks(query(4, SUMMARY), 3);
    expect(bench.timers).toHaveLength(1);
  });

  test("whose askers have gone are forgotten", () => {
    const bench = new Bench();
    for (const token of [1, 2, 3]) bench.asks(query(token, SUMMARY), 1);
    bench.actor.receive({ type: "forget", tokens: [1, 3, 9] });
    bench.commits(1, 1);
    expect(bench.gateway.take("answer").map(({ token }) => token)).toEqual([2]);
  });

  describe("that cost much", () => {
    /** Stands in for a large state: each answer looks at a quarter of what one turn may cost. */
    class Costly extends StateMachine {
      #rows = 0;

      override get rowsRead(): number {
        return this.#rows;
      }

      override query(asked: StateQuery, reader: Reader): QueryAnswer {
        this.#rows += 8_192;
        return super.query(asked, reader);
      }
    }
    const costly = (): Bench => new Bench(undefined, new Costly({ genesis: GENESIS, sha256 }));
    const tokens = (bench: Bench): number[] => bench.gateway.take("answer").map(({ token }) => token);

    test("are answered in turns, with other work between them, of a state that has come as far or farther", () => {
      const bench = costly();
      bench.commits(1, 1);
      for (let token = 1; token <= 9; token++) bench.asks(query(token, SUMMARY), 1);
      bench.drains();
      expect([tokens(bench), bench.timers]).toEqual([[1, 2, 3, 4], [{ type: "answerMore" }]]);
      expect(bench.status.read()["ledger"]).toMatchObject({ questionsWaiting: 5 });
      bench.commits(2, 2);
      bench.drains();
      bench.asks(query(10, SUMMARY), 2);
      bench.drains();
      expect([tokens(bench), bench.timers.length]).toEqual([[], 1]);
      bench.stepsOn();
      const later = bench.gateway.take("answer");
      expect(later.map(({ token, answer }) => [token, decodeAnswer("summary", answer).height])).toEqual([
        [5, 2],
        [6, 2],
        [7, 2],
        [8, 2],
      ]);
      bench.stepsOn();
      expect([tokens(bench), bench.timers]).toEqual([[9, 10], []]);
    });

    test("of one connection make no other wait for all of them", () => {
      const bench = costly();
      for (let token = 1; token <= 1_000; token++) bench.asks(query(token, SUMMARY, GENESIS.adminKey, 1), 0);
      bench.asks(query(2_000, SUMMARY, GENESIS.adminKey, 2), 0);
      bench.asks(query(3_000, SUMMARY, GENESIS.adminKey, 3), 0);
      bench.drains();
      expect(tokens(bench)).toEqual([1, 2, 3, 4]);
      bench.stepsOn();
      expect(tokens(bench)).toEqual([5, 2_000, 3_000, 6]);
    });

    test("also wait their turn where a block is what they waited for", () => {
      const bench = costly();
      for (let token = 1; token <= 6; token++) bench.asks(query(token, SUMMARY), 1);
      bench.commits(1, 2);
      expect([tokens(bench), bench.state.height]).toEqual([[1, 2, 3, 4], 2]);
      bench.stepsOn();
      expect(tokens(bench)).toEqual([5, 6]);
    });

    test("are not answered to those who have gone, and hold nobody up any more", () => {
      const bench = costly();
      for (let token = 1; token <= 9; token++) bench.asks(query(token, SUMMARY), 0);
      bench.actor.receive({ type: "forget", tokens: [5, 6, 7, 8, 9] });
      bench.asks(query(10, SUMMARY, GENESIS.adminKey, 2), 0);
      bench.stepsOn();
      expect([tokens(bench), bench.timers]).toEqual([[1, 2, 3, 4, 10], []]);
    });

    test("need no pause where each comes by itself", () => {
      const bench = costly();
      for (let token = 1; token <= 9; token++) {
        bench.asks(query(token, SUMMARY), 0);
        bench.drains();
      }
      expect([tokens(bench).length, bench.timers]).toEqual([9, []]);
    });

    /** Stands in for a state that has much to tell. */
    class Talkative extends StateMachine {
      override query(): QueryAnswer {
        return { type: "accounts", height: 0, timestamp: "0", records: new Uint8Array(16_384) };
      }
    }
    const unknown = Array.from({ length: 1_000 }, (_, place) => BigInt(place + 1));
    const block = { kind: "blockPayer", body: { payer: 7n, blocked: true } } as const;
    const admission = { kind: "admission", connection: 1, transaction: adminTransaction(1, block) } as const;

    test.each<[string, StateMachine, (token: number) => Question, number]>([
      [
        "that is long",
        new StateMachine(PARTS),
        (token) => query(token, encodeQuery({ type: "accounts", ids: unknown })),
        4,
      ],
      ["whose answer is long", new Talkative(PARTS), (token) => query(token, encodeQuery({ type: "risk" })), 4],
      [
        "that is refused",
        new StateMachine(PARTS),
        (token) => query(token, encodeQuery({ type: "scrub" }), STRANGER),
        256,
      ],
      ["about a transaction", new StateMachine(PARTS), (token) => ({ ...admission, token }), 128],
    ])("are also many of one %s", (_name, state, question, most) => {
      const bench = new Bench(undefined, state);
      for (let token = 1; token <= 1_000; token++) bench.asks(question(token), 0);
      const answered = bench.gateway.messages.length;
      expect(answered).toBeGreaterThan(1);
      expect(answered).toBeLessThanOrEqual(most);
    });
  });

  test("of a key that is not in the registry are refused", () => {
    const bench = new Bench();
    bench.asks(query(1, SUMMARY, new Uint8Array(32)), 0);
    expect(bench.gateway.take("answerRefused")).toMatchObject([{ token: 1, code: "unknown_key" }]);
  });

  test("that make no sense are refused, and the node goes on", () => {
    const bench = new Bench();
    bench.asks(query(1, Uint8Array.of(0xc1)), 0);
    bench.asks(query(2, Uint8Array.of(0x80)), 0);
    expect(bench.gateway.take("answerRefused").map(({ token, code }) => [token, code])).toEqual([
      [1, "malformed_msgpack"],
      [2, "malformed_body"],
    ]);
    bench.asks(query(3, SUMMARY), 0);
    expect(bench.gateway.take("answer")).toHaveLength(1);
  });

  test("whether a transaction may enter the log are answered by the state", () => {
    const bench = new Bench();
    const later = adminTransaction(1, { kind: "blockPayer", body: { payer: 7n, blocked: true } });
    const ask = (token: number): void => bench.asks({ kind: "admission", token, connection: 1, transaction: later }, 0);
    ask(1);
    bench.commits(1, 1);
    ask(2);
    const one = { encoded: later, transaction: decodeTransaction(later) };
    const other = { encoded: later, transaction: { ...one.transaction, session: new Uint8Array(16) } };
    bench.actor.receive({ type: "admit", batch: 5, transactions: [one, other, one] });
    const refusals = [undefined, "session_unknown", undefined];
    expect(bench.gateway.take("admitted")).toEqual([{ type: "admitted", batch: 5, refusals }]);
    expect(bench.gateway.take("admission")).toEqual([
      { type: "admission", token: 1, refusal: "session_unknown" },
      { type: "admission", token: 2 },
    ]);
  });
});

describe("leading", () => {
  test("begins when all that came before the term is applied, and ends when another leads", () => {
    const bench = new Bench();
    bench.actor.receive({ type: "leader", leader: 1, readyAt: 2 });
    bench.commits(1, 1);
    expect([bench.actor.leading, bench.reactor.take("lead")]).toEqual([false, []]);
    bench.commits(2, 2);
    expect([bench.actor.leading, bench.reactor.take("lead")]).toEqual([true, [{ type: "lead", openIntents: [] }]]);
    bench.actor.receive({ type: "leader", leader: 3, readyAt: 0 });
    expect([bench.actor.leading, bench.reactor.take("follow")]).toEqual([false, [{ type: "follow" }]]);
  });

  test("of a leader that was deposed before it was ready never begins", () => {
    const bench = new Bench();
    bench.actor.receive({ type: "leader", leader: 1, readyAt: 2 });
    bench.actor.receive({ type: "leader", leader: 0, readyAt: 0 });
    bench.commits(1, 3);
    expect([bench.actor.leading, bench.reactor.take("lead"), bench.reactor.take("follow")]).toEqual([false, [], []]);
  });

  test("again, in a later term, is told again", () => {
    const bench = new Bench();
    bench.commits(1, 2);
    bench.actor.receive({ type: "leader", leader: 1, readyAt: 1 });
    bench.actor.receive({ type: "leader", leader: 1, readyAt: 3 });
    expect(bench.reactor.messages.map(({ type }) => type).filter((type) => type !== "applied")).toEqual([
      "lead",
      "follow",
    ]);
    bench.commits(3, 3);
    expect(bench.reactor.take("lead")).toHaveLength(2);
  });
});

describe("checkpoints", () => {
  test("are written every so many blocks, one at a time: what falls due meanwhile is left out, not made late", () => {
    const bench = new Bench();
    bench.commits(1, 1);
    expect(bench.later.count).toBe(0);
    bench.commits(2, 2);
    expect(bench.later.count).toBe(1);
    bench.commits(3, 6);
    expect(bench.later.count).toBe(1);
    bench.storesCheckpoint();
    expect([loadCheckpointMeta(bench.store)?.height, bench.later.count]).toEqual([2, 0]);
    bench.commits(7, 7);
    expect(bench.later.count).toBe(0);
    bench.commits(8, 9);
    bench.storesCheckpoint();
    expect([loadCheckpointMeta(bench.store)?.height, bench.later.count]).toEqual([8, 0]);
  });

  test("are every second one after one was left out, until enough were written in time", () => {
    const bench = new Bench();
    bench.commits(1, 5);
    bench.storesCheckpoint();
    const heights: (number | undefined)[] = [];
    for (let height = 6; height <= 40; height++) {
      bench.commits(height, height);
      if (bench.later.count === 0) continue;
      bench.storesCheckpoint();
      heights.push(loadCheckpointMeta(bench.store)?.height);
    }
    expect(heights).toEqual([8, 12, 16, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40]);
  });

  test("are of the heights of all nodes however often a peer asks for others", () => {
    const bench = new Bench();
    const asked: (number | undefined)[] = [];
    for (let height = 1; height <= 60; height++) {
      bench.clock.now += 100;
      bench.commits(height, height);
      const isDue = bench.later.count > 0;
      bench.actor.receive({ type: "takeCheckpoint" });
      if (bench.later.count === 0) continue;
      if (!isDue) asked.push(height);
      else expect(height % 2).toBe(0);
      bench.storesCheckpoint();
    }
    expect(asked).toEqual([1, 21, 41]);
    expect(bench.checkpoints.roots.filter(({ height }) => height % 2 === 0)).toHaveLength(30);
  });

  test("wait while the disk is full", () => {
    const bench = new Bench();
    bench.logIsFull = true;
    bench.commits(1, 3);
    expect(bench.later.count).toBe(0);
    bench.logIsFull = false;
    bench.commits(4, 4);
    bench.storesCheckpoint();
    expect(loadCheckpointMeta(bench.store)?.height).toBe(4);
  });

  test("are left out while the disk has not the room that LevelDB may take for them, and said to be, once", () => {
    const roomy = new Bench();
    roomy.commits(1, 2);
    roomy.storesCheckpoint();
    const snapshot = roomy.store.snapshot();
    const keys = snapshot.keys("checkpoint/");
    const bytes = keys.reduce((sum, key) => sum + key.length + (snapshot.get(key)?.length ?? 0), 0);
    const bench = new Bench();
    bench.freeBytes = 0;
    bench.commits(1, 2);
    for (const free of [0, RESERVE_BYTES - 1, RESERVE_BYTES + 6 * bytes - 1]) {
      bench.freeBytes = free;
      bench.actor.receive({ type: "takeCheckpoint" });
      expect([bench.later.count, bench.checkpoints.taking, bench.failures]).toEqual([0, undefined, []]);
    }
    expect(bench.hostLog.warnings.map(({ event }) => event)).toEqual(["checkpoint.no_room"]);
    bench.commits(3, 5); // what is asked is answered, and blocks are executed
    expect([bench.state.height, bench.later.count, bench.hostLog.warnings.length]).toEqual([5, 0, 1]);
    bench.freeBytes = RESERVE_BYTES + 20 * bytes;
    bench.commits(6, 6);
    bench.storesCheckpoint();
    const back = new StateMachine({ genesis: GENESIS, sha256 });
    expect([restoreCheckpoint(bench.store, back), back.height, back.digest]).toEqual([true, 6, bench.state.digest]);
    bench.freeBytes = 0;
    bench.commits(7, 8);
    expect(bench.hostLog.warnings.map(({ event }) => event)).toEqual(["checkpoint.no_room", "checkpoint.no_room"]);
  });

  test("for which there is no room any more when their turn comes wait for it, and have lost nothing then", () => {
    const bench = new Bench(undefined, undefined, undefined, { node: 2 });
    bench.commits(1, 2);
    bench.freeBytes = RESERVE_BYTES;
    for (let look = 0; look < 2; look++) bench.stepsOn();
    bench.commits(3, 4);
    expect([bench.later.count, bench.delaysMs, bench.failures]).toEqual([0, [100, 1_000, 1_000], []]);
    expect(bench.hostLog.warnings.map(({ event }) => event)).toEqual(["checkpoint.no_room"]);
    bench.freeBytes = Number(must(bench.hostLog.warnings[0], "it was said").fields["needed"]);
    bench.stepsOn();
    bench.storesCheckpoint();
    expect(loadCheckpointMeta(bench.store)?.height).toBe(2);
    bench.commits(5, 8);
    bench.stepsOn();
    bench.storesCheckpoint();
    const back = new StateMachine({ genesis: GENESIS, sha256 });
    expect([restoreCheckpoint(bench.store, back), back.height, back.digest]).toEqual([true, 8, bench.state.digest]);
  });

  test("for which there is no room make way for one of a peer that is further, and only for that", () => {
    const bench = new Bench(undefined, undefined, undefined, { node: 2 });
    bench.commits(1, 2);
    bench.freeBytes = RESERVE_BYTES;
    bench.actor.receive({ type: "install", height: 2 });
    bench.stepsOn();
    expect([bench.later.count, bench.timers.length]).toEqual([0, 1]);
    expect(bench.catchUp.take("notInstalled")).toHaveLength(1);
    const fetched = { height: 5, digest: new Uint8Array(32).fill(5), components: [], generation: 2 };
    bench.store.write([noteChange(fetched)], () => undefined);
    bench.later.next();
    bench.actor.receive({ type: "install", height: 5 });
    bench.stepsOn();
    bench.storesCheckpoint();
    expect([loadCheckpointMeta(bench.store)?.height, bench.restarts, bench.timers.length]).toEqual([5, 1, 0]);
  });

  test("that let the log give up as much as they take are taken on a disk where there is room for that alone", () => {
    const bytes = 100_000; // more than what a few blocks change
    for (const [retainBlocks, expected] of [
      [undefined, undefined],
      [1, 5],
    ] as const) {
      const bench = new Bench(undefined, undefined, retainBlocks);
      bench.blockBytes = bytes / 2;
      bench.freeBytes = RESERVE_BYTES;
      bench.commits(1, 4);
      expect(bench.later.count).toBe(0);
      const needed = Number(must(bench.hostLog.warnings[0], "it was said").fields["needed"]);
      bench.freeBytes = RESERVE_BYTES + Math.ceil((needed - RESERVE_BYTES) / 2);
      bench.commits(5, 5);
      if (expected !== undefined) bench.storesCheckpoint();
      expect(loadCheckpointMeta(bench.store)?.height).toBe(expected);
      expect(bench.logFrom).toBe(expected === undefined ? 1 : expected - 1);
    }
  });

  test("with just the room that is wanted are taken", () => {
    const bench = new Bench();
    bench.freeBytes = RESERVE_BYTES;
    bench.commits(1, 2);
    const fields = must(bench.hostLog.warnings[0], "it was said").fields;
    expect(Number(fields["needed"])).toBeGreaterThan(RESERVE_BYTES);
    bench.freeBytes = Number(fields["needed"]);
    bench.actor.receive({ type: "takeCheckpoint" });
    bench.storesCheckpoint();
    expect(loadCheckpointMeta(bench.store)?.height).toBe(2);
  });

  test("are written earlier where blocks are large, so that a restart executes few bytes again", () => {
    class Heavy extends StateMachine {
      override get logBytes(): number {
        return this.height < 3 ? 0 : CHECKPOINT_LOG_BYTES;
      }
    }
    const bench = new Bench(undefined, new Heavy({ genesis: GENESIS, sha256 }));
    bench.commits(1, 2);
    bench.storesCheckpoint();
    bench.commits(3, 3);
    bench.storesCheckpoint();
    expect(loadCheckpointMeta(bench.store)?.height).toBe(3);
  });

  test("are taken at once when a page is damaged: the state writes it again, though it has not changed", () => {
    const bench = new Bench();
    bench.commits(1, 2);
    bench.storesCheckpoint();
    const snapshot = bench.store.snapshot();
    const [key = ""] = snapshot.keys("checkpoint/1/");
    const sound = snapshot.get(key);
    bench.store.write([{ key, value: Uint8Array.of(1) }], () => undefined);
    bench.later.next();
    bench.actor.receive({ type: "pageDamaged", key: "checkpoint/7/accounts/0" }); // of another generation
    bench.actor.receive({ type: "pageDamaged", key: "raft/state" });
    expect(bench.later.count).toBe(0);
    bench.actor.receive({ type: "pageDamaged", key });
    bench.storesCheckpoint();
    expect([bench.store.get(key), bench.status.read()["ledger"]]).toEqual([
      sound,
      expect.objectContaining({ damagedPages: 0, repairedPages: 1 }),
    ]);
    const back = new StateMachine({ genesis: GENESIS, sha256 });
    expect([restoreCheckpoint(bench.store, back), back.digest]).toEqual([true, bench.state.digest]);
  });

  test("that are damaged while one is written wait for the next", () => {
    const bench = new Bench();
    bench.commits(1, 2);
    const key = pageKey(1, bench.state.paged[0]?.name ?? "", 0);
    bench.actor.receive({ type: "pageDamaged", key });
    expect([bench.later.count, bench.status.read()["ledger"]?.["damagedPages"]]).toEqual([1, 1]);
    bench.storesCheckpoint();
    expect([bench.later.count, bench.status.read()["ledger"]?.["repairedPages"]]).toEqual([1, 1]);
  });

  test("let the log forget what lies so many blocks before, unless somebody is given an older one", () => {
    const bench = new Bench(undefined, undefined, 1);
    bench.commits(1, 2);
    bench.storesCheckpoint();
    bench.commits(3, 4);
    bench.storesCheckpoint();
    expect(bench.logFrom).toBe(3);
    bench.actor.receive({ type: "holdLog", from: 4 });
    bench.commits(5, 6);
    bench.storesCheckpoint();
    expect(bench.logFrom).toBe(4);
    bench.actor.receive({ type: "holdLog", from: undefined });
    bench.actor.receive({ type: "takeCheckpoint" }); // there is none that is newer
    expect(bench.later.count).toBe(0);
    const all = new Bench();
    all.commits(1, 4);
    all.storesCheckpoint();
    expect(all.logFrom).toBe(1);
  });

  test("that a peer needs newer are taken on the way, if there is something new", () => {
    const bench = new Bench();
    bench.commits(1, 1);
    bench.actor.receive({ type: "takeCheckpoint" });
    bench.storesCheckpoint();
    expect(loadCheckpointMeta(bench.store)?.height).toBe(1);
    bench.actor.receive({ type: "takeCheckpoint" });
    expect(bench.later.count).toBe(0);
  });

  test("that came from a peer take the place of the node's own in one write, when its own is written", () => {
    const bench = new Bench();
    bench.commits(1, 1);
    const fetched = { height: 5, digest: new Uint8Array(32).fill(5), components: [], generation: 2 };
    bench.store.write([noteChange(fetched)], () => undefined);
    bench.later.next();
    bench.commits(2, 2);
    bench.actor.receive({ type: "install", height: 5 });
    expect([bench.later.count, bench.restarts]).toEqual([1, 0]);
    bench.storesCheckpoint();
    expect([loadCheckpointMeta(bench.store)?.height, bench.restarts]).toEqual([2, 0]);
    bench.commits(3, 4);
    expect(bench.later.count).toBe(1); // no checkpoint of its own comes behind it
    bench.storesCheckpoint();
    expect(loadCheckpointMeta(bench.store)).toEqual({ ...fetched, isForeign: true });
    expect([loadFetched(bench.store), bench.restarts, bench.later.count]).toEqual([undefined, 1, 0]);
  });

  test("that came from a peer are of no use where the state has come as far by itself", () => {
    const bench = new Bench();
    bench.commits(1, 5);
    bench.storesCheckpoint();
    bench.actor.receive({ type: "install", height: 5 });
    expect([bench.catchUp.take("notInstalled").length, bench.restarts]).toEqual([1, 0]);
  });

  test("are vouched for from when they are taken, the last sixty-four of them", () => {
    const bench = new Bench();
    bench.commits(1, 2);
    expect([bench.checkpoints.roots.length, bench.checkpoints.written]).toEqual([1, undefined]);
    bench.storesCheckpoint();
    expect(bench.checkpoints.roots).toEqual([bench.checkpoints.written]);
    const own = Array.from({ length: 70 }, (_, at) => 3 + at);
    for (const height of own) {
      bench.commits(height, height);
      bench.clock.now += 2_000;
      bench.actor.receive({ type: "takeCheckpoint" });
      while (bench.later.count > 0) bench.storesCheckpoint();
    }
    expect(bench.checkpoints.roots.map(({ height }) => height)).toEqual(own.slice(-64));
  });

  test("are reckoned for a peer that asks, as who takes one there has them, and are no other afterwards", () => {
    const [asked, taking] = [new Bench(), new Bench()];
    const hasRoot = (height: number) => asked.checkpoints.roots.find((at) => at.height === height)?.root;
    // While one is being written, where the disk is full, and where the state stands already.
    asked.commits(1, 2);
    asked.asksRoot(2, 3).asksRoot(3, 5);
    asked.logIsFull = true;
    asked.commits(3, 5);
    asked.commits(6, 7);
    asked.clock.now += 200;
    asked.asksRoot(2, 7).asksRoot(3, 6);
    taking.commits(1, 2);
    for (const height of [3, 5, 7]) {
      taking.commits(Math.max(3, height - 1), height);
      while (taking.later.count > 0) taking.storesCheckpoint();
      taking.clock.now += 2_000;
      taking.actor.receive({ type: "takeCheckpoint" });
      taking.storesCheckpoint();
      expect(taking.checkpoints.written).toEqual({ height, root: hasRoot(height) });
    }
    expect(asked.checkpoints.roots.map(({ height }) => height)).toEqual([2, 3, 5, 7]);
    asked.storesCheckpoint();
    asked.logIsFull = false;
    for (const bench of [asked, taking]) {
      bench.commits(8, 8);
      while (bench.later.count > 0) bench.storesCheckpoint();
    }
    expect(hasRoot(8)).toEqual(taking.checkpoints.written?.root);
    const back = new StateMachine({ genesis: GENESIS, sha256 });
    expect([restoreCheckpoint(asked.store, back), back.digest]).toEqual([true, asked.state.digest]);
  });

  test("are vouched for, and what others ask about is reckoned, however much one peer asks about", () => {
    const bench = new Bench();
    let reckoned = 0;
    bench.commits(1, 2);
    for (let height = 3; height <= 22; height++) {
      const before = bench.checkpoints.roots;
      bench.asksRoot(2, height);
      if (height === 4 || height === 21) bench.asksRoot(3, height);
      bench.clock.now += 50;
      bench.commits(height, height);
      if (bench.checkpoints.roots !== before) reckoned += 1;
    }
    // Five times in a second, and for the other who asks; its own checkpoint and what that one has asked about are kept.
    expect(reckoned).toBe(7);
    expect(bench.checkpoints.roots.map(({ height }) => height)).toEqual([2, 4, 11, 15, 19, 21]);
  });

  test("that cannot be written stop the node", () => {
    const error = new CodedError("store_damaged", "the disk is full of holes");
    class Failing extends MemoryStore {
      override write(_: unknown, done: (error?: CodedError) => void): void {
        done(error);
      }
    }
    const bench = new Bench(new Failing(() => undefined));
    bench.commits(1, 2);
    expect(bench.failures).toEqual([error]);
  });
});

describe("a node whose turn to write a checkpoint is not the first", () => {
  const third = (): Bench => new Bench(undefined, undefined, undefined, { node: 3 });
  /** One whose checkpoint at height 2 waits. */
  function waiting(): Bench {
    const bench = third();
    bench.commits(1, 2);
    expect([bench.later.count, bench.delaysMs, bench.checkpoints.taking]).toEqual([0, [200], 2]);
    return bench;
  }

  test("writes the same later, however far it has come meanwhile, and vouches for it at once", () => {
    const [bench, first] = [waiting(), new Bench()];
    first.commits(1, 2);
    first.storesCheckpoint();
    expect(bench.checkpoints.roots).toEqual([first.checkpoints.written]);
    bench.commits(3, 3);
    bench.stepsOn();
    bench.storesCheckpoint();
    expect([bench.checkpoints.written, bench.checkpoints.taking]).toEqual([first.checkpoints.written, undefined]);
    expect(loadCheckpointMeta(bench.store)).toEqual(loadCheckpointMeta(first.store));
    const back = new StateMachine({ genesis: GENESIS, sha256 });
    expect([restoreCheckpoint(bench.store, back), back.height]).toEqual([true, 2]);
  });

  test("takes no other while it waits: for a peer, for a damaged page, or because one is due; the page is written next", () => {
    const bench = waiting();
    const key = pageKey(1, bench.state.paged[0]?.name ?? "", 0);
    bench.commits(3, 4);
    bench.actor.receive({ type: "takeCheckpoint" });
    bench.actor.receive({ type: "pageDamaged", key });
    expect([bench.timers.length, bench.later.count, bench.checkpoints.taking]).toEqual([1, 0, 2]);
    bench.stepsOn();
    bench.storesCheckpoint();
    expect([loadCheckpointMeta(bench.store)?.height, bench.timers.length]).toEqual([2, 1]);
    bench.stepsOn();
    bench.storesCheckpoint();
    expect(loadCheckpointMeta(bench.store)?.height).toBe(4);
    expect(bench.status.read()["ledger"]).toMatchObject({ damagedPages: 0, repairedPages: 1 });
    const back = new StateMachine({ genesis: GENESIS, sha256 });
    expect([restoreCheckpoint(bench.store, back), back.digest]).toEqual([true, bench.state.digest]);
  });

  test("installs what came from a peer behind its own, not before", () => {
    const bench = waiting();
    const fetched = { height: 5, digest: new Uint8Array(32).fill(5), components: [], generation: 2 };
    bench.store.write([noteChange(fetched)], () => undefined);
    bench.later.next();
    bench.actor.receive({ type: "install", height: 5 });
    expect([bench.later.count, bench.restarts]).toEqual([0, 0]);
    bench.stepsOn();
    bench.storesCheckpoint();
    expect(loadCheckpointMeta(bench.store)?.height).toBe(2);
    bench.storesCheckpoint();
    expect([loadCheckpointMeta(bench.store)?.height, bench.restarts, bench.timers.length]).toEqual([5, 1, 0]);
  });

  test("gives clients the one before while it waits", () => {
    const bench = waiting();
    bench.stepsOn();
    bench.storesCheckpoint();
    const at = must(bench.checkpoints.written, "there is a checkpoint");
    bench.checkpoints.states = [{ ...at, signatures: [] }];
    const [asked, page] = [
      { type: "signedState" },
      { type: "statePage", state: 2, component: 0, page: 0, offset: 0 },
    ] as const;
    expect(bench.ask(asked)).toMatchObject({ type: "signedState" });
    const before = bench.ask(page);
    bench.commits(3, 4);
    expect([bench.timers.filter(({ type }) => type === "writeCheckpoint").length, bench.ask(page)]).toMatchObject([
      1,
      { bytes: (before as { bytes: Uint8Array }).bytes },
    ]);
  });

  test("starts from the one before where it stops before it has written, and executes the rest again", () => {
    const bench = waiting();
    bench.stepsOn();
    bench.storesCheckpoint();
    bench.commits(3, 4);
    expect([bench.timers.length, bench.checkpoints.taking]).toEqual([1, 4]);
    const [back, pages] = [new StateMachine({ genesis: GENESIS, sha256 }), new PageHashes(sha256)];
    const checkpoint = must(loadCheckpointMeta(bench.store), "it has written one");
    restorePages(bench.store, checkpoint.generation, checkpoint, back, pages.take);
    expect(back.height).toBe(2);
    const again = new Bench(bench.store, back, undefined, { node: 3, checkpoint, pages });
    again.commits(3, 4);
    expect([again.state.digest, again.checkpoints.roots]).toEqual([bench.state.digest, bench.checkpoints.roots]);
    again.stepsOn();
    while (bench.later.count > 0) bench.later.next();
    again.hears();
    expect(loadCheckpointMeta(bench.store)?.height).toBe(4);
  });
});

describe("who leads", () => {
  const bench = new Bench();
  bench.commits(1, 2);
  const asks = (publicKey: Uint8Array): void =>
    bench.asks(query(5, encodeQuery({ type: "handOver", to: 2 }), publicKey), 0);

  test("an admin may say: consensus is told, with the answer for when it begins", () => {
    asks(GENESIS.adminKey);
    const [told] = bench.consensus.take("handOver");
    expect(told?.request).toMatchObject({ token: 5, to: 2 });
    const answer = decodeAnswer("handOver", told?.request?.answer ?? new Uint8Array(0));
    expect(answer).toMatchObject({ to: 2, height: 2 });
    expect(bench.gateway.take("answer")).toEqual([]);
  });

  test.each([
    ["an auditor, who sees everything", AUDITOR.publicKey, "not_authorized"],
    ["a bank", bank.keys[0] as Uint8Array, "not_authorized"],
    ["a stranger", new Uint8Array(32), "unknown_key"],
  ])("%s may not", (_, publicKey, code) => {
    asks(publicKey);
    expect(bench.consensus.take("handOver")).toEqual([]);
    expect(bench.gateway.take("answerRefused")).toMatchObject([{ token: 5, code }]);
  });
});

describe("reading everything again", () => {
  test("an admin may ask for it, and the log hears of it; an auditor and a bank may not", () => {
    const bench = new Bench();
    bench.commits(1, 2);
    expect(bench.ask({ type: "scrub" })).toMatchObject({ type: "scrub", height: 2 });
    expect(bench.logActor.take("scrub")).toHaveLength(1);
    for (const publicKey of [AUDITOR.publicKey, bank.keys[0]]) {
      expect(bench.ask({ type: "scrub" }, publicKey)).toBe("not_authorized");
    }
    expect(bench.logActor.take("scrub")).toEqual([]);
  });
});

describe("questions about the log", () => {
  const bench = new Bench();
  bench.commits(1, 5);
  const root = (size: number): Uint8Array =>
    new MerkleTree(
      sha256,
      BLOCKS.slice(0, size).map(({ hash }) => leafHash(sha256, hash)),
    ).root;
  const trust = { sha256, clusterId: CLUSTER_ID, nodeKeys: [NODE.publicKey], verify: KEYS.verify.bind(KEYS) };

  test("blocks are those that are committed here, as they stand in the log, for those who see everything", () => {
    expect(bench.ask({ type: "blocks", from: 3 })).toMatchObject({ height: 5, blocks: ENCODED.slice(2, 5) });
    expect(bench.ask({ type: "blocks", from: 6 })).toMatchObject({ blocks: [] });
    expect(bench.ask({ type: "blocks", from: 1 }, AUDITOR.publicKey)).toMatchObject({ blocks: ENCODED.slice(0, 5) });
    expect(bench.ask({ type: "blocks", from: 1 }, bank.keys[0])).toBe("not_authorized");
    expect(bench.ask({ type: "blocks", from: 0 })).toBe("out_of_range");
  });

  test("the node signs where its state stands, and hands on what a quorum has signed", () => {
    const alone = bench.ask({ type: "checkpoint" }, bank.keys[0]);
    expect(alone).toMatchObject({ agreed: null });
    const own = decodeCheckpoint((alone as { own: Uint8Array }).own);
    expect(own).toMatchObject({
      height: 5,
      digest: bench.state.digest,
      blockHash: BLOCKS[4]?.hash,
      historyRoot: root(5),
    });
    expect(checkpointSigners(own, trust)).toEqual([NODE.publicKey]);
    const other = new Bench();
    other.checkpoints.agreed = own;
    expect(other.ask({ type: "checkpoint" })).toMatchObject({ height: 0, agreed: encodeCheckpoint(own) });
  });

  test("every block is proved to lie in every log that reaches so far", () => {
    for (let size = 1; size <= 5; size++) {
      for (let height = 1; height <= size; height++) {
        const { path } = bench.ask({ type: "inclusion", height, size }, bank.keys[0]) as {
          path: readonly Uint8Array[];
        };
        const blockHash = (BLOCKS[height - 1] as Block).hash;
        expect(verifyInclusion(sha256, { blockHash, index: height - 1, size, root: root(size) }, path)).toBe(true);
      }
      for (let earlier = 1; earlier <= size; earlier++) {
        const { path } = bench.ask({ type: "consistency", earlier, size }) as { path: readonly Uint8Array[] };
        const claim = { earlier, earlierRoot: root(earlier), size, root: root(size) };
        expect(verifyConsistency(sha256, claim, path)).toBe(true);
      }
    }
  });

  test.each<Query>([
    { type: "inclusion", height: 0, size: 3 },
    { type: "inclusion", height: 4, size: 3 },
    { type: "inclusion", height: 1, size: 6 },
    { type: "inclusion", height: 0, size: 0 },
    { type: "consistency", earlier: 0, size: 3 },
    { type: "consistency", earlier: 4, size: 3 },
    { type: "consistency", earlier: 1, size: 6 },
  ])("%j is out of range", (query) => {
    expect(bench.ask(query)).toBe("out_of_range");
  });

  test("a proof that needs blocks which the log has given up is refused, not invented", () => {
    const short = new Bench();
    short.commits(1, 5);
    short.logFrom = 3;
    expect(short.ask({ type: "inclusion", height: 1, size: 5 })).toBe("block_compacted");
    expect(short.ask({ type: "blocks", from: 2 })).toBe("block_compacted");
    expect(short.ask({ type: "blocks", from: 3 })).toMatchObject({ blocks: ENCODED.slice(2, 5) });
  });
});

describe("checkpoints for clients", () => {
  const offered: Query & { readonly type: "signedState" } = { type: "signedState" };
  const pageOf = (
    state: number,
    component: number,
    page: number,
    offset = 0,
  ): Query & { readonly type: "statePage" } => ({
    type: "statePage",
    ...{ state, component, page, offset },
  });

  /** A node that has written checkpoints up to this height. */
  function written(height: number): Bench {
    const bench = new Bench();
    for (let at = 1; at <= height; at++) {
      bench.commits(at, at);
      if (at % 2 === 0) bench.storesCheckpoint();
    }
    return bench;
  }
  const sign = (bench: Bench): void => {
    const at = must(bench.checkpoints.written, "there is a checkpoint");
    bench.checkpoints.states = [...bench.checkpoints.states, { ...at, signatures: [] }];
  };

  test("are offered when a quorum has signed their pages, and are what it has signed", () => {
    const bench = written(2);
    expect(bench.ask(offered)).toBe("checkpoint_unavailable");
    sign(bench);
    const answer = bench.ask(offered, AUDITOR.publicKey);
    if (typeof answer === "string") throw new Error(answer);
    const { root } = decodeSignedState(answer.state);
    const hashes = new PageHashes(sha256);
    const pages = new Map<string, Uint8Array>();
    answer.components.forEach(([name, count], component) => {
      for (let page = 0; page < count; page++) {
        const part = bench.ask(pageOf(2, component, page), AUDITOR.publicKey);
        if (typeof part === "string") throw new Error(part);
        expect(part.bytes).toHaveLength(part.total);
        hashes.take(name, page, part.bytes);
        pages.set(`${name}/${page}`, part.bytes);
      }
    });
    const components = answer.components.map(([name, count]) => ({ name, pages: count }));
    expect(hashes.root(components)).toEqual(root);
    const state = new StateMachine({ genesis: GENESIS, sha256 });
    loadPages(state, components, (name, page) => pages.get(`${name}/${page}`));
    expect([state.height, state.digest]).toEqual([2, bench.state.digest]);
  });

  test("stay as they were while they are given, and the log with them, until nobody asks for a minute", () => {
    const bench = new Bench(undefined, undefined, 0);
    bench.commits(1, 2);
    bench.storesCheckpoint();
    expect(bench.logFrom).toBe(2);
    sign(bench);
    bench.ask(offered);
    const before = bench.ask(pageOf(2, 0, 0));
    bench.commits(3, 4);
    bench.storesCheckpoint();
    expect([bench.ask(pageOf(2, 0, 0)), bench.logFrom]).toMatchObject([
      { bytes: (before as { bytes: Uint8Array }).bytes },
      2,
    ]);
    bench.clock.now += 61_000;
    bench.stepsOn();
    expect(bench.ask(pageOf(2, 0, 0))).toBe("checkpoint_gone");
    bench.commits(5, 6);
    bench.storesCheckpoint();
    expect(bench.logFrom).toBe(6);
  });

  test("the newest that is written is kept until it is signed, although another follows", () => {
    const bench = written(2);
    expect(bench.ask(offered)).toBe("checkpoint_unavailable");
    sign(bench);
    bench.commits(3, 4);
    bench.storesCheckpoint();
    expect(bench.ask(offered)).toMatchObject({ type: "signedState" });
    expect(bench.ask(pageOf(2, 0, 0))).toMatchObject({ type: "statePage" });
  });

  test("that are signed and not there any more are not offered", () => {
    const bench = written(2);
    sign(bench);
    bench.commits(3, 4);
    bench.storesCheckpoint();
    expect(bench.ask(offered)).toBe("checkpoint_unavailable");
    sign(bench);
    expect(bench.ask(offered)).toMatchObject({ type: "signedState" });
    expect(bench.ask(pageOf(4, 0, 0))).toMatchObject({ type: "statePage" });
  });

  test("that cannot be read are refused, and the node goes on", () => {
    class Damaged extends MemoryStore {
      damaged = "";
      override snapshot(): StoreSnapshot {
        const snapshot = super.snapshot();
        const get = (key: string): Uint8Array | undefined => {
          if (key === this.damaged) throw new CodedError("store_damaged", `${key} is full of holes`);
          return snapshot.get(key);
        };
        return { ...snapshot, get };
      }
    }
    const store = new Damaged((run) => run());
    const bench = new Bench(store);
    bench.commits(1, 2);
    bench.hears();
    sign(bench);
    store.damaged = "checkpoint/meta";
    expect(bench.ask(offered)).toBe("checkpoint_gone");
    store.damaged = "checkpoint/1/stand/0";
    expect(bench.ask(offered)).toMatchObject({ type: "signedState" });
    expect(bench.ask(pageOf(2, 0, 0))).toBe("checkpoint_gone");
    expect(bench.ask({ type: "summary" })).toMatchObject({ height: 2 });
  });

  test("are for those who see everything, and end where they end", () => {
    const bench = written(2);
    sign(bench);
    expect(bench.ask(offered, bank.keys[0])).toBe("not_authorized");
    expect(bench.ask(offered)).toMatchObject({ type: "signedState" });
    expect(bench.ask(pageOf(2, 0, 0), bank.keys[0])).toBe("not_authorized");
    for (const wrong of [pageOf(2, 99, 0), pageOf(2, 0, 99), pageOf(2, 0, 0, 1_000_000)])
      expect(bench.ask(wrong)).toBe("out_of_range");
    expect(bench.ask(pageOf(4, 0, 0))).toBe("checkpoint_gone");
  });
});
