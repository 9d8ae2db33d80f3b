import { expect, test } from "vitest";
import { KeyRing, virtualCrypto } from "../sim/virtual-crypto.ts";
import { MemoryDisk } from "../storage/memory-disk.ts";
import { MemoryStore } from "../storage/state/memory-store.ts";
import { Wal } from "../storage/wal/wal.ts";
import { concatBytes } from "./base/bytes.ts";
import type { Host } from "./base/ports/host.ts";
import type { NetworkHandler } from "./base/ports/network.ts";
import { Prng } from "./base/prng.ts";
import { composeNode, type NodeOptions } from "./compose.ts";
import { ManualClock } from "./manual-clock.test-support.ts";
import { BLOCKS, Side, stateAfter, storeAt } from "./replica/catch-up.test-support.ts";
import { takeCheckpoint } from "./replica/checkpoint.ts";
import { saveHardState } from "./replica/hard-state-store.ts";
import { GENESIS, recordingLog, sha256 } from "./replica/replica.test-support.ts";
import { decodeBlock } from "./wire/block.ts";
import { LANES } from "./wire/peer-frames.ts";

const KEYS = new KeyRing();
const PEERS = [2, 3].map((id) => ({ id, publicKey: sha256(Uint8Array.of(id)), host: "there", port: id }));

test("a node whose checkpoint is damaged, and whose log has forgotten, is given another and starts again from it", () => {
  const [disk, store] = [new MemoryDisk((_, run) => run()), new MemoryStore((run) => run())];
  const clock = new ManualClock();
  const sent: { readonly to: number; readonly frame: Uint8Array }[] = [];
  const closed: string[] = [];
  let handler: NetworkHandler | undefined;
  let restarts = 0;
  const host: Host = {
    ...{ clock, random: new Prng(1), disk, store, log: recordingLog().log },
    crypto: virtualCrypto(KEYS, KEYS.create("node 1"), (run) => run()),
    network: {
      start: (started) => {
        handler = started;
      },
      setPeers: () => undefined,
      sendPeer: (to, ...pieces) => sent.push({ to, frame: concatBytes(pieces) }) > 0,
      sendClient: () => false,
      closeClient: (_, reason) => closed.push(reason),
    },
    outside: { request: () => undefined },
  };
  const options: NodeOptions = {
    ...{ id: 1, genesis: GENESIS, peers: PEERS, checkpointBlocks: 4, segmentBytes: 1_048_576, cacheBytes: 0 },
    timing: { tickMs: 20, electionTimeoutTicks: 15, heartbeatTicks: 3 },
    onFatal: ({ reason }) => closed.push(reason),
    onRestart: () => {
      restarts += 1;
    },
  };
  composeNode(host, options).stop();
  saveHardState(store, { term: 7, vote: 2 }, () => undefined);
  store.write(takeCheckpoint(stateAfter(4)), () => undefined);
  const wal = Wal.open(disk, "log", { segmentBytes: 1_048_576, cacheBytes: 0, onFatal: () => undefined });
  const { hash } = decodeBlock(sha256, BLOCKS[2] as Uint8Array);
  wal.reset({ index: 3, term: 1, hash }, () => undefined);
  for (const payload of BLOCKS.slice(3, 5)) {
    const block = decodeBlock(sha256, payload);
    const { height: index, term, previousHash } = block.header;
    wal.append([{ index, term, previousHash, hash: block.hash, payload }], () => undefined);
  }
  wal.close();
  const snapshot = store.snapshot();
  store.write([{ key: snapshot.keys("checkpoint/1/")[0] ?? "", value: Uint8Array.of(0xc1) }], () => undefined);

  const node = composeNode(host, options);
  expect([node.inspect, node.recoveredHeight]).toEqual([undefined, 5]);
  handler?.clientOpened(1);
  expect(closed).toEqual(["mending"]);
  // Node 2 is down; node 3 gives what it has.
  const giving = new Side(storeAt(6));
  for (let i = 0; i < 1_000 && restarts === 0; i++) {
    clock.pass(100);
    for (const { to, frame } of sent.splice(0)) {
      if (to === 3 && frame[0] === LANES.catchUp) {
        giving.receive({ type: "peerFrame", from: 1, payload: frame.subarray(1) });
      }
    }
    for (const { payload } of giving.sent.splice(0)) handler?.peerFrame(3, Uint8Array.of(LANES.catchUp, ...payload));
    clock.settle();
  }
  expect([restarts, closed]).toEqual([1, ["mending"]]);
  node.close();
  const again = composeNode(host, options);
  expect([again.inspect?.state.height, again.inspect?.log.firstIndex(), again.inspect?.raft.term]).toEqual([6, 7, 7]);
  expect([again.inspect?.state.digest, again.inspect?.raft.vote]).toEqual([stateAfter(6).digest, 2]);
  again.stop();
});
