import { describe, expect, test } from "vitest";
import { MemoryDisk } from "../../storage/memory-disk.ts";
import { MemoryStore } from "../../storage/state/memory-store.ts";
import { DamagedLog } from "../../storage/wal/damaged-log.ts";
import { MARK_BYTES, recordBytes, SEGMENT_HEADER_BYTES } from "../../storage/wal/format.ts";
import type { LogStart } from "../../storage/wal/log-store.ts";
import { Wal } from "../../storage/wal/wal.ts";
import { must } from "../base/assert.ts";
import type { CodedError } from "../base/errors.ts";
import type { NodeId } from "../base/ids.ts";
import { Prng } from "../base/prng.ts";
import type { MendingMessage } from "../messages/repair.ts";
import { type Block, decodeBlock } from "../wire/block.ts";
import { MendingActor } from "./mending-actor.ts";
import { decodeRepair, encodeRepair, type RepairFrame } from "./repair-frames.ts";
import { repairedBlocks } from "./repaired-count.ts";
import {
  blockBehind,
  CLUSTER_ID,
  contextOf,
  GENESIS_HEAD,
  recordingLog,
  sha256,
  TestClock,
} from "./replica.test-support.ts";
import { isSameReason } from "./restart-note.ts";

const SEGMENT_BYTES = 1_024;
const FIRST = "log/0000000000000001.wal";

/** Each block's leader had applied the log so far behind it. */
const UNAPPLIED = 3;

/** Blocks from height 1 on, of these terms. */
function chain(...terms: readonly number[]): readonly Block[] {
  let head = GENESIS_HEAD;
  return terms.map((term, place) => {
    const height = place + 1;
    const state = { height: Math.max(0, height - UNAPPLIED), digest: new Uint8Array(32) };
    const made = blockBehind(head, { height, term, state });
    head = made.head;
    return decodeBlock(sha256, made.bytes);
  });
}

/** So many blocks of a term. */
function times(count: number, term: number): number[] {
  return Array.from({ length: count }, () => term);
}

/** A block without transactions is its header. */
function bytesOf({ headerBytes }: Block): Uint8Array {
  return headerBytes;
}

const BLOCKS = chain(1, 1, 1, 2, 2, 2, 2, 3, 3);

function newDisk(): MemoryDisk {
  return new MemoryDisk((_, run) => queue.push(run));
}

/** Completions of all disks. */
const queue: (() => void)[] = [];

function settle(): void {
  for (let run = queue.shift(); run !== undefined; run = queue.shift()) run();
}

/** A disk with a log of these blocks, one appended after the other. */
function diskOf(blocks: readonly Block[]): MemoryDisk {
  const disk = newDisk();
  const wal = Wal.open(disk, "log", { segmentBytes: SEGMENT_BYTES, cacheBytes: 0, onFatal: () => undefined });
  for (const block of blocks) {
    const { height: index, term, previousHash } = block.header;
    wal.append([{ index, term, previousHash, hash: block.hash, payload: bytesOf(block) }], () => {});
    settle();
  }
  wal.close();
  return disk;
}

/** Two blocks stand in each file. */
function segments(disk: MemoryDisk): string[] {
  return disk.list("log").map((name) => `log/${name}`);
}

class Bench {
  readonly clock = new TestClock();
  readonly sent: { readonly to: NodeId; readonly frame: RepairFrame }[] = [];
  readonly failures: CodedError[] = [];
  readonly toldTerm: NodeId[] = [];
  readonly checkpointsWanted: number[] = [];
  readonly store = new MemoryStore((run) => run());
  readonly disk: MemoryDisk;
  readonly hostLog = recordingLog();
  restarts = 0;
  readonly #actor: MendingActor;
  readonly #pump: () => void;

  constructor(
    disk: MemoryDisk,
    {
      term = 3,
      checkpoint = undefined as LogStart | undefined,
      forgets = false,
      mayForget = true,
      reached = 0,
      peers = [2, 3],
    } = {},
  ) {
    this.disk = disk;
    const { context, self, timers } = contextOf<MendingMessage>(this.clock);
    const log = DamagedLog.open(disk, "log", { segmentBytes: SEGMENT_BYTES, cipher: undefined, reached });
    this.#actor = new MendingActor(context, {
      ...{ log, store: this.store, hostLog: this.hostLog.log, sha256, clusterId: CLUSTER_ID, peers },
      ...{ genesisHash: GENESIS_HEAD.hash, term, checkpoint, mayForget, segmentBytes: SEGMENT_BYTES },
      isQuorum: (holds) => [1, 2, 3].filter(holds).length >= 2,
      random: new Prng(1),
      reason: "it does not open",
      wantCheckpoint: forgets ? (atLeast) => this.checkpointsWanted.push(atLeast) : undefined,
      isWriting: () => undefined,
      sendPeer: (to, payload) => this.sent.push({ to, frame: decodeRepair(payload) }) > 0,
      tellTerm: (leader) => this.toldTerm.push(leader),
      restart: () => {
        this.restarts += 1;
      },
      fail: (error) => this.failures.push(error),
    });
    this.#pump = () => {
      settle();
      for (const message of self.messages.splice(0)) this.#actor.receive(message);
      settle();
      for (const message of self.messages.splice(0)) this.#actor.receive(message);
    };
    this.#pump();
    this.tick = (ms) => {
      this.clock.now += ms;
      for (const message of timers.splice(0)) this.#actor.receive(message);
      this.#pump();
    };
  }

  /** So much time passes. */
  readonly tick: (ms: number) => void;

  hears(from: NodeId, frame: RepairFrame): void {
    this.#actor.receive({ type: "peerFrame", from, payload: encodeRepair(frame) });
    this.#pump();
  }

  /** The questions that were asked since the last look. */
  asked(): { readonly to: NodeId; readonly frame: RepairFrame }[] {
    return this.sent.splice(0);
  }

  /** The one question that is open. */
  question(): { readonly to: NodeId; readonly frame: RepairFrame } {
    const asked = this.asked();
    expect(asked).toHaveLength(1);
    return must(asked[0], "something is asked");
  }

  /** Answers all questions for blocks as a peer would that has this log, until there is none; what was asked of whom. */
  serve(blocks: readonly Block[], atATime = blocks.length): string[] {
    const said: string[] = [];
    for (let asked = this.asked(); asked.length > 0; asked = this.asked()) {
      for (const { to, frame } of asked) {
        if (frame.type !== "want") continue;
        said.push(`${to}: ${frame.to}..${frame.from}`);
        const given = blocks
          .filter(({ header }) => header.height <= frame.to && header.height >= frame.from)
          .toReversed()
          .slice(0, atATime);
        this.hears(to, { type: "blocks", question: frame.question, to: frame.to, blocks: given.map(bytesOf) });
      }
    }
    return said;
  }
}

/** What the log holds when it is opened again. */
function hashesIn(disk: MemoryDisk): string[] {
  const wal = Wal.open(disk, "log", { segmentBytes: SEGMENT_BYTES, cacheBytes: 0, onFatal: () => undefined });
  settle();
  const hashes = Array.from({ length: wal.lastIndex() }, (_, i) => String(wal.hash(i + 1)));
  wal.close();
  return hashes;
}

function hashesOf(blocks: readonly Block[]): string[] {
  return blocks.map(({ hash }) => String(hash));
}

function damagedInside(): MemoryDisk {
  const disk = diskOf(BLOCKS);
  disk.flipBit(FIRST, 32 + 60, 1);
  return disk;
}

/** Where a log begins that goes on from the state at a height. */
function startBehind(blocks: readonly Block[], height: number): LogStart {
  const { header, hash } = must(blocks[height - 1], "the block is there");
  return { index: height, term: header.term, hash };
}

/** Without its last block, of which a mark tells. */
function damagedAtEnd(): MemoryDisk {
  const disk = diskOf(BLOCKS);
  const newest = segments(disk).at(-1) ?? "";
  disk.flipBit(newest, 32 + 60, 1);
  return disk;
}

test.each([
  ["nothing was found that could be mended", diskOf(BLOCKS), true],
  ["something was", damagedInside(), false],
])("when it is done and %s, why it was not opened is noted, or forgotten", (_, disk, noted) => {
  const bench = new Bench(disk);
  bench.serve(BLOCKS);
  expect([bench.restarts, isSameReason(bench.store, "it does not open")]).toEqual([1, noted]);
});

test("where the disk is full what has come waits, and is written when there is room", () => {
  const disk = damagedInside();
  const bench = new Bench(disk);
  disk.failNext("write", "disk_full");
  expect([bench.serve(BLOCKS), bench.restarts, bench.failures]).toEqual([["2: 1..1"], 0, []]);
  bench.tick(1_000);
  bench.tick(1_000);
  expect([bench.restarts, hashesIn(disk)]).toEqual([1, hashesOf(BLOCKS)]);
});

describe("what lies before a sound block", () => {
  test("is asked of one peer, is taken for its hash, and makes the log whole", () => {
    const bench = new Bench(damagedInside());
    expect(bench.serve(BLOCKS)).toEqual(["2: 1..1"]);
    expect([bench.restarts, bench.failures, repairedBlocks(bench.store)]).toEqual([1, [], 1]);
    expect(hashesIn(bench.disk)).toEqual(hashesOf(BLOCKS));
  });

  test("is asked of the next peer where one has another block, has none, is damaged there, or says nothing", () => {
    const others = chain(1, 1, 9);
    const altered = bytesOf(BLOCKS[0] as Block).slice();
    altered[130] = 1;
    for (const blocks of [[], [bytesOf(others[2] as Block)], [altered], [Uint8Array.of(1, 2)], undefined]) {
      const bench = new Bench(damagedInside());
      const { to, frame } = bench.question();
      if (blocks === undefined) bench.tick(1_000);
      else bench.hears(to, { type: "blocks", question: frame.question, to: 1, blocks });
      expect([to, bench.serve(BLOCKS), bench.restarts]).toEqual([2, ["3: 1..1"], 1]);
    }
  });

  test("is not taken from whoever was not asked, nor for an answer to another question", () => {
    const bench = new Bench(damagedInside());
    const { frame } = bench.question();
    const blocks = [bytesOf(BLOCKS[0] as Block)];
    bench.hears(3, { type: "blocks", question: frame.question, to: 1, blocks });
    bench.hears(2, { type: "blocks", question: frame.question + 1, to: 1, blocks });
    expect(bench.restarts).toBe(0);
  });

  test("that nobody has is asked for again, for a while, and then said to be lost", () => {
    const bench = new Bench(damagedInside());
    expect(bench.serve([])).toEqual(["2: 1..1", "3: 1..1"]);
    for (let i = 0; i < 10; i++) {
      expect(bench.failures).toEqual([]);
      bench.tick(1_000);
      if (i < 4) expect(bench.serve([])).toEqual([`${2 + (i % 2)}: 1..1`]); // then they have stopped, too
    }
    expect(bench.failures.map(({ code, facts }) => [code, facts])).toEqual([["blocks_lost", { height: 1 }]]);
  });

  test("that nobody had is taken from whoever has it by then", () => {
    const bench = new Bench(damagedInside());
    bench.serve([]);
    bench.tick(1_000);
    expect([bench.serve(BLOCKS), bench.restarts]).toEqual([["2: 1..1"], 1]);
  });

  test("that nobody has is not lost while one has not answered", () => {
    const bench = new Bench(damagedInside());
    const { to, frame } = bench.question();
    bench.hears(to, { type: "blocks", question: frame.question, to: 1, blocks: [] });
    for (let i = 0; i < 50; i++) bench.tick(1_000);
    expect(bench.failures).toEqual([]);
    bench.asked().splice(0);
    bench.tick(1_000);
    expect([bench.serve(BLOCKS), bench.restarts]).toEqual([["3: 1..1"], 1]);
  });

  test("that nobody has, and that is not known to be committed, is forgotten with all behind it: a leader says how the log went on", () => {
    const replaced = chain(1, 1, 1, 2, 2, 2, 2, 4, 4, 4);
    for (const [answers, seconds] of [
      [[2, 3], 0],
      [[2], 10],
    ] as const) {
      const disk = diskOf(BLOCKS);
      const record = recordBytes(bytesOf(BLOCKS[6] as Block).length);
      const place = SEGMENT_HEADER_BYTES + record + MARK_BYTES + 110; // two blocks stand in each file
      disk.flipBit(must(segments(disk).at(-2), "it has files"), place, 1);
      const bench = new Bench(disk);
      for (const peer of answers) {
        const { to, frame } = bench.question();
        expect([to, frame]).toMatchObject([peer, { type: "want", from: 8, to: 8 }]);
        bench.hears(to, { type: "blocks", question: frame.question, to: 8, blocks: [] });
      }
      for (let i = 0; i < seconds; i++) bench.tick(1_000);
      const asked = must(
        bench.asked().find(({ frame }) => frame.type === "wantEnd"),
        "a leader is asked",
      );
      const end = { term: 4, index: 10, hash: (replaced[9] as Block).hash };
      bench.hears(2, { type: "end", question: asked.frame.question, ...end });
      bench.serve(replaced);
      expect([bench.restarts, bench.failures, hashesIn(bench.disk)]).toEqual([1, [], hashesOf(replaced)]);
    }
  });

  test("that nobody has any more is given up where a checkpoint of this chain is behind it", () => {
    for (const height of [1, 8, 9]) {
      const bench = new Bench(damagedInside(), { checkpoint: startBehind(BLOCKS, height) });
      bench.serve([]);
      expect([bench.restarts, bench.failures]).toEqual([1, []]);
      const wal = Wal.open(bench.disk, "log", { segmentBytes: SEGMENT_BYTES, cacheBytes: 0, onFatal: () => undefined });
      expect([wal.firstIndex(), wal.lastIndex()]).toEqual([height + 1, 9]);
    }
    const other = new Bench(damagedInside(), { checkpoint: startBehind(chain(1, 5, 5, 5), 3) });
    other.serve([]);
    expect(other.restarts).toBe(0);
  });

  test("that nobody has any more makes the node want a peer's checkpoint where logs forget", () => {
    const bench = new Bench(damagedInside(), { forgets: true });
    bench.serve([]);
    bench.tick(50);
    expect([new Set(bench.checkpointsWanted), bench.restarts, bench.failures]).toEqual([new Set([1]), 0, []]);
  });
});

test("where logs forget, a checkpoint is wanted also while one peer is down, and the log begins behind it", () => {
  const bench = new Bench(damagedInside(), { forgets: true });
  bench.tick(9_000);
  expect(bench.checkpointsWanted).toEqual([]);
  bench.tick(1_000);
  expect(bench.checkpointsWanted).toEqual([1]);
  const given = new Bench(damagedInside(), { forgets: true, checkpoint: startBehind(BLOCKS, 8) });
  given.tick(10_000);
  expect([given.restarts, given.checkpointsWanted]).toEqual([1, []]);
});

describe("the end of the log", () => {
  test("is asked of all, and taken from the leader of a term that is not before this node's own", () => {
    const bench = new Bench(damagedAtEnd());
    const asked = bench.asked();
    expect(asked.map(({ to, frame }) => [to, frame.type])).toEqual([
      [2, "wantEnd"],
      [3, "wantEnd"],
    ]);
    const question = must(asked[0], "asked").frame.question;
    const hash = (BLOCKS[8] as Block).hash;
    bench.hears(2, { type: "noEnd", question, mending: false });
    bench.hears(3, { type: "end", question, term: 2, index: 9, hash });
    bench.hears(3, { type: "end", question: question - 1, term: 3, index: 9, hash });
    expect([bench.asked(), bench.toldTerm]).toEqual([[], [3]]);
    bench.hears(3, { type: "end", question, term: 3, index: 9, hash });
    bench.serve(BLOCKS);
    expect([bench.restarts, hashesIn(bench.disk)]).toEqual([1, hashesOf(BLOCKS)]);
  });

  test("goes on as far as the leader's does, or is cut where that ends before it", () => {
    const longer = chain(1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 4, 4);
    const other = chain(1, 1, 1, 2, 2, 2, 2, 4, 4, 4);
    const lost = DamagedLog.open(damagedAtEnd(), "log", { segmentBytes: SEGMENT_BYTES, cipher: undefined, reached: 0 });
    const from = lost.holes[0]?.from ?? 0;
    for (const [blocks, expected] of [
      [longer, longer],
      [other, other],
      [BLOCKS.slice(0, from - 1), BLOCKS.slice(0, from - 1)],
      [BLOCKS.slice(0, 6), BLOCKS.slice(0, from - 1)],
    ] as const) {
      const bench = new Bench(damagedAtEnd());
      const question = must(bench.asked()[0], "asked").frame.question;
      bench.hears(2, { type: "end", question, term: 4, index: blocks.length, hash: (blocks.at(-1) as Block).hash });
      bench.serve(blocks);
      expect([bench.restarts, bench.failures]).toEqual([1, []]);
      expect(hashesIn(bench.disk)).toEqual(hashesOf(expected));
    }
  });

  test("is asked for again when there is no leader, or when nobody has what one has said", () => {
    const bench = new Bench(damagedAtEnd());
    bench.asked();
    bench.tick(500);
    const question = must(bench.asked()[0], "asked").frame.question;
    bench.hears(2, { type: "end", question, term: 4, index: 10, hash: new Uint8Array(32) });
    expect(bench.serve(BLOCKS)).toHaveLength(2);
    bench.tick(500);
    const again = must(bench.asked()[0], "asked").frame;
    expect(again.type).toBe("wantEnd");
    bench.hears(3, { type: "end", question: again.question, term: 5, index: 9, hash: (BLOCKS[8] as Block).hash });
    bench.serve(BLOCKS);
    expect([bench.restarts, hashesIn(bench.disk)]).toEqual([1, hashesOf(BLOCKS)]);
  });

  test("of which peers have given up a part comes behind a checkpoint", () => {
    const longer = chain(1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 4, 4);
    const given = longer.slice(10);
    // The last block that peers do not have is the checkpoint's; or the checkpoint is as new as the leader's log.
    for (const [height, first] of [
      [10, 11],
      [12, 13],
    ] as const) {
      const bench = new Bench(damagedAtEnd(), { checkpoint: startBehind(longer, height) });
      const question = must(bench.asked()[0], "asked").frame.question;
      bench.hears(2, { type: "end", question, term: 4, index: 12, hash: (longer[11] as Block).hash });
      bench.serve(height === 10 ? given : []);
      expect([bench.restarts, bench.failures]).toEqual([1, []]);
      const wal = Wal.open(bench.disk, "log", { segmentBytes: SEGMENT_BYTES, cacheBytes: 0, onFatal: () => undefined });
      expect([wal.firstIndex(), wal.lastIndex()]).toEqual([first, 12]);
    }
  });

  test("is lost where all have lost theirs", () => {
    const bench = new Bench(damagedAtEnd());
    const question = must(bench.asked()[0], "asked").frame.question;
    bench.hears(2, { type: "noEnd", question, mending: true });
    expect(bench.failures).toEqual([]);
    bench.hears(3, { type: "noEnd", question, mending: true });
    expect(bench.failures.map(({ code }) => code)).toEqual(["blocks_lost"]);
  });

  test("is asked for where the checkpoint is ahead of the log, whose newest file is missing", () => {
    const disk = diskOf(BLOCKS);
    disk.remove(segments(disk).at(-1) ?? "");
    const bench = new Bench(disk, { reached: 9 });
    const question = must(bench.asked()[0], "asked").frame.question;
    bench.hears(2, { type: "end", question, term: 3, index: 9, hash: (BLOCKS[8] as Block).hash });
    bench.serve(BLOCKS);
    expect([bench.restarts, hashesIn(bench.disk)]).toEqual([1, hashesOf(BLOCKS)]);
  });
});

test("a log that is gone with all that stood beside it comes back from a leader, and is missed until then", () => {
  const disk = newDisk();
  const bench = new Bench(disk, { reached: 1 });
  const question = must(bench.asked()[0], "asked").frame.question;
  bench.hears(2, { type: "end", question, term: 2, index: 7, hash: (BLOCKS[6] as Block).hash });
  expect([bench.asked(), bench.toldTerm]).toEqual([[], [2]]);
  bench.hears(2, { type: "end", question, term: 3, index: 9, hash: (BLOCKS[8] as Block).hash });
  expect(() => hashesIn(disk)).toThrow("the end of the log is missing");
  bench.serve(BLOCKS);
  expect([bench.restarts, hashesIn(disk)]).toEqual([1, hashesOf(BLOCKS)]);
});

describe("an end that cannot be", () => {
  const LAST = BLOCKS[8] as Block;
  const OTHERS = chain(1, 1, 1, 2, 2, 2, 9, ...times(40, 9));

  /** What a peer says that gives these blocks, which are not taken; then another says how it is. */
  function lies(bench: Bench, blocks: readonly Block[], atATime?: number): void {
    const { header, hash } = must(blocks.at(-1), "there is an end");
    const question = must(bench.asked()[0], "asked").frame.question;
    bench.hears(2, { type: "end", question, term: 9, index: header.height, hash });
    const answers = bench.sent.filter(({ frame }) => frame.type === "want");
    if (answers.length > 0) bench.serve(blocks, atATime);
    expect([bench.restarts, bench.failures]).toEqual([0, []]);
    bench.tick(500);
    const again = must(
      bench.asked().findLast(({ frame }) => frame.type === "wantEnd"),
      "asked again",
    ).frame.question;
    bench.hears(2, { type: "end", question: again, term: 9, index: header.height, hash });
    bench.hears(3, { type: "end", question: again, term: 3, index: 9, hash: LAST.hash });
    bench.serve(BLOCKS);
    expect([bench.restarts, bench.failures, hashesIn(bench.disk)]).toEqual([1, [], hashesOf(BLOCKS)]);
  }

  test.each<[string, readonly Block[], number]>([
    ["before the checkpoint", BLOCKS.slice(0, 4), 9],
    ["with another block at the checkpoint's height", OTHERS.slice(0, 9), 9],
    ["that leads past the checkpoint", OTHERS.slice(0, 12), 8],
    ["that leads past a checkpoint in what was lost", OTHERS.slice(0, 12), 9],
  ])("%s is refused, and another is asked for", (_, blocks, height) => {
    const bench = new Bench(damagedAtEnd(), { checkpoint: startBehind(BLOCKS, height), mayForget: false });
    lies(bench, blocks);
    expect(bench.hostLog.warnings.filter(({ event }) => event === "mend.end_refused")).toHaveLength(1);
  });

  test("is refused when much of it was written already, and nothing of that stays", () => {
    const bench = new Bench(damagedAtEnd(), { checkpoint: startBehind(BLOCKS, 8), mayForget: false });
    lies(bench, OTHERS, 3);
    expect(segments(bench.disk)).toHaveLength(5);
  });

  test("and follows nothing that is there is refused before it takes the place of much that is", () => {
    const blocks = chain(...times(60, 9));
    const disk = diskOf(blocks);
    disk.remove(must(segments(disk).at(-1), "a file"));
    const bench = new Bench(disk, { term: 9 });
    const others = chain(...times(60, 10));
    const question = must(bench.asked()[0], "asked").frame.question;
    bench.hears(2, { type: "end", question, term: 10, index: 60, hash: (others[59] as Block).hash });
    bench.serve(others, 2);
    expect([bench.restarts, bench.failures]).toEqual([0, []]);
    expect(bench.hostLog.warnings.filter(({ event }) => event === "mend.end_refused")).toHaveLength(1);
  });

  test("that leads past what the log begins behind is refused, and stops no node", () => {
    const disk = newDisk();
    const wal = Wal.open(disk, "log", { segmentBytes: SEGMENT_BYTES, cacheBytes: 0, onFatal: () => undefined });
    wal.reset(startBehind(BLOCKS, 5), () => undefined);
    settle();
    for (const block of BLOCKS.slice(5)) {
      const { height: index, term, previousHash } = block.header;
      wal.append([{ index, term, previousHash, hash: block.hash, payload: bytesOf(block) }], () => undefined);
      settle();
    }
    wal.close();
    disk.remove("log/0000000000000008.wal");
    const bench = new Bench(disk);
    const others = chain(9, 9, 9, 9, 9, 9, 9, 9, 9, 9);
    const question = must(bench.asked()[0], "asked").frame.question;
    bench.hears(2, { type: "end", question, term: 9, index: 10, hash: (others[9] as Block).hash });
    bench.serve(others, 1);
    expect([bench.restarts, bench.failures]).toEqual([0, []]);
    expect(bench.hostLog.warnings.filter(({ event }) => event === "mend.end_refused")).toHaveLength(1);
  });

  test("because nobody has such a block stops no node, however long it is said", () => {
    const bench = new Bench(damagedAtEnd());
    for (let i = 0; i < 40; i++) {
      const question = bench.asked().findLast(({ frame }) => frame.type === "wantEnd")?.frame.question ?? 0;
      bench.hears(2, { type: "end", question, term: 9, index: 10_000, hash: new Uint8Array(32) });
      bench.serve(BLOCKS);
      bench.tick(500);
    }
    expect([bench.restarts, bench.failures]).toEqual([0, []]);
  });
});

test("a node that starts again with a peer's checkpoint still misses what a leader said that its log goes up to", () => {
  const longer = chain(1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 4, 4);
  const disk = damagedAtEnd();
  disk.remove(must(segments(disk).at(-1), "a file"));
  disk.remove("log.reached");
  const bench = new Bench(disk, { reached: 9, forgets: true, checkpoint: startBehind(BLOCKS, 8) });
  const question = must(bench.asked()[0], "asked").frame.question;
  const end = { type: "end", term: 4, index: 12, hash: (longer[11] as Block).hash } as const;
  bench.hears(2, { ...end, question });
  bench.serve(longer.slice(11)); // what is before that is given up everywhere
  expect([bench.restarts, bench.checkpointsWanted[0]]).toEqual([0, 11]);
  // The checkpoint at 11 is installed: not all that this node had acknowledged.
  expect(() => hashesIn(disk)).toThrow("the end of the log is missing");
  const again = new Bench(disk, { checkpoint: startBehind(longer, 11) });
  again.hears(2, { ...end, question: must(again.asked()[0], "asked").frame.question });
  again.serve(longer.slice(11));
  const wal = Wal.open(disk, "log", { segmentBytes: SEGMENT_BYTES, cacheBytes: 0, onFatal: () => undefined });
  expect([again.restarts, wal.firstIndex(), wal.lastIndex()]).toEqual([1, 12, 12]);
});

test("that no leader can be among those that are left is said", () => {
  const bench = new Bench(damagedAtEnd());
  const said = (): boolean => bench.hostLog.warnings.some(({ event }) => event === "mend.no_leader_possible");
  bench.tick(10_000);
  expect(said()).toBe(false);
  const question = must(bench.asked().at(-1), "asked").frame.question;
  bench.hears(2, { type: "noEnd", question, mending: true });
  bench.hears(3, { type: "noEnd", question, mending: false });
  bench.tick(10_000);
  expect([said(), bench.failures]).toEqual([true, []]);
});

test("what is sound is given to others meanwhile, and what is lost is not", () => {
  const bench = new Bench(damagedInside());
  bench.asked();
  bench.hears(3, { type: "want", question: 7, to: 3, from: 1 });
  bench.hears(3, { type: "want", question: 8, to: 1, from: 1 });
  bench.hears(3, { type: "wantEnd", question: 9 });
  expect(bench.asked().map(({ frame }) => frame)).toEqual([
    { type: "blocks", question: 7, to: 3, blocks: [bytesOf(BLOCKS[2] as Block), bytesOf(BLOCKS[1] as Block)] },
    { type: "blocks", question: 8, to: 1, blocks: [] },
    { type: "noEnd", question: 9, mending: false },
  ]);
});

test("a frame that is none is refused, and changes nothing", () => {
  const bench = new Bench(damagedInside());
  for (const frame of [new Uint8Array(0), Uint8Array.of(0xc0), Uint8Array.of(0x92, 0xa1, 0x41, 1)]) {
    expect(() => decodeRepair(frame)).toThrow();
  }
  expect(bench.serve(BLOCKS)).toEqual(["2: 1..1"]);
});

/** Blocks 3 to 18 of nineteen are lost; the last says that its leader had applied 16. */
const LONG = chain(...times(2, 1), ...times(17, 2));

function diskWithBigHole(): MemoryDisk {
  const disk = diskOf(LONG);
  for (const path of segments(disk).slice(1, -1)) disk.remove(path);
  return disk;
}

/** As long as the log of a leader goes on otherwise behind 17, which was committed. */
const NEXT_LEADERS = chain(...times(2, 1), ...times(15, 2), ...times(4, 3));

/** Has so many half seconds pass, in which peers answer what they are asked. */
function passing(
  bench: Bench,
  halfSeconds: number,
  answer: (to: NodeId, frame: RepairFrame, at: number) => void,
): void {
  for (let at = 0; at < halfSeconds; at++) {
    for (let asked = bench.asked(); asked.length > 0; asked = bench.asked()) {
      for (const { to, frame } of asked) answer(to, frame, at);
    }
    bench.tick(500);
  }
}

function gives(bench: Bench, to: NodeId, frame: Extract<RepairFrame, { type: "want" }>, has: readonly Block[]): void {
  const wanted = has.filter(({ header: { height } }) => height <= frame.to && height >= frame.from).toReversed();
  const blocks = wanted[0]?.header.height === frame.to ? wanted.map(bytesOf) : [];
  bench.hears(to, { type: "blocks", question: frame.question, to: frame.to, blocks });
}

describe("a hole that reaches beyond what is known to be committed", () => {
  const end = { term: 3, index: 21, hash: (NEXT_LEADERS[20] as Block).hash };

  test("is filled with what a leader has, however far before that it begins", () => {
    const bench = new Bench(diskWithBigHole(), { term: 3 });
    passing(bench, 60, (to, frame) => {
      if (frame.type === "want") gives(bench, to, frame, NEXT_LEADERS);
      else if (frame.type === "wantEnd" && to === 2) bench.hears(2, { type: "end", question: frame.question, ...end });
    });
    expect([bench.restarts, bench.failures, hashesIn(bench.disk)]).toEqual([1, [], hashesOf(NEXT_LEADERS)]);
  });

  test("is not given up for an end before that, which no leader can say", () => {
    const bench = new Bench(diskWithBigHole(), { term: 3 });
    let refused = 0;
    passing(bench, 8, (to, frame) => {
      if (frame.type === "want") gives(bench, to, frame, []);
      if (frame.type !== "wantEnd") return;
      refused += 1;
      bench.hears(to, { type: "end", question: frame.question, term: 3, index: 5, hash: new Uint8Array(32) });
    });
    expect([refused > 0, bench.restarts, bench.failures]).toEqual([true, 0, []]);
    bench.asked();
    passing(bench, 30, (to, frame) => {
      if (frame.type === "want") gives(bench, to, frame, LONG);
    });
    expect([bench.restarts, hashesIn(bench.disk)]).toEqual([1, hashesOf(LONG)]);
  });

  test("of which nobody has what was committed is lost, and that is said", () => {
    const bench = new Bench(diskWithBigHole(), { term: 3 });
    const has = NEXT_LEADERS.slice(16);
    passing(bench, 60, (to, frame) => {
      if (bench.failures.length > 0) return;
      if (frame.type === "want") gives(bench, to, frame, to === 2 ? has : []);
      else if (frame.type === "wantEnd" && to === 2) bench.hears(2, { type: "end", question: frame.question, ...end });
    });
    expect(bench.failures.map(({ code }) => code)).toEqual(["blocks_lost"]);
  });
});

describe("while no leader says how the log went on", () => {
  /** Has lost 8, has 9; neither is known to be committed. */
  const damaged = (): MemoryDisk => {
    const disk = diskOf(BLOCKS);
    const record = recordBytes(bytesOf(BLOCKS[6] as Block).length);
    disk.flipBit(must(segments(disk).at(-2), "it has files"), SEGMENT_HEADER_BYTES + record + MARK_BYTES + 110, 1);
    return disk;
  };
  const LATE = 24;

  test("a peer that comes late and has the block gives it", () => {
    const bench = new Bench(damaged());
    passing(bench, 40, (to, frame, at) => {
      if (to === 3 || at < LATE) return; // down
      if (frame.type === "want") gives(bench, to, frame, BLOCKS);
      else if (frame.type === "wantEnd") bench.hears(to, { type: "noEnd", question: frame.question, mending: false });
    });
    expect([bench.restarts, hashesIn(bench.disk)]).toEqual([1, hashesOf(BLOCKS)]);
  });

  test("two that have lost one block each, not the same, help each other", () => {
    const bench = new Bench(damaged());
    let given: number | undefined;
    passing(bench, 40, (to, frame, at) => {
      if (to === 2 && at < LATE) return; // down
      if (frame.type === "wantEnd") bench.hears(to, { type: "noEnd", question: frame.question, mending: to === 2 });
      if (frame.type === "blocks") given = frame.blocks.length;
      if (frame.type !== "want") return;
      // Node 2 has lost 9, and wants it in its turn before it gives 8.
      if (to === 2) bench.hears(2, { type: "want", question: 77, to: 9, from: 9 });
      gives(bench, to, frame, BLOCKS.slice(0, to === 2 ? 8 : 7));
    });
    expect([given, bench.restarts, hashesIn(bench.disk)]).toEqual([1, 1, hashesOf(BLOCKS)]);
  });
});
