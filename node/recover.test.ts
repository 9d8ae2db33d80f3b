import { describe, expect, test } from "vitest";
import type { Raft } from "../consensus/raft/raft.ts";
import { KeyRing, virtualCrypto } from "../sim/virtual-crypto.ts";
import { MemoryDisk } from "../storage/memory-disk.ts";
import { MemoryStore } from "../storage/state/memory-store.ts";
import { Wal } from "../storage/wal/wal.ts";
import type { Host } from "./base/ports/host.ts";
import type { StoreChange } from "./base/ports/store.ts";
import { Prng } from "./base/prng.ts";
import { type NodeOptions, PRODUCTION_PARTS } from "./compose.ts";
import { isLogNoted } from "./log-note.ts";
import { type Damaged, type Recovered, recover, type Stateless } from "./recover.ts";
import { BLOCKS, stateAfter } from "./replica/catch-up.test-support.ts";
import { headOf } from "./replica/chain.ts";
import { loadCheckpointMeta, metaChange, takeCheckpoint } from "./replica/checkpoint.ts";
import { saveHardState } from "./replica/hard-state-store.ts";
import { blockBehind, GENESIS, recordingLog, sha256, TestClock } from "./replica/replica.test-support.ts";
import { decodeBlock } from "./wire/block.ts";
import { encodeConfiguration } from "./wire/block-configuration.ts";
import { THREE_VOTERS } from "./wire/configuration.test-support.ts";
import { pack } from "./wire/msgpack.ts";

const KEYS = new KeyRing();
const KEY = KEYS.create("node 1");
const SEGMENT_BYTES = 1_048_576;

function unused(): never {
  throw new Error("recovery does not touch it");
}

const CHECKPOINTS = new Map<number, readonly StoreChange[]>();

function checkpointAt(height: number): readonly StoreChange[] {
  const changes = CHECKPOINTS.get(height) ?? takeCheckpoint(stateAfter(height));
  CHECKPOINTS.set(height, changes);
  return changes;
}

/** What a node's disk and store hold, and what recovery has done to them. */
class Data {
  readonly disk: MemoryDisk;
  readonly store: MemoryStore;
  readonly failures: Error[] = [];
  readonly #queue: (() => void)[] = [];

  constructor() {
    this.disk = new MemoryDisk((_, run) => this.#queue.push(run));
    this.store = new MemoryStore((run) => this.#queue.push(run));
  }

  /** Lets so many operations complete. */
  run(count = Number.POSITIVE_INFINITY): void {
    for (let i = 0; i < count; i++) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      next();
    }
  }

  crash(seed: number): void {
    const random = new Prng(seed);
    this.disk.crash(random);
    this.store.crash(random);
    this.run();
  }

  /** A log of these blocks, each appended by itself. */
  log(blocks: readonly Uint8Array[]): this {
    const wal = Wal.open(this.disk, "log", { segmentBytes: SEGMENT_BYTES, cacheBytes: 0, onFatal: unused });
    for (const payload of blocks) {
      const { header, hash } = decodeBlock(sha256, payload);
      const { height: index, term, previousHash } = header;
      wal.append([{ index, term, previousHash, hash, payload }], () => undefined);
      this.run();
    }
    wal.close();
    return this;
  }

  /** All of the log is gone, and what stands beside it. */
  loseLog(): void {
    for (const name of this.disk.list("log")) this.disk.remove(`log/${name}`);
    this.disk.remove("log.reached");
  }

  /** The node has started before. */
  claimed(): this {
    this.recover();
    this.run();
    return this;
  }

  /** A checkpoint of this height, the node's own or a peer's, and what a node has voted. */
  checkpoint(height: number, isForeign = false): this {
    this.claimed();
    this.store.write(checkpointAt(height), () => undefined);
    this.run();
    const meta = loadCheckpointMeta(this.store);
    if (meta !== undefined && isForeign) this.store.write([metaChange({ ...meta, isForeign })], () => undefined);
    saveHardState(this.store, { term: 7, vote: 2 }, () => undefined);
    this.run();
    return this;
  }

  /** A node starts for the first time, votes, and takes a block; so many operations complete. Whether it has acknowledged the block. */
  firstLife(operations: number): () => boolean {
    let isAcknowledged = false;
    const recovered = this.recover();
    const [payload = new Uint8Array(0)] = BLOCKS;
    const { header, hash } = decodeBlock(sha256, payload);
    const { height: index, term, previousHash } = header;
    saveHardState(this.store, { term: 7, vote: 2 }, () => {
      if (!("raft" in recovered)) return;
      recovered.log.append([{ index, term, previousHash, hash, payload }], () => {
        isAcknowledged = true;
      });
    });
    this.run(operations);
    return () => isAcknowledged;
  }

  recover(releaseMax?: number): Recovered | Damaged | Stateless {
    const host: Host = {
      ...{ clock: new TestClock(), random: new Prng(1), disk: this.disk, store: this.store, log: recordingLog().log },
      crypto: virtualCrypto(KEYS, KEY, (run) => run()),
      network: { start: unused, setPeers: unused, sendPeer: unused, sendClient: unused, closeClient: unused },
      outside: { request: unused },
    };
    const options: NodeOptions = {
      ...{
        releaseMax,
        id: 1,
        genesis: GENESIS,
        peers: [],
        checkpointBlocks: 4,
        segmentBytes: SEGMENT_BYTES,
        cacheBytes: 0,
      },
      timing: { tickMs: 20, electionTimeoutTicks: 15, heartbeatTicks: 3 },
      onFatal: unused,
      onRestart: unused,
    };
    return recover(host, options, PRODUCTION_PARTS, (error) => this.failures.push(error));
  }

  /** The log's bounds, the state's height, term and vote, and whether the checkpoint still counts as a peer's. */
  facts(): unknown {
    const recovered = this.recover();
    this.run();
    if ("damage" in recovered) return [recovered.damage.code, recovered.reached];
    if ("unusable" in recovered) return [recovered.unusable.code, recovered.log.firstIndex()];
    const { log, state, raft } = recovered;
    const { isForeign } = loadCheckpointMeta(this.store) ?? {};
    return [log.firstIndex(), log.lastIndex(), state.height, raft.term, raft.vote, isForeign];
  }
}

/** Another log: the same first block, then others. */
const FORK = ((): readonly Uint8Array[] => {
  const [first = new Uint8Array(0)] = BLOCKS;
  const { hash, header } = decodeBlock(sha256, first);
  let head = { hash, timestamp: header.timestamp, release: header.release };
  return [
    first,
    ...[2, 3, 4, 5].map((height) => {
      const { bytes, head: next } = blockBehind(head, { height, term: 3 });
      head = next;
      return bytes;
    }),
  ];
})();

describe("a node starts", () => {
  test.each<[string, Data, unknown]>([
    ["new", new Data(), [1, 0, 0, 0, 0, undefined]],
    ["with its checkpoint, which its log holds", new Data().log([]).checkpoint(3).log(BLOCKS), [1, 6, 3, 7, 2, false]],
    [
      "with a peer's checkpoint ahead of its log, which goes on behind it then",
      new Data().checkpoint(5, true).log(BLOCKS.slice(0, 2)),
      [6, 5, 5, 7, 2, false],
    ],
    [
      "with a peer's checkpoint that its log holds, which stays",
      new Data().checkpoint(3, true).log(BLOCKS),
      [1, 6, 3, 7, 2, false],
    ],
    [
      "with a peer's checkpoint where its log has another block, which goes",
      new Data().checkpoint(4, true).log(FORK),
      [5, 4, 4, 7, 2, false],
    ],
    ["with a peer's checkpoint and no log", new Data().checkpoint(5, true), [6, 5, 5, 7, 2, false]],
  ])("%s", (_, data, facts) => {
    expect(data.facts()).toEqual(facts);
    // The same again, and nothing is done twice.
    expect(data.facts()).toEqual(facts);
    expect(data.failures).toEqual([]);
  });

  test("on a log that lacks what its own checkpoint has: it is damaged, and reached as far at least", () => {
    expect(new Data().checkpoint(5).log(BLOCKS.slice(0, 3)).facts()).toEqual(["checkpoint_damaged", 5]);
  });

  test("on a log that is damaged where it was acknowledged: that is said, and the log is not touched", () => {
    const data = new Data().claimed().log(BLOCKS);
    data.disk.flipBit("log/0000000000000001.wal", 100, 1);
    expect(data.facts()).toEqual(["wal_damaged", 0]);
    expect(data.facts()).toEqual(["wal_damaged", 0]);
  });

  test("on a log whose files are gone: a peer's checkpoint does not stand for what was in them", () => {
    const data = new Data().checkpoint(4, true).log(BLOCKS);
    data.disk.remove("log/0000000000000001.wal");
    expect(data.facts()).toEqual(["wal_missing_segment", 0]);
  });

  test("on no log, where it has had one: what is gone with all that stood beside it is missed, too", () => {
    const data = new Data().claimed().log(BLOCKS);
    data.loseLog();
    expect(data.facts()).toEqual(["wal_missing_segment", 1]);
    // Starting it again does not make it better.
    expect(data.facts()).toEqual(["wal_missing_segment", 1]);
    const foreign = new Data().checkpoint(4, true).log(BLOCKS);
    foreign.loseLog();
    expect(foreign.facts()).toEqual(["wal_missing_segment", 1]);
  });

  test("on no log, where it was stopped before its first block, whatever term it has been in", () => {
    const data = new Data().claimed();
    saveHardState(data.store, { term: 7, vote: 2 }, () => undefined);
    data.run();
    expect(data.facts()).toEqual([1, 0, 0, 7, 2, undefined]);
  });

  test("on data of a program that noted no log: from then on its log is missed", () => {
    const older = (): Data => {
      const data = new Data().claimed();
      data.store.write([{ key: "node/log" }], () => undefined);
      data.run();
      data.disk.remove("log.reached");
      return data;
    };
    expect(older().facts()).toEqual([1, 0, 0, 0, 0, undefined]);
    const data = older().log(BLOCKS);
    expect(data.facts()).toEqual([1, 6, 0, 1, 0, undefined]);
    data.loseLog();
    expect(data.facts()).toEqual(["wal_missing_segment", 1]);
  });

  test("new on a disk that is full, and notes that it has a log when there is room", () => {
    const data = new Data();
    data.disk.failNext("sync", "disk_full");
    expect(data.facts()).toEqual([1, 0, 0, 0, 0, undefined]);
    expect([data.failures, isLogNoted(data.store)]).toEqual([[], false]);
    expect([data.facts(), isLogNoted(data.store)]).toEqual([[1, 0, 0, 0, 0, undefined], true]);
  });

  test("not on a log that has another block where its own checkpoint stands", () => {
    expect(() => new Data().checkpoint(4).log(FORK).facts()).toThrow(
      expect.objectContaining({ code: "checkpoint_damaged", message: expect.stringContaining("another block") }),
    );
  });

  test("not on a log whose store is gone: what it has voted is lost", () => {
    const lost = new Data().log(BLOCKS);
    const damagedToo = new Data().log(BLOCKS);
    damagedToo.disk.remove("log/0000000000000001.wal");
    for (const data of [lost, damagedToo]) {
      // Starting it again does not make it better.
      for (let start = 0; start < 2; start++) {
        expect(() => data.facts()).toThrow(expect.objectContaining({ code: "store_damaged" }));
        data.run();
      }
    }
  });
});

describe("a release above what the node reads", () => {
  const second = ((): readonly Uint8Array[] => {
    const [first = new Uint8Array(0)] = BLOCKS;
    return [first, blockBehind(headOf(sha256, first), { height: 2, term: 3, release: 2 }).bytes];
  })();
  const refusal = expect.objectContaining({ code: "release_too_new", facts: { release: 2, releaseMax: 1 } });

  test("in the log keeps the node from starting, and its log is closed", () => {
    const data = new Data().claimed().log(second);
    expect(() => data.recover(1)).toThrow(refusal);
    expect(data.facts()).toEqual([1, 2, 0, 3, 0, undefined]);
  });

  test("in the checkpoint does, too: it is not taken for damage", () => {
    const data = new Data().checkpoint(1);
    const members = new Uint8Array(40);
    encodeConfiguration(members, THREE_VOTERS);
    const page = pack([1, 1n, new Uint8Array(32), new Uint8Array(32), 1, members, 0, 2]);
    data.store.write([{ key: "checkpoint/1/stand/0", value: page }], () => undefined);
    data.run();
    expect(() => data.recover(1)).toThrow(refusal);
  });
});

describe("a checkpoint with a damaged page", () => {
  const damagedAt = (height: number): Data => {
    const data = new Data().checkpoint(height);
    const snapshot = data.store.snapshot();
    const [key = ""] = snapshot.keys("checkpoint/1/");
    data.store.write([{ key, value: Uint8Array.of(0xc1) }], () => undefined);
    data.run();
    return data;
  };

  test("is none that the state comes from, though it is in the store until it is dropped", () => {
    const checkpointOf = (data: Data): unknown => {
      const recovered = data.log(BLOCKS).recover();
      return "raft" in recovered ? [recovered.checkpoint?.height, loadCheckpointMeta(data.store)?.height] : recovered;
    };
    expect(checkpointOf(new Data().checkpoint(3))).toEqual([3, 3]);
    expect(checkpointOf(damagedAt(3))).toEqual([undefined, 3]);
  });

  test("is dropped where the log has everything: it is executed again", () => {
    const data = damagedAt(3).log(BLOCKS);
    expect(data.facts()).toEqual([1, 6, 0, 7, 2, undefined]);
    const snapshot = data.store.snapshot();
    expect(snapshot.keys("checkpoint/")).toEqual([]);
    expect(data.facts()).toEqual([1, 6, 0, 7, 2, undefined]);
  });

  test("is not dropped where the log has not: the node has no state, and keeps its log", () => {
    const data = damagedAt(5);
    const { hash } = decodeBlock(sha256, BLOCKS[3] as Uint8Array);
    const wal = Wal.open(data.disk, "log", { segmentBytes: SEGMENT_BYTES, cacheBytes: 0, onFatal: unused });
    wal.reset({ index: 4, term: 1, hash }, () => undefined);
    data.run();
    wal.close();
    data.log(BLOCKS.slice(4));
    expect(data.facts()).toEqual(["checkpoint_damaged", 5]);
    expect(data.facts()).toEqual(["checkpoint_damaged", 5]);
  });

  test("tells still how far the log has reached", () => {
    expect(damagedAt(5).log(BLOCKS.slice(0, 3)).facts()).toEqual(["checkpoint_damaged", 5]);
  });
});

test("the power may fail at any moment while a log is replaced: the next start finishes it, and term and vote stay", () => {
  const logs = [BLOCKS.slice(0, 2), FORK, []];
  for (const [nth, blocks] of logs.entries()) {
    for (let operations = 0; operations < 12; operations++) {
      for (let seed = 0; seed < 3; seed++) {
        const data = new Data().checkpoint(5, true).log(blocks);
        data.recover();
        data.run(operations);
        data.crash(nth * 1_000 + operations * 10 + seed);
        expect(data.facts()).toEqual([6, 5, 5, 7, 2, false]);
        // It goes on behind the checkpoint.
        data.log(BLOCKS.slice(5));
        expect(data.facts()).toEqual([6, 6, 5, 7, 2, false]);
      }
    }
  }
});

test("the power may fail at any moment of a node's first life: it starts again, and misses its log if anything was acknowledged", () => {
  let acknowledgedIn = 0;
  for (let operations = 0; operations < 30; operations++) {
    for (let seed = 0; seed < 3; seed++) {
      const data = new Data();
      const acknowledged = data.firstLife(operations);
      data.crash(operations * 10 + seed);
      expect(data.facts()).toEqual([1, expect.any(Number), 0, expect.any(Number), expect.any(Number), undefined]);
      const lost = new Data();
      lost.firstLife(operations);
      lost.crash(operations * 10 + seed);
      lost.loseLog();
      const [code] = lost.facts() as unknown[];
      if (acknowledged()) {
        acknowledgedIn += 1;
        expect(code).toBe("wal_missing_segment");
      }
    }
  }
  expect(acknowledgedIn).toBeGreaterThan(0);
});

test("a peer's checkpoint that ends in a later term than this node knows raises its term, in which it has voted for nobody", () => {
  const data = new Data().checkpoint(5, true);
  saveHardState(data.store, { term: 0, vote: 0 }, () => undefined);
  data.run();
  const recovered = data.recover();
  expect("raft" in recovered && [recovered.raft.term, recovered.raft.vote]).toEqual([1, 0]);
});

describe("bug zoo", () => {
  /** The first block, and behind it others of a leader that nobody followed, the last of which make a learner of a fourth node. */
  const withLearner = ((): readonly Uint8Array[] => {
    const configuration = { ...THREE_VOTERS, learners: [4] };
    const second = blockBehind(headOf(sha256, FORK[1] as Uint8Array), { height: 3, term: 3, configuration });
    const third = blockBehind(second.head, { height: 4, term: 3, configuration });
    return [...FORK.slice(0, 2), second.bytes, third.bytes];
  })();
  const raftOf = (data: Data): Raft => {
    const recovered = data.recover();
    data.run();
    if ("raft" in recovered) return recovered.raft;
    throw new Error("the log is damaged, or the checkpoint");
  };

  // Entries behind a checkpoint that contradicted it stayed, and were in the way of what followed.
  test("hashicorp/raft 697: a peer's checkpoint takes the place of the whole log that contradicts it", () => {
    const data = new Data().checkpoint(2, true).log(withLearner);
    expect(raftOf(data)).toMatchObject({ firstIndex: 3, lastIndex: 2, lastTerm: 1, commit: 2 });
    expect(data.log(BLOCKS.slice(2)).facts()).toEqual([3, 6, 2, 7, 2, false]);
  });

  // A checkpoint left the configuration of entries in force that it had removed.
  test("openraft 1808: no configuration of what a peer's checkpoint has removed is in force", () => {
    expect(raftOf(new Data().claimed().log(withLearner)).configuration.learners).toEqual([4]);
    const raft = raftOf(new Data().checkpoint(2, true).log(withLearner));
    expect([raft.configuration, raft.configurationIsCommitted]).toEqual([THREE_VOTERS, true]);
  });

  // A checkpoint was installed over a log that had its entry, and entries were lost that had been acknowledged.
  test("a log that has the checkpoint's block keeps what stands behind it", () => {
    expect(raftOf(new Data().checkpoint(3, true).log(BLOCKS))).toMatchObject({
      firstIndex: 1,
      lastIndex: 6,
      commit: 3,
    });
  });
});
