import { expect, test } from "vitest";
import { KeyRing, virtualCrypto } from "../sim/virtual-crypto.ts";
import { MemoryDisk } from "../storage/memory-disk.ts";
import { MemoryStore } from "../storage/state/memory-store.ts";
import { Wal } from "../storage/wal/wal.ts";
import { ActorSystem, type FatalReport } from "./actor/system.ts";
import { must } from "./base/assert.ts";
import { CodedError } from "./base/errors.ts";
import type { Host } from "./base/ports/host.ts";
import { Prng } from "./base/prng.ts";
import type { NodeOptions } from "./compose.ts";
import { ManualClock } from "./manual-clock.test-support.ts";
import { composeMending, mendFirst } from "./mend.ts";
import { BLOCKS } from "./replica/catch-up.test-support.ts";
import { headOf } from "./replica/chain.ts";
import { blockBehind, GENESIS, Later, recordingLog, sha256, TestClock } from "./replica/replica.test-support.ts";
import { FORGET_RESTART } from "./replica/restart-note.ts";
import { StateMachine } from "./state/state-machine.ts";
import { decodeBlock } from "./wire/block.ts";

const KEYS = new KeyRing();

function unused(): never {
  return expect.unreachable("the node has started");
}

test("a node starts again to mend what it found damaged, and stops where that has not mended it", () => {
  const host = { log: recordingLog().log, store: new MemoryStore((run) => run()), clock: new ManualClock() };
  const done: string[] = [];
  const options = {
    onRestart: () => done.push("restart"),
    onFatal: ({ reason }: FatalReport) => done.push(reason),
  };
  const find = (reason: string): void => {
    mendFirst(host, options, { actor: "ledger", code: "wal_damaged", reason, stack: "" });
  };
  find("block 7");
  find("block 7");
  find("block 9");
  expect(done).toEqual(["restart", "block 7", "restart"]);
  host.store.write([FORGET_RESTART], () => undefined);
  find("block 9");
  find("x".repeat(5_000));
  find("x".repeat(5_000));
  expect(done.slice(3)).toEqual(["restart", "restart", "x".repeat(5_000)]);
});

test("a node whose store does not say what it started again for stops, and says what is damaged", () => {
  const host = { log: recordingLog().log, store: new MemoryStore((run) => run()), clock: new ManualClock() };
  const fatal: string[] = [];
  const options = {
    onRestart: () => undefined,
    onFatal: ({ code, reason }: FatalReport) => fatal.push(`${code} ${reason}`),
  };
  const report = { actor: "log", code: "wal_damaged", reason: "block 7", stack: "" };
  mendFirst(host, options, report);
  host.store.failReads((key) => key === "repair/restart", true);
  mendFirst(host, options, { ...report, reason: "block 9" });
  expect(fatal).toEqual(["wal_damaged block 9"]);
});

test("a node that is to start again and waits for its disk says so", () => {
  const { log, warnings } = recordingLog();
  const [clock, disk] = [new ManualClock(), new Later()];
  const host = { log, clock, store: new MemoryStore(disk.schedule) };
  const done: string[] = [];
  const options = { onRestart: () => done.push("restart"), onFatal: unused };
  const said = (): number => warnings.filter(({ event }) => event === "node.waits_for_disk").length;
  mendFirst(host, options, { actor: "log", code: "wal_damaged", reason: "block 7", stack: "" });
  clock.pass(1_999);
  expect(said()).toBe(0);
  clock.pass(1);
  expect([said(), done]).toEqual([1, []]);
  disk.all();
  expect(done).toEqual(["restart"]);
  mendFirst(host, options, { actor: "log", code: "wal_damaged", reason: "block 9", stack: "" });
  disk.all();
  clock.pass(10_000);
  expect([said(), done]).toEqual([1, ["restart", "restart"]]);
});

test("a damaged log that has gone on to a release which is not read is not mended: the node does not start", () => {
  const [disk, store] = [new MemoryDisk((_, run) => run()), new MemoryStore((run) => run())];
  const first = must(BLOCKS[0], "there is a block");
  const blocks = [first, blockBehind(headOf(sha256, first), { height: 2, term: 3, release: 2 }).bytes];
  const wal = Wal.open(disk, "log", { segmentBytes: 1_048_576, cacheBytes: 0, onFatal: () => undefined });
  for (const payload of blocks) {
    const { header, hash } = decodeBlock(sha256, payload);
    const { height: index, term, previousHash } = header;
    wal.append([{ index, term, previousHash, hash, payload }], () => undefined);
  }
  wal.close();
  const clock = new TestClock();
  const { log } = recordingLog();
  const host: Host = {
    ...{ clock, random: new Prng(1), disk, store, log, outside: { request: unused } },
    crypto: virtualCrypto(KEYS, KEYS.create("node 1"), unused),
    network: { start: unused, setPeers: unused, sendPeer: unused, sendClient: unused, closeClient: unused },
  };
  const node: NodeOptions = {
    ...{ id: 1, genesis: GENESIS, checkpointBlocks: 4, releaseMax: 1, segmentBytes: 1_048_576, cacheBytes: 0 },
    peers: [{ id: 2, publicKey: sha256(Uint8Array.of(2)), host: "there", port: 2 }],
    timing: { tickMs: 20, electionTimeoutTicks: 15, heartbeatTicks: 3 },
    onFatal: unused,
    onRestart: unused,
  };
  const damaged = {
    damage: new CodedError("wal_damaged", "block 1 cannot be read"),
    state: new StateMachine({ genesis: GENESIS, sha256 }),
    reached: 2,
    isForeign: false,
  };
  const system = new ActorSystem({ clock, log, onFatal: unused });
  const mend = (): unknown => composeMending(host, node, system, damaged);
  expect(mend).toThrow(expect.objectContaining({ code: "release_too_new", facts: { release: 2, releaseMax: 1 } }));
});
