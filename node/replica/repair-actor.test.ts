import { describe, expect, test } from "vitest";
import { StorageError } from "../../storage/errors.ts";
import { MemoryStore } from "../../storage/state/memory-store.ts";
import type { WalRecord } from "../../storage/wal/log-store.ts";
import { must } from "../base/assert.ts";
import type { NodeId } from "../base/ids.ts";
import { Prng } from "../base/prng.ts";
import type { RepairMessage } from "../messages/repair.ts";
import { StatusBoard } from "../messages/status.ts";
import { decodeBlock } from "../wire/block.ts";
import type { LeaderEnd } from "./block-giver.ts";
import { RepairActor } from "./repair-actor.ts";
import { decodeRepair, encodeRepair, type RepairFrame } from "./repair-frames.ts";
import { CLUSTER_ID, chainOf, contextOf, recordingLog, sha256, TestClock } from "./replica.test-support.ts";

const ENCODED = chainOf(1, [[], [], [], [], []]);
const BLOCKS = ENCODED.map((bytes) => decodeBlock(sha256, bytes));

class Bench {
  readonly clock = new TestClock();
  readonly sent: { readonly to: NodeId; readonly frame: RepairFrame }[] = [];
  readonly store = new MemoryStore((run) => run());
  readonly status = new StatusBoard();
  readonly written: number[] = [];
  /** What writing anew comes to. */
  isSound = true;
  damaged = 0;
  firstIndex = 1;
  leader: LeaderEnd | undefined;
  readonly #actor: RepairActor;
  readonly #pump: () => void;
  readonly tick: (ms: number) => void;

  constructor() {
    const { context, self, timers } = contextOf<RepairMessage>(this.clock);
    this.#actor = new RepairActor(context, {
      log: {
        firstIndex: () => this.firstIndex,
        durableIndex: () => 5,
        lastIndex: () => 5,
        hash: (height) => (height < this.firstIndex ? undefined : BLOCKS[height - 1]?.hash),
        read: (height) => [this.#record(height)],
        repair: (record, done) => {
          this.written.push(record.index);
          done(this.isSound);
        },
      },
      ...{ store: this.store, hostLog: recordingLog().log, sha256, clusterId: CLUSTER_ID, status: this.status },
      random: new Prng(1),
      peers: () => [2, 3],
      leaderEnd: () => this.leader,
      sendPeer: (to, payload) => this.sent.push({ to, frame: decodeRepair(payload) }) > 0,
      fail: () => undefined,
    });
    this.#pump = () => {
      for (const message of self.messages.splice(0)) this.#actor.receive(message);
    };
    this.tick = (ms) => {
      this.clock.now += ms;
      for (const message of timers.splice(0)) this.#actor.receive(message);
      this.#pump();
    };
  }

  receives(message: RepairMessage): void {
    this.#actor.receive(message);
    this.#pump();
  }

  hears(from: NodeId, frame: RepairFrame): void {
    this.receives({ type: "peerFrame", from, payload: encodeRepair(frame) });
  }

  asked(): { readonly to: NodeId; readonly frame: RepairFrame }[] {
    return this.sent.splice(0);
  }

  /** Answers what is asked with the block, or with none. */
  answers(height: number | undefined): NodeId {
    const { to, frame } = must(this.asked()[0], "something is asked");
    const blocks = height === undefined ? [] : [must(ENCODED[height - 1], "it is a block")];
    this.hears(to, { type: "blocks", question: frame.question, to: height ?? 0, blocks });
    return to;
  }

  get counts(): unknown {
    return this.status.read()["repair"];
  }

  #record(height: number): WalRecord {
    if (height === this.damaged) throw new StorageError("wal_damaged", "it is damaged", { index: height });
    const { header, hash } = must(BLOCKS[height - 1], "the block is there");
    const payload = must(ENCODED[height - 1], "the block is there");
    return { index: height, term: header.term, previousHash: header.previousHash, hash, payload };
  }
}

describe("a damaged block", () => {
  test("is asked of a peer, by its hash, and written anew; how many have been is remembered", () => {
    const bench = new Bench();
    bench.receives({ type: "damaged", height: 3 });
    bench.receives({ type: "damaged", height: 3 });
    bench.receives({ type: "damaged", height: 4 });
    expect(bench.counts).toMatchObject({ damagedBlocks: 2, repairedBlocks: 0 });
    expect(bench.answers(3)).toBe(2);
    expect(bench.answers(4)).toBe(2);
    expect([bench.written, bench.asked()]).toEqual([[3, 4], []]);
    expect(bench.counts).toMatchObject({ damagedBlocks: 0, repairedBlocks: 2 });
  });

  test("that is another one is not taken, and nobody who was not asked is believed", () => {
    const bench = new Bench();
    bench.receives({ type: "damaged", height: 3 });
    const [asked] = bench.sent;
    bench.hears(3, { type: "blocks", question: asked?.frame.question ?? 0, to: 3, blocks: [ENCODED[2] as Uint8Array] });
    expect(bench.answers(4)).toBe(2);
    expect(bench.written).toEqual([]);
    expect([bench.answers(3), bench.written]).toEqual([3, [3]]);
  });

  test("that nobody has is asked for again a minute later", () => {
    const bench = new Bench();
    bench.receives({ type: "damaged", height: 3 });
    expect([bench.answers(undefined), bench.answers(undefined)]).toEqual([2, 3]);
    for (let i = 0; i < 59; i++) bench.tick(1_000);
    expect(bench.asked()).toEqual([]);
    bench.tick(1_000);
    bench.answers(3);
    expect(bench.written).toEqual([3]);
  });

  test("that cannot be written is tried again later; one that has left the log is not missed", () => {
    const bench = new Bench();
    bench.isSound = false;
    bench.receives({ type: "damaged", height: 3 });
    bench.answers(3);
    expect(bench.counts).toMatchObject({ damagedBlocks: 1, repairedBlocks: 0 });
    bench.firstIndex = 4;
    bench.tick(60_000);
    expect([bench.asked(), bench.counts]).toEqual([[], expect.objectContaining({ damagedBlocks: 0 })]);
  });

  test("is asked of another peer when one is silent", () => {
    const bench = new Bench();
    bench.receives({ type: "damaged", height: 3 });
    expect(bench.asked().map(({ to }) => to)).toEqual([2]);
    for (let i = 0; i < 5; i++) bench.tick(200);
    expect(bench.asked().map(({ to }) => to)).toEqual([3]);
  });
});

describe("others", () => {
  test("are given blocks, backwards, down to one that is damaged or not there", () => {
    const bench = new Bench();
    bench.damaged = 2;
    bench.hears(3, { type: "want", question: 1, to: 4, from: 1 });
    bench.hears(3, { type: "want", question: 2, to: 2, from: 1 });
    bench.hears(3, { type: "want", question: 3, to: 9, from: 1 });
    expect(bench.asked().map(({ frame }) => frame)).toEqual([
      { type: "blocks", question: 1, to: 4, blocks: [ENCODED[3], ENCODED[2]] },
      { type: "blocks", question: 2, to: 2, blocks: [] },
      { type: "blocks", question: 3, to: 9, blocks: [] },
    ]);
    expect(bench.counts).toMatchObject({ givenBlocks: 2 });
  });

  test("are told where the log ends only by a leader", () => {
    const bench = new Bench();
    bench.hears(3, { type: "wantEnd", question: 1 });
    bench.leader = { term: 4, index: 5, hash: new Uint8Array(32).fill(7) };
    bench.hears(3, { type: "wantEnd", question: 2 });
    expect(bench.asked().map(({ frame }) => frame)).toEqual([
      { type: "noEnd", question: 1, mending: false },
      { type: "end", question: 2, ...bench.leader },
    ]);
  });

  test("who say what is no frame of this lane are counted, and nothing comes of it", () => {
    const bench = new Bench();
    const good = encodeRepair({ type: "want", question: 1, to: 4, from: 1 });
    for (let cut = 0; cut < good.length; cut++) {
      bench.receives({ type: "peerFrame", from: 2, payload: good.slice(0, cut) });
    }
    bench.receives({ type: "peerFrame", from: 2, payload: Uint8Array.of(...good, 0) });
    expect([bench.asked(), bench.counts]).toEqual([[], expect.objectContaining({ framesRefused: good.length + 1 })]);
  });
});
