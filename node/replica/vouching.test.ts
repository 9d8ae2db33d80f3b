import { describe, expect, test } from "vitest";
import { MemoryStore } from "../../storage/state/memory-store.ts";
import { must } from "../base/assert.ts";
import type { NodeId } from "../base/ids.ts";
import type { AccountStore } from "../ledger/account-store.ts";
import { CREDITS_POSTED } from "../ledger/layout.ts";
import type { StateMachine } from "../state/state-machine.ts";
import { decodeBlock } from "../wire/block.ts";
import { Side, stateAfter, storeAt, storeOf } from "./catch-up.test-support.ts";
import { decodeCatchUp, encodeCatchUp } from "./catch-up-frames.ts";
import { loadFetched, missingPages } from "./fetched-pages.ts";
import { blockBehind, Later, sha256, TestClock } from "./replica.test-support.ts";

const HEIGHT = 5;
const TICK_MS = 20;
/** How often a leader tells a follower that it needs a checkpoint. */
const WANTED_MS = 60;

function newStore(): MemoryStore {
  return new MemoryStore((run) => run());
}

/** A state that is whole in itself and was never agreed on: some blocks of the log, and others behind them. */
function madeUp(height: number): StateMachine {
  const state = stateAfter(3);
  while (state.height < height) {
    const { blockHash: hash, timestamp, release } = state;
    const { bytes } = blockBehind({ hash, timestamp, release }, { height: state.height + 1, term: 99 });
    state.apply(decodeBlock(sha256, bytes));
  }
  return state;
}

/** Nodes and what is said among them; who has no side is down. */
class Nodes {
  readonly clock = new TestClock();
  readonly sides = new Map<NodeId, Side>();
  /** Of whom each node knows. */
  readonly #ids: readonly NodeId[];
  /** Who does not know the question: it is a program of before. */
  readonly old = new Set<NodeId>();

  constructor(size: number) {
    this.#ids = Array.from({ length: size }, (_, at) => at + 1);
  }

  /** A node that is well, and holds a checkpoint at its height. */
  well(id: NodeId, height = HEIGHT): Side {
    return this.add(id, storeAt(height), height);
  }

  /** A node that votes and cannot go on from the log. */
  lagging(id: NodeId, height = 2): Side {
    return this.add(id, newStore(), height);
  }

  /** A node that is to join, and has nothing. */
  joining(id: NodeId): Side {
    const side = this.add(id, newStore(), 0);
    side.part = "none";
    side.voters = [1];
    return side;
  }

  add(id: NodeId, store: MemoryStore, height: number): Side {
    const side = new Side(store, this.clock);
    side.id = id;
    side.peers = this.#ids.filter((other) => other !== id);
    side.part = "voter";
    side.voters = this.#ids;
    side.height = height;
    this.sides.set(id, side);
    return side;
  }

  /** Until these nodes have something to install, told that they need it by whoever leads; how long that took. */
  install(leader: NodeId, fetching: readonly NodeId[], atLeast = 3, mostMs = 20_000): number {
    for (let ms = 0; ms < mostMs; ms += TICK_MS) {
      const waiting = fetching.filter((id) => this.of(id).ledger.messages.every(({ type }) => type !== "install"));
      if (waiting.length === 0) return ms;
      if (ms % WANTED_MS === 0) {
        for (const id of waiting) this.of(id).receive({ type: "wanted", from: leader, atLeast });
      }
      this.pass(TICK_MS);
    }
    return Number.POSITIVE_INFINITY;
  }

  /** So much time passes, and all that is said is heard. */
  pass(ms: number): void {
    this.clock.now += ms;
    for (const side of this.sides.values()) side.tick(0);
    for (let isQuiet = false; !isQuiet; ) {
      isQuiet = true;
      for (const [from, side] of this.sides) {
        for (const { to, payload } of side.sent.splice(0)) {
          isQuiet = false;
          if (this.old.has(to) && decodeCatchUp(payload).type === "vouch") continue;
          this.sides.get(to)?.receive({ type: "peerFrame", from, payload });
        }
      }
    }
  }

  of(id: NodeId): Side {
    return must(this.sides.get(id), `node ${id} is up`);
  }

  /** What a node has warned of, and what it was told then. */
  warnings(id: NodeId): readonly string[] {
    return this.of(id).warnings.warnings.map(({ event, fields }) => `${event}: ${String(fields["said"])}`);
  }
}

describe("a checkpoint is installed", () => {
  test("at once where a quorum has it: three nodes, and five of which one is down", () => {
    for (const size of [3, 5]) {
      const nodes = new Nodes(size);
      for (let id = 1; id < Math.max(3, size - 1); id++) nodes.well(id);
      nodes.lagging(size);
      expect(nodes.install(1, [size])).toBeLessThan(500);
      expect([nodes.warnings(size), nodes.of(size).status]).toEqual([[], expect.objectContaining({ vouched: 1 })]);
    }
  });

  test("at once by one and by two that join a single voter", () => {
    for (const joining of [[2], [2, 3]]) {
      const nodes = new Nodes(joining.length + 1);
      nodes.well(1);
      for (const id of joining) nodes.joining(id);
      expect(nodes.install(1, joining)).toBeLessThan(1_000);
    }
  });

  test("where one of three is down, or two of five, after the time that they have to answer, and it is said who was silent", () => {
    for (const [up, silent] of [
      [[1], "2 silent"],
      [[1, 2], "3 silent, 4 silent"],
    ] as const) {
      const nodes = new Nodes(up.length === 1 ? 3 : 5);
      const fetching = up.length === 1 ? 3 : 5;
      for (const id of up) nodes.well(id);
      nodes.lagging(fetching);
      const tookMs = nodes.install(1, [fetching]);
      expect([tookMs >= 3_000, tookMs < 3_500]).toEqual([true, true]);
      expect(nodes.warnings(fetching)).toEqual([expect.stringMatching(`^catch_up.believed: 1 the same.*${silent}$`)]);
    }
  });

  test("by both of two that lag, where two of five are down", () => {
    const nodes = new Nodes(5);
    nodes.well(1);
    nodes.lagging(2);
    nodes.lagging(3, 1);
    expect(nodes.install(1, [2, 3])).toBeLessThan(8_000);
  });

  test("where three of five were stopped and two of them came to rest at other heights, for they wait for the third", () => {
    for (const height of [4, 6]) {
      const nodes = new Nodes(5);
      nodes.well(1);
      nodes.well(2, height);
      nodes.lagging(3);
      const tookMs = nodes.install(1, [3]);
      expect([tookMs >= 6_000, tookMs < 7_000]).toEqual([true, true]);
      const other = height < HEIGHT ? "behind" : "passed";
      expect(nodes.warnings(3)).toEqual([`catch_up.believed: 1 the same, 2 ${other}, 4 silent, 5 silent`]);
    }
  });

  test("as soon as one that was behind has come as far", () => {
    const nodes = new Nodes(3);
    nodes.well(1);
    const second = nodes.add(2, newStore(), 4);
    nodes.lagging(3);
    expect(nodes.install(1, [3], 3, 1_000)).toBe(Number.POSITIVE_INFINITY);
    expect(second.ledger.take("rootAsked")[0]).toEqual({ type: "rootAsked", by: 3, height: HEIGHT });
    second.height = 7;
    second.roots = nodes.of(1).roots;
    expect(nodes.install(1, [3])).toBeLessThan(700);
  });

  test("where peers run a program that does not know the question, after the time that they have to answer", () => {
    const nodes = new Nodes(3);
    nodes.well(1);
    nodes.well(2);
    nodes.lagging(3);
    nodes.old.add(1).add(2);
    const tookMs = nodes.install(1, [3]);
    expect([tookMs >= 3_000, tookMs < 3_500]).toEqual([true, true]);
    expect(nodes.warnings(3)).toEqual(["catch_up.believed: 1 silent, 2 silent"]);
  });

  test("where its height is one that others have come past, by asking for another, about which they are asked beforehand", () => {
    const nodes = new Nodes(3);
    const giver = nodes.well(1, 4);
    const other = nodes.add(2, newStore(), 5);
    const store = newStore();
    nodes.add(3, store, 2);
    nodes.install(1, [3], 3, 400);
    expect(nodes.warnings(3)[0]).toBe("catch_up.unvouched: 1 the same, 2 passed");
    giver.height = 6;
    nodes.install(1, [3], 3, 400);
    expect(giver.ledger.take("takeCheckpoint").length).toBeGreaterThan(0);
    expect(other.ledger.take("rootAsked").at(-1)).toEqual({ type: "rootAsked", by: 3, height: 6 });
    const taken = new Side(storeAt(6));
    const again = nodes.add(1, storeAt(6), 6);
    expect(again.roots).toEqual(taken.roots);
    [other.height, other.roots] = [6, taken.roots];
    expect(nodes.install(1, [3])).toBeLessThan(1_000);
    expect(nodes.of(3).ledger.take("install")).toEqual([{ type: "install", height: 6 }]);
  });

  test("where its giver comes no further than others have passed, when they have come to rest; it is fetched once", () => {
    const nodes = new Nodes(3);
    const giver = nodes.well(1, 4);
    giver.taking = 4;
    const other = nodes.add(2, newStore(), 5);
    other.logged = { commit: 5, lastIndex: 6 };
    nodes.lagging(3);
    const tookMs = nodes.install(1, [3]);
    expect([tookMs >= 3_000, tookMs < 5_000]).toEqual([true, true]);
    expect(nodes.warnings(3).at(-1)).toBe("catch_up.believed: 1 the same, 2 waiting");
    const { bytes } = nodes.of(3).status;
    const once = new Nodes(2);
    once.well(1, 4);
    once.lagging(2);
    once.install(1, [2]);
    expect(bytes).toBe(once.of(2).status["bytes"]);
  });

  test("where its giver is further, and cannot write a newer one: it is asked for the same again after a while", () => {
    const nodes = new Nodes(3);
    nodes.add(1, storeAt(4), 6);
    const other = nodes.add(2, newStore(), 6);
    other.logged = { commit: 6, lastIndex: 7 };
    nodes.lagging(3);
    const tookMs = nodes.install(1, [3]);
    expect([tookMs >= 3_000, tookMs < 6_000]).toEqual([true, true]);
    expect(nodes.warnings(3).at(-1)).toBe("catch_up.believed: 1 the same, 2 waiting");
  });

  test("by two who have each one that the other has passed, and are asked in turn for a newer one", () => {
    const nodes = new Nodes(3);
    nodes.add(1, storeAt(4), 6);
    nodes.add(2, storeAt(5), 6);
    const fetching = nodes.lagging(3);
    for (const from of [1, 2]) {
      nodes.install(from, [3], 3, 100);
      nodes.pass(200);
      fetching.sent.splice(0);
    }
    const asks = [1, 2].map((from) => {
      for (const ms of [3_000, 300]) nodes.pass(ms);
      fetching.sent.splice(0);
      fetching.receive({ type: "wanted", from, atLeast: 3 });
      return fetching.sent.splice(0).map(({ to, payload }) => ({ to, ...decodeCatchUp(payload) }));
    });
    expect(asks.flat().filter(({ type }) => type === "ask")).toEqual([
      { to: 1, type: "ask", atLeast: 5 },
      { to: 2, type: "ask", atLeast: 6 },
    ]);
  });

  test("although the node was stopped when all was there: others are asked before anything else", () => {
    const nodes = new Nodes(3);
    nodes.well(1);
    const store = newStore();
    nodes.add(3, store, 2);
    nodes.install(1, [3], 3, 1_000);
    expect([nodes.of(3).status["phase"], nodes.of(3).ledger.messages]).toEqual(["vouching", []]);
    const again = nodes.add(3, store, 2);
    nodes.well(2);
    again.receive({ type: "wanted", from: 1, atLeast: 3 });
    expect(again.sent.map(({ payload }) => decodeCatchUp(payload).type)).toEqual(["vouch", "vouch"]);
    expect(again.ledger.messages).toEqual([]);
    expect(nodes.install(1, [3])).toBe(TICK_MS);
  });
});

describe("a checkpoint that is made up", () => {
  test("is forgotten at once where others have another at that height, and the next leader's is installed", () => {
    const nodes = new Nodes(3);
    const store = newStore();
    nodes.add(1, storeOf(madeUp(HEIGHT)), HEIGHT);
    nodes.well(2);
    nodes.add(3, store, 2);
    expect(nodes.install(1, [3], 3, 1_000)).toBe(Number.POSITIVE_INFINITY);
    expect(nodes.warnings(3)[0]).toBe("catch_up.contradicted: 1 the same, 2 another root");
    expect(nodes.of(3).status).toMatchObject({ vouched: 0 });
    nodes.install(2, [3]);
    // The liar goes on to say that the honest one's is none; there are too few to decide between them.
    expect(nodes.of(3).ledger.messages).toEqual([]);
    nodes.sides.delete(1);
    expect(nodes.install(2, [3])).toBeLessThan(8_000);
  });

  test("is not installed among five, though its giver goes on leading, and the honest one's is", () => {
    const nodes = new Nodes(5);
    nodes.add(1, storeOf(madeUp(HEIGHT)), HEIGHT);
    for (const id of [2, 3, 4]) nodes.well(id);
    nodes.lagging(5);
    expect(nodes.install(1, [5], 3, 2_000)).toBe(Number.POSITIVE_INFINITY);
    expect(nodes.install(2, [5])).toBeLessThan(1_000);
  });

  test("is not even fetched where its giver says what it is", () => {
    const nodes = new Nodes(5);
    const liar = nodes.add(1, storeOf(madeUp(HEIGHT)), HEIGHT);
    for (const id of [2, 3, 4]) nodes.well(id);
    const fetching = nodes.lagging(5);
    fetching.receive({ type: "wanted", from: 1, atLeast: 3 });
    const say = (from: NodeId, side: Side): void => {
      for (const { payload } of side.sent.splice(0)) fetching.receive({ type: "peerFrame", from, payload });
    };
    const hear = (side: Side, to: NodeId): void => {
      const frames = fetching.sent.filter((frame) => frame.to === to && decodeCatchUp(frame.payload).type !== "fetch");
      for (const { payload } of frames) side.receive({ type: "peerFrame", from: 5, payload });
    };
    hear(liar, 1);
    say(1, liar);
    expect(fetching.status["phase"]).toBe("fetching");
    for (const id of [1, 2, 3, 4]) hear(nodes.of(id), id);
    for (const id of [1, 2, 3, 4]) say(id, nodes.of(id));
    expect([fetching.status["phase"], fetching.status["bytes"], fetching.status["unvouched"]]).toEqual(["idle", 0, 1]);
  });

  test("is not installed where others say that they are not as far, and that of the next leader is", () => {
    const nodes = new Nodes(3);
    nodes.add(1, storeOf(madeUp(9)), 9);
    nodes.well(2);
    const store = newStore();
    nodes.add(3, store, 2);
    expect(nodes.install(1, [3])).toBe(Number.POSITIVE_INFINITY);
    expect(new Set(nodes.warnings(3))).toEqual(new Set(["catch_up.unvouched: 1 the same, 2 behind"]));
    // It is kept, for they might come as far yet; nothing of it is taken for another's.
    expect(missingPages(store, must(loadFetched(store), "it is kept"))).toEqual([]);
    nodes.sides.delete(1);
    nodes.pass(3_000);
    expect(nodes.install(2, [3])).toBeLessThan(8_000);
    expect(nodes.of(3).ledger.take("install")).toEqual([{ type: "install", height: HEIGHT }]);
  });

  test("is not installed where others have passed it, although the voters that the node knows of have left since", () => {
    for (const [voters, part] of [
      [[11, 12, 13], "none"],
      [[4, 12, 13], "voter"],
    ] as const) {
      const nodes = new Nodes(4);
      nodes.add(1, storeOf(madeUp(HEIGHT)), HEIGHT);
      for (const id of [2, 3]) nodes.add(id, newStore(), HEIGHT + 3);
      const fetching = nodes.lagging(4);
      [fetching.voters, fetching.part] = [voters, part];
      expect(nodes.install(1, [4])).toBe(Number.POSITIVE_INFINITY);
      expect(new Set(nodes.warnings(4))).toEqual(new Set(["catch_up.unvouched: 1 the same, 2 passed, 3 passed"]));
    }
  });

  test("is not installed on its giver's word alone where its books do not balance, as when a bit of its memory has flipped", () => {
    const rotten = stateAfter(HEIGHT);
    const accounts = must(rotten.paged.find(({ name }) => name === "accounts") as AccountStore | undefined, "accounts");
    accounts.rows[CREDITS_POSTED] = (accounts.rows[CREDITS_POSTED] as number) ^ (1 << 20);
    expect(rotten.digest).toEqual(stateAfter(HEIGHT).digest);
    const nodes = new Nodes(3);
    nodes.add(1, storeOf(rotten), HEIGHT);
    const fetching = nodes.lagging(3);
    expect(nodes.install(1, [3])).toBe(Number.POSITIVE_INFINITY);
    const unusable = fetching.warnings.warnings.find(({ event }) => event === "catch_up.unusable");
    expect(unusable?.fields["reason"]).toContain("posted debits and credits of ledger 978 differ");
  });

  test("leaves nothing in the store when it is contradicted before all of it has come", () => {
    const nodes = new Nodes(3);
    const liar = nodes.add(1, storeOf(madeUp(HEIGHT)), HEIGHT);
    const other = nodes.well(2);
    const later = new Later();
    const store = new MemoryStore(later.schedule);
    const fetching = nodes.add(3, store, 2);
    const exchange = (side: Side, from: NodeId): void => {
      const heard = fetching.sent.filter(({ to }) => to === from);
      fetching.sent.splice(0, fetching.sent.length, ...fetching.sent.filter(({ to }) => to !== from));
      for (const { payload } of heard) side.receive({ type: "peerFrame", from: 3, payload });
      for (const { payload } of side.sent.splice(0)) fetching.receive({ type: "peerFrame", from, payload });
    };
    fetching.receive({ type: "wanted", from: 1, atLeast: 3 });
    for (let round = 0; round < 2; round++) exchange(liar, 1);
    expect([fetching.status["phase"], Number(fetching.status["bytes"]) > 0]).toEqual(["fetching", true]);
    exchange(other, 2);
    expect([fetching.status["phase"], nodes.warnings(3)[0]]).toEqual([
      "idle",
      "catch_up.contradicted: 1 the same, 2 another root",
    ]);
    while (later.count > 0) {
      later.next();
      fetching.settle();
    }
    expect([loadFetched(store), store.snapshot().keys("checkpoint/")]).toEqual([undefined, []]);
  });

  test("is not installed by three voters of which two are told that they need it", () => {
    const nodes = new Nodes(3);
    nodes.add(1, storeOf(madeUp(9)), 9);
    nodes.add(2, storeAt(HEIGHT), HEIGHT);
    nodes.lagging(3);
    expect(nodes.install(1, [2, 3], 9, 30_000)).toBe(Number.POSITIVE_INFINITY);
    expect([nodes.of(2).ledger.take("install"), nodes.of(3).ledger.take("install")]).toEqual([[], []]);
    expect(nodes.warnings(3)).toContain("catch_up.unvouched: 1 the same, 2 lacking");
  });

  test("is installed where nobody else says anything, and the log says so", () => {
    const nodes = new Nodes(3);
    nodes.add(1, storeOf(madeUp(HEIGHT)), HEIGHT);
    nodes.lagging(3);
    expect(nodes.install(1, [3])).toBeLessThan(3_500);
    expect(nodes.warnings(3)).toEqual(["catch_up.believed: 1 the same, 2 silent"]);
  });

  test("is not loaded: its pages may be such that this would take any time and any memory", () => {
    for (const others of [HEIGHT, HEIGHT - 1, HEIGHT + 3]) {
      const nodes = new Nodes(3);
      nodes.add(1, storeOf(madeUp(HEIGHT)), HEIGHT);
      nodes.well(2, others);
      const fetching = nodes.lagging(3);
      expect(nodes.install(1, [3], 3, 10_000)).toBe(Number.POSITIVE_INFINITY);
      expect([fetching.status["unvouched"] !== 0, fetching.statesMade]).toEqual([true, 0]);
    }
  });

  test("is found out although its giver says of it what is true", () => {
    const nodes = new Nodes(3);
    const liar = nodes.add(1, storeOf(madeUp(HEIGHT)), HEIGHT);
    liar.roots = nodes.well(2).roots;
    nodes.lagging(3);
    expect(nodes.install(1, [3], 3, 1_000)).toBe(Number.POSITIVE_INFINITY);
    expect(nodes.warnings(3)[0]).toBe("catch_up.contradicted: 1 another root, 2 another root");
  });
});

describe("a node vouches", () => {
  const asked = (side: Side, height: number) => {
    side.receive({ type: "peerFrame", from: 9, payload: encodeCatchUp({ type: "vouch", height }) });
    const [answer] = side.sent.splice(0).map(({ payload }) => decodeCatchUp(payload));
    return answer?.type === "vouched" && answer.height === height ? answer.standing : undefined;
  };

  test("with its root where it knows it, and else says how far it is", () => {
    const side = new Nodes(3).well(1);
    side.roots = [{ height: HEIGHT, root: new Uint8Array(32).fill(7) }];
    side.height = 8;
    expect(asked(side, HEIGHT)).toEqual(new Uint8Array(32).fill(7));
    expect([asked(side, 7), side.ledger.messages]).toEqual(["passed", []]);
    expect([asked(side, 8), asked(side, 9)]).toEqual(["behind", "behind"]);
    expect(side.ledger.messages.map((message) => message.type === "rootAsked" && message.height)).toEqual([8, 9]);
  });

  test("or that it does not come so far: it waits for a checkpoint itself, or for a leader, or takes part in nothing", () => {
    const side = new Nodes(3).well(1);
    side.hasLeader = false;
    expect([asked(side, 9), asked(side, 3)]).toEqual(["lacking", "passed"]);
    side.part = "follower";
    expect(asked(side, 9)).toBe("waiting");
    side.hasLeader = true;
    expect(asked(side, 9)).toBe("behind");
    side.receive({ type: "wanted", from: 2, atLeast: 9 });
    side.sent.splice(0);
    expect(asked(side, 9)).toBe("waiting");
    side.part = "voter";
    expect(asked(side, 9)).toBe("lacking");
    side.part = "none";
    expect([asked(side, 9), asked(side, 3), asked(side, HEIGHT)]).toEqual(["waiting", "waiting", side.roots[0]?.root]);
  });

  test("or that it rests: what is in its log is not committed for three seconds, as where the one that asks is needed", () => {
    const nodes = new Nodes(3);
    const side = nodes.well(1);
    side.logged = { commit: 8, lastIndex: 12 };
    expect([asked(side, 9), asked(side, 3)]).toEqual(["behind", "passed"]);
    nodes.clock.now += 3_000;
    expect([asked(side, 9), asked(side, 3), asked(side, HEIGHT)]).toEqual(["waiting", "waiting", side.roots[0]?.root]);
    side.logged = { commit: 9, lastIndex: 12 };
    expect(asked(side, 9)).toBe("behind");
    nodes.clock.now += 3_000;
    side.logged = { commit: 12, lastIndex: 12 };
    expect(asked(side, 9)).toBe("behind");
    side.logged = { commit: 12, lastIndex: 13 };
    expect(asked(side, 9)).toBe("behind");
  });

  test("and is not heard about another height, twice otherwise, or where it is no peer", () => {
    const fetching = new Nodes(3).lagging(3);
    const hears = (from: NodeId, height: number, standing: Uint8Array | "passed" | "behind"): void =>
      fetching.receive({ type: "peerFrame", from, payload: encodeCatchUp({ type: "vouched", height, standing }) });
    const giving = new Side(storeAt(HEIGHT));
    fetching.receive({ type: "wanted", from: 1, atLeast: 3 });
    const root = must(giving.roots[0], "it knows its own").root;
    while (fetching.sent.some(({ to }) => to === 1)) {
      for (const { to, payload } of fetching.sent.splice(0)) {
        if (to !== 1) continue;
        giving.receive({ type: "peerFrame", from: 3, payload });
        const answers = giving.sent.splice(0).filter((frame) => decodeCatchUp(frame.payload).type !== "vouched");
        for (const answer of answers) fetching.receive({ type: "peerFrame", from: 1, payload: answer.payload });
      }
    }
    expect(fetching.status["phase"]).toBe("vouching");
    hears(4, HEIGHT, root);
    hears(2, HEIGHT + 1, root);
    hears(2, HEIGHT, "passed");
    hears(2, HEIGHT, root);
    expect([fetching.status["phase"], fetching.ledger.messages]).toEqual(["vouching", []]);
    hears(1, HEIGHT, root);
    expect(fetching.warnings.warnings).toMatchObject([{ fields: { said: "1 the same, 2 passed" } }]);
  });
});
