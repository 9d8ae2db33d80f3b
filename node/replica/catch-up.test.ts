import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MemoryStore } from "../../storage/state/memory-store.ts";
import { must } from "../base/assert.ts";
import { toHex } from "../base/bytes.ts";
import { CHECKPOINT_PAGES_MAX, CHUNK_BYTES_MAX } from "../base/limits.ts";
import type { StoreSnapshot } from "../base/ports/store.ts";
import { Prng } from "../base/prng.ts";
import { decodeBlock } from "../wire/block.ts";
import { digestOf, type Sent, Side, stateAfter, storeAt, storeOf, talk } from "./catch-up.test-support.ts";
import { type CatchUpFrame, decodeCatchUp, encodeCatchUp } from "./catch-up-frames.ts";
import { FIRST_GENERATION, loadCheckpointMeta, META_KEY, pageKey, takeCheckpoint } from "./checkpoint.ts";
import { installChanges, loadFetched, missingPages } from "./fetched-pages.ts";
import { PageHashes } from "./page-hashes.ts";
import { blockBehind, Later, sha256 } from "./replica.test-support.ts";

const HEIGHT = 5;
const DIGEST = stateAfter(HEIGHT).digest;

function newStore(): MemoryStore {
  return new MemoryStore((run) => run());
}

function framesOf(sent: readonly Sent[]): CatchUpFrame[] {
  return sent.map(({ payload }) => decodeCatchUp(payload));
}

/** What the ledger was told to install is what the giver has. */
function expectFetched(fetching: Side, store: MemoryStore, digest = DIGEST, height = HEIGHT): void {
  expect(fetching.ledger.take("install")).toEqual([{ type: "install", height }]);
  const fetched = must(loadFetched(store), "something is fetched");
  const whole = new MemoryStore((run) => run());
  const snapshot = store.snapshot();
  whole.write(
    snapshot.keys("").map((key) => ({ key, value: snapshot.get(key) as Uint8Array })),
    () => undefined,
  );
  whole.write(installChanges(fetched), () => undefined);
  expect(toHex(digestOf(whole) ?? new Uint8Array(0))).toBe(toHex(digest));
}

describe("a checkpoint is fetched", () => {
  test("whole, checked, and handed to the ledger, and its giver holds the log meanwhile", () => {
    const store = newStore();
    const [fetching, giving] = [new Side(store), new Side(storeAt(HEIGHT))];
    fetching.receive({ type: "wanted", from: 2, atLeast: 3 });
    talk(fetching, giving);
    expectFetched(fetching, store);
    expect(giving.ledger.take("holdLog")).toEqual([{ type: "holdLog", from: HEIGHT }]);
    expect(fetching.status).toMatchObject({ phase: "installing", height: HEIGHT });
  });

  test("however frames are lost, repeated and reordered", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 30 }), fc.integer({ min: 0, max: 40 }), (seed, lossPercent) => {
        const random = new Prng(seed);
        const store = newStore();
        const [fetching, giving] = [new Side(store), new Side(storeAt(HEIGHT))];
        const link: { from: Side; payload: Uint8Array }[] = [];
        fetching.receive({ type: "wanted", from: 2, atLeast: 3 });
        for (let step = 0; step < 4_000 && fetching.ledger.messages.length === 0; step++) {
          for (const side of [fetching, giving]) {
            for (const { payload } of side.sent.splice(0)) {
              const copies = random.below(100) < lossPercent ? 0 : random.below(10) === 0 ? 2 : 1;
              for (let copy = 0; copy < copies; copy++) link.push({ from: side, payload });
            }
          }
          const [frame] = link.length === 0 ? [] : link.splice(random.below(Math.min(6, link.length)), 1);
          if (frame?.from === fetching) giving.receive({ type: "peerFrame", from: 1, payload: frame.payload });
          else if (frame !== undefined) fetching.receive({ type: "peerFrame", from: 2, payload: frame.payload });
          if (frame === undefined || random.below(20) === 0) {
            fetching.tick(20 + random.below(300));
            // A follower is told again and again while it cannot go on.
            fetching.receive({ type: "wanted", from: 2, atLeast: 3 });
          }
        }
        expectFetched(fetching, store);
      }),
      { numRuns: 12 },
    );
  });

  test("although single chunks come altered: they are refused, and asked for again", () => {
    const store = newStore();
    const [fetching, giving] = [new Side(store), new Side(storeAt(HEIGHT))];
    fetching.receive({ type: "wanted", from: 2, atLeast: 3 });
    talk(fetching, giving, 4);
    const [chunk] = giving.sent.splice(1, 1);
    const altered = must(chunk, "a chunk is on its way").payload.slice();
    altered[altered.length - 20] = (altered.at(-20) ?? 0) ^ 1;
    fetching.receive({ type: "peerFrame", from: 2, payload: altered });
    talk(fetching, giving);
    expect([fetching.status["framesRefused"], fetching.ledger.messages]).toEqual([1, []]);
    fetching.tick(500);
    fetching.tick(500);
    talk(fetching, giving);
    expectFetched(fetching, store);
  });

  test("a page larger than a chunk in several, each behind the one before", () => {
    const store = newStore();
    const fetching = new Side(store);
    fetching.receive({ type: "wanted", from: 2, atLeast: 3 });
    const hears = (frame: CatchUpFrame): void =>
      fetching.receive({ type: "peerFrame", from: 2, payload: encodeCatchUp(frame) });
    hears({ type: "offer", height: 9, digest: DIGEST, components: [{ name: "a", pages: 2 }] });
    const total = CHUNK_BYTES_MAX + 10;
    const page = new Uint8Array(total).map((_, at) => at % 251);
    const chunk = (offset: number, bytes: Uint8Array): CatchUpFrame => ({
      ...{ type: "chunk", height: 9, component: 0, page: 0, offset, total, bytes },
    });
    fetching.sent.splice(0);
    hears(chunk(10, page.subarray(10, 20))); // not what was asked for
    hears(chunk(0, page.subarray(0, CHUNK_BYTES_MAX)));
    expect(framesOf(fetching.sent.splice(0))).toEqual([
      { type: "fetch", height: 9, component: 0, page: 0, offset: CHUNK_BYTES_MAX },
    ]);
    hears(chunk(0, page.subarray(0, CHUNK_BYTES_MAX))); // once more
    hears({ ...chunk(CHUNK_BYTES_MAX, page.subarray(CHUNK_BYTES_MAX)), total: total + 1 } as CatchUpFrame);
    hears(chunk(CHUNK_BYTES_MAX, page.subarray(CHUNK_BYTES_MAX)));
    hears({ ...chunk(0, new Uint8Array(0)), page: 1, total: 0 } as CatchUpFrame);
    expect([fetching.status["phase"], fetching.status["bytes"]]).toEqual(["vouching", total]);
    // Byte for byte. What it is made of is none of the state's components, so it is of no use, whoever vouches for it.
    const hashes = new PageHashes(sha256);
    for (const [at, bytes] of [page, new Uint8Array(0)].entries()) hashes.take("a", at, bytes);
    hears({ type: "vouched", height: 9, standing: hashes.root([{ name: "a", pages: 2 }]) });
    const [warning] = fetching.warnings.warnings;
    expect(warning).toMatchObject({
      event: "catch_up.unusable",
      fields: { reason: expect.stringContaining("a component a") },
    });
    expect([fetching.status["bytes"], loadFetched(store)]).toEqual([total, undefined]);
  });
});

describe("a giver", () => {
  test("that was restarted is asked again, and goes on where it was: no page is fetched twice", () => {
    const store = newStore();
    const kept = storeAt(HEIGHT);
    const [fetching, giving] = [new Side(store), new Side(kept)];
    fetching.receive({ type: "wanted", from: 2, atLeast: 3 });
    talk(fetching, giving, 20);
    const fetched = must(loadFetched(store), "it has begun");
    const all = fetched.components.reduce((sum, { pages }) => sum + pages, 0);
    fetching.sent.splice(0);
    fetching.tick(500);
    const again = new Side(kept);
    talk(fetching, again, 1);
    expect(framesOf(again.sent.splice(0, 1))).toEqual([{ type: "gone", height: HEIGHT }]);
    fetching.receive({ type: "peerFrame", from: 2, payload: encodeCatchUp({ type: "gone", height: HEIGHT }) });
    const left = missingPages(store, fetched).length;
    expect([left < all, left > 0]).toEqual([true, true]);
    talk(fetching, again);
    expectFetched(fetching, store);
    expect(must(loadFetched(store), "it is noted").generation).toBe(fetched.generation);
  });

  test("that has another checkpoint by then makes it begin anew, and the pages it had are swept", () => {
    const store = newStore();
    const [fetching, giving] = [new Side(store), new Side(storeAt(HEIGHT))];
    fetching.receive({ type: "wanted", from: 2, atLeast: 3 });
    talk(fetching, giving, 12);
    const before = must(loadFetched(store), "it has begun");
    fetching.sent.splice(0);
    fetching.receive({ type: "peerFrame", from: 2, payload: encodeCatchUp({ type: "gone", height: HEIGHT }) });
    talk(fetching, new Side(storeAt(6)));
    expectFetched(fetching, store, stateAfter(6).digest, 6);
    const snapshot = store.snapshot();
    expect(snapshot.keys(`checkpoint/${before.generation}/`)).toEqual([]);
  });

  test("that is too old is passed over, and takes a newer one when asked", () => {
    const [fetching, giving] = [new Side(newStore()), new Side(storeAt(2))];
    fetching.receive({ type: "wanted", from: 2, atLeast: 3 });
    talk(fetching, giving);
    expect(giving.ledger.take("takeCheckpoint")).toHaveLength(1);
    expect([fetching.status["phase"], fetching.ledger.messages]).toEqual(["idle", []]);
  });

  test("and asked for without end, tells its ledger once", () => {
    const giving = new Side(storeAt(HEIGHT));
    const payload = encodeCatchUp({ type: "ask", atLeast: 3 });
    for (let i = 0; i < 100; i++) giving.receive({ type: "peerFrame", from: 1, payload });
    expect(giving.ledger.messages).toEqual([{ type: "holdLog", from: HEIGHT }]);
  });

  test("and asked for without end, opens one snapshot for what it has, and none for what it has not", () => {
    class Counted extends MemoryStore {
      snapshots = 0;
      override snapshot(): StoreSnapshot {
        this.snapshots += 1;
        return super.snapshot();
      }
    }
    const store = new Counted((run) => run());
    store.write(takeCheckpoint(stateAfter(HEIGHT)), () => undefined);
    const giving = new Side(store);
    store.snapshots = 0;
    const answers = (atLeast: number): unknown[] => {
      for (let i = 0; i < 100; i++) {
        giving.receive({ type: "peerFrame", from: 1, payload: encodeCatchUp({ type: "ask", atLeast }) });
      }
      return [store.snapshots, new Set(framesOf(giving.sent.splice(0)).map(({ type }) => type))];
    };
    expect(answers(HEIGHT + 1)).toEqual([0, new Set(["refuse"])]);
    expect(answers(3)).toEqual([1, new Set(["offer"])]);
    store.write(takeCheckpoint(stateAfter(HEIGHT + 1)), () => undefined);
    expect(answers(3)).toEqual([2, new Set(["offer"])]);
  });

  test("that is writing a newer one, or waits to, says where that stands, however far it has come since", () => {
    const giving = new Side(storeAt(2));
    const refusal = (): CatchUpFrame[] => {
      giving.receive({ type: "peerFrame", from: 1, payload: encodeCatchUp({ type: "ask", atLeast: 3 }) });
      return framesOf(giving.sent.splice(0));
    };
    [giving.height, giving.taking] = [7, 4];
    expect(refusal()).toEqual([{ type: "refuse", height: 4 }]);
    giving.taking = undefined;
    expect(refusal()).toEqual([{ type: "refuse", height: 7 }]);
  });

  test("that says nothing any more is given up, and another goes on with the same checkpoint", () => {
    const store = newStore();
    const [fetching, giving] = [new Side(store), new Side(storeAt(HEIGHT))];
    fetching.receive({ type: "wanted", from: 2, atLeast: 3 });
    talk(fetching, giving, 20);
    fetching.sent.splice(0);
    for (let i = 0; i < 4; i++) fetching.tick(1_000);
    expect(fetching.status["phase"]).toBe("idle");
    fetching.sent.splice(0);
    fetching.tick(1_000);
    fetching.receive({ type: "wanted", from: 3, atLeast: 3 });
    const other = new Side(storeAt(HEIGHT));
    expect(fetching.sent.map(({ to }) => to)).toEqual([3]);
    while (fetching.sent.length > 0) {
      for (const { payload } of fetching.sent.splice(0)) other.receive({ type: "peerFrame", from: 1, payload });
      for (const { payload } of other.sent.splice(0)) fetching.receive({ type: "peerFrame", from: 3, payload });
    }
    expectFetched(fetching, store);
  });

  test("that lies about the digest, or gives pages of another state, is found out before anything is installed", () => {
    for (const lie of ["digest", "pages"] as const) {
      const store = newStore();
      const [fetching, giving] = [new Side(store), new Side(lie === "digest" ? storeAt(HEIGHT) : storeAt(6))];
      fetching.receive({ type: "wanted", from: 2, atLeast: 3 });
      talk(fetching, giving, 1);
      const [offer] = framesOf(giving.sent.splice(0));
      const told = must(offer, "it offers") as Extract<CatchUpFrame, { type: "offer" }>;
      const lies = lie === "digest" ? { ...told, digest: new Uint8Array(32) } : { ...told, digest: DIGEST };
      fetching.receive({ type: "peerFrame", from: 2, payload: encodeCatchUp(lies) });
      talk(fetching, giving);
      expect([fetching.ledger.messages, loadFetched(store)]).toEqual([[], undefined]);
      expect(fetching.warnings.warnings.map(({ event }) => event)).toEqual(["catch_up.unusable"]);
      // An honest one helps afterwards.
      fetching.tick(1_000);
      fetching.receive({ type: "wanted", from: 2, atLeast: 3 });
      talk(fetching, new Side(storeAt(HEIGHT)));
      expectFetched(fetching, store);
    }
  });

  test("that offers more pages than there can be is not listened to, and nothing of it is kept", () => {
    for (const pages of [2 ** 40, CHECKPOINT_PAGES_MAX / 2 + 1]) {
      const store = newStore();
      const [fetching, giving] = [new Side(store), new Side(storeAt(HEIGHT))];
      fetching.receive({ type: "wanted", from: 2, atLeast: 3 });
      talk(fetching, giving, 1);
      const [offer] = framesOf(giving.sent.splice(0));
      const told = must(offer, "it offers") as Extract<CatchUpFrame, { type: "offer" }>;
      const components = ["stand", "history"].map((name) => ({ name, pages }));
      fetching.receive({ type: "peerFrame", from: 2, payload: encodeCatchUp({ ...told, components }) });
      expect([fetching.sent, loadFetched(store)]).toEqual([[], undefined]);
      // Neither in this life nor in the next one it is in the way.
      for (const side of [fetching, new Side(store)]) {
        side.tick(5_000);
        side.tick(10_000);
        side.receive({ type: "wanted", from: 2, atLeast: 3 });
        expect(framesOf(side.sent.splice(0))).toEqual([{ type: "ask", atLeast: 3 }]);
      }
    }
  });

  test("of a release that this node does not read is not installed, and it is said what to do about it", () => {
    const state = stateAfter(HEIGHT);
    const { blockHash: hash, timestamp, release } = state;
    const { bytes } = blockBehind({ hash, timestamp, release }, { height: HEIGHT + 1, term: 1, release: 2 });
    state.apply(decodeBlock(sha256, bytes));
    const store = newStore();
    const [fetching, giving] = [new Side(store, undefined, 1), new Side(storeOf(state))];
    fetching.receive({ type: "wanted", from: 2, atLeast: 3 });
    talk(fetching, giving);
    expect([fetching.ledger.messages, loadFetched(store)]).toEqual([[], undefined]);
    const reason = expect.stringContaining("of release 2, and this node reads up to release 1");
    expect(fetching.warnings.warnings).toMatchObject([{ event: "catch_up.unusable", fields: { reason } }]);
  });

  test("that offers what is not ahead, or another height's chunks, brings nothing", () => {
    const fetching = new Side(newStore());
    fetching.height = 5;
    fetching.receive({ type: "wanted", from: 2, atLeast: 3 });
    talk(fetching, new Side(storeAt(HEIGHT)));
    expect([fetching.status["phase"], fetching.ledger.messages]).toEqual(["idle", []]);
  });

  test("keeps a checkpoint for who is silent for a minute, and lets go of the log then", () => {
    const [fetching, giving] = [new Side(newStore()), new Side(storeAt(HEIGHT))];
    fetching.receive({ type: "wanted", from: 2, atLeast: 3 });
    talk(fetching, giving, 4);
    giving.ledger.messages.splice(0);
    giving.tick(59_000);
    expect([giving.status["giving"], giving.ledger.messages]).toEqual([1, []]);
    giving.tick(1_000);
    expect([giving.status["giving"], giving.ledger.messages]).toEqual([0, [{ type: "holdLog", from: undefined }]]);
  });

  test("asked for pages that there are none of, or for none of its checkpoints, does not fall over", () => {
    const giving = new Side(storeAt(HEIGHT));
    const asks = (frame: CatchUpFrame): CatchUpFrame[] => {
      giving.receive({ type: "peerFrame", from: 1, payload: encodeCatchUp(frame) });
      return framesOf(giving.sent.splice(0));
    };
    const fetch = { type: "fetch", height: HEIGHT, component: 0, page: 0, offset: 0 } as const;
    expect(asks(fetch)).toEqual([{ type: "gone", height: HEIGHT }]);
    asks({ type: "ask", atLeast: 0 });
    expect(asks({ ...fetch, component: 99 })).toEqual([]);
    expect(asks({ ...fetch, page: 99_999 })).toEqual([]);
    expect(asks({ ...fetch, offset: 60_000_000 })).toEqual([]);
    expect(asks(fetch)).toHaveLength(1);
  });
});

test("a giver with a damaged page says so, has it written again, and gives nothing until it is", () => {
  const store = storeAt(6);
  const [fetching, giving] = [new Side(newStore()), new Side(store)];
  const key = pageKey(FIRST_GENERATION, "accounts", 0);
  store.damage(key);
  fetching.receive({ type: "wanted", from: 2, atLeast: 3 });
  expect(talk(fetching, giving)).toBeLessThan(100);
  expect(giving.ledger.take("pageDamaged")).toEqual([{ type: "pageDamaged", key }]);
  fetching.tick(1_000);
  talk(fetching, giving);
  expect(fetching.ledger.take("install")).toEqual([]);
  store.write(takeCheckpoint(stateAfter(6)), () => undefined);
  for (let seconds = 0; seconds < 10; seconds++) {
    fetching.tick(1_000);
    if (seconds === 5) fetching.receive({ type: "wanted", from: 2, atLeast: 3 });
    talk(fetching, giving);
  }
  expect(fetching.ledger.take("install")).toHaveLength(1);
});

test("a giver that cannot read what its checkpoint is says that it has none, and has that written again", () => {
  const store = storeAt(6);
  const [fetching, giving] = [new Side(newStore()), new Side(store)];
  store.damage(META_KEY);
  fetching.receive({ type: "wanted", from: 2, atLeast: 3 });
  expect(talk(fetching, giving)).toBeLessThan(10);
  expect([giving.ledger.take("pageDamaged"), giving.failures]).toEqual([[{ type: "pageDamaged", key: META_KEY }], []]);
});

test("pages of one checkpoint are the same bytes on every node that takes one at that height", () => {
  // One has taken checkpoints on the way; the other has not; a third was given its state.
  const [often, once] = [newStore(), storeAt(HEIGHT)];
  for (let height = 1; height <= HEIGHT; height++) {
    const snapshot = storeAt(height).snapshot();
    often.write(
      snapshot.keys("").map((key) => ({ key, value: snapshot.get(key) as Uint8Array })),
      () => undefined,
    );
  }
  const pages = (store: MemoryStore): [string, string][] => {
    const snapshot = store.snapshot();
    const { components = [] } = loadCheckpointMeta(store) ?? {};
    return components.flatMap(({ name, pages: count }) =>
      Array.from({ length: count }, (_, page): [string, string] => {
        const key = pageKey(1, name, page);
        return [key, toHex(snapshot.get(key) ?? new Uint8Array(0))];
      }),
    );
  };
  expect(pages(often)).toEqual(pages(once));
});

describe("the power fails while a checkpoint is fetched", () => {
  test("after any write, and what is durable of it is not fetched again", () => {
    for (let writes = 0; writes < 12; writes++) {
      const later = new Later();
      const store = new MemoryStore(later.schedule);
      const giving = new Side(storeAt(HEIGHT));
      const fetching = new Side(store);
      fetching.receive({ type: "wanted", from: 2, atLeast: 3 });
      let done = 0;
      for (let round = 0; round < 100 && done < writes; round++) {
        talk(fetching, giving);
        for (; later.count > 0 && done < writes; done++) {
          later.next();
          fetching.settle();
        }
      }
      store.crash(new Prng(writes));
      while (later.count > 0) later.next();
      const fetched = loadFetched(store);
      const left = fetched === undefined ? undefined : missingPages(store, fetched).length;
      const again = new Side(store, fetching.clock);
      again.tick(1_000);
      again.receive({ type: "wanted", from: 2, atLeast: 3 });
      let pages = 0;
      for (let round = 0; round < 200 && again.ledger.messages.length === 0; round++) {
        pages += framesOf(again.sent).filter(({ type }) => type === "fetch").length;
        talk(again, giving, 1);
        while (later.count > 0) later.next();
        again.settle();
      }
      expectFetched(again, store);
      if (left === 0) expect(pages).toBe(0);
    }
  });
});
