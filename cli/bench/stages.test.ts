import { expect, test } from "vitest";
import { type CpuProfile, timeByStage } from "./stages.ts";

const BUILD = "file:///opt/quorate/dist/";

/** A made-up profile: each stack from the outside in, `file#function`, with milliseconds of its innermost function. */
function profileOf(stacks: readonly (readonly [milliseconds: number, ...stack: readonly string[]])[]): CpuProfile {
  const nodes = [{ id: 1, callFrame: { functionName: "(root)", url: "" }, children: [] as number[] }];
  const samples: number[] = [];
  for (const [, ...stack] of stacks) {
    let caller = nodes[0];
    for (const frame of stack) {
      const [file = "", functionName = ""] = frame.split(/#(.*)/s);
      const url = file === "" || file.includes(":") ? file : BUILD + file;
      const node = { id: nodes.length + 1, callFrame: { functionName, url }, children: [] };
      caller?.children.push(node.id);
      nodes.push(node);
      caller = node;
    }
    samples.push(caller?.id ?? 0);
  }
  return { nodes, samples, timeDeltas: stacks.map(([milliseconds]) => milliseconds * 1_000) };
}

const HASH = "node/host/node-crypto.js#sha256";

test.each([
  ["decode", ["node/gateway/gateway-actor.js##clientFrame", "node/wire/msgpack.js#unpack"]],
  ["decode", ["node:internal/stream_base_commons#onStreamRead", "node:internal/streams/readable#push"]],
  ["verify", ["node/gateway/gateway-actor.js##submit", "node/host/node-crypto.js#isSigned"]],
  ["append", ["node/replica/consensus-actor.js##step", "consensus/raft/raft.js#step", HASH]],
  ["append", ["storage/wal/log-writer.js#next", "storage/node-disk.js##writeFully", "node:fs#writev"]],
  ["send", ["node/replica/consensus-actor.js##send", "node/transport/frame-writer.js#flush", "node:net#writev"]],
  ["apply", ["node/replica/ledger-actor.js#receive", "node/ledger/create-transfers.js#create"]],
  ["apply", ["node/state/state-machine.js#apply", HASH]],
  ["reply", ["node/gateway/gateway-actor.js##applied", "node/wire/receipt.js#encodeReceipt"]],
  ["start", ["node/host/run.js#runNode", "node/warm-up.js#warmUp", "node/ledger/create-transfers.js#create"]],
  ["start", ["node:internal/modules/esm/loader#load", "node:fs#readFileSync"]],
  ["rest", ["node/gossip/gossip-actor.js#receive", HASH]],
  ["rest", ["#(program)"]],
  ["garbage collection", ["#(garbage collector)"]],
  ["idle", ["#(idle)"]],
] as const)("%s: the innermost function that belongs to a stage says which, as in %j", (stage, stack) => {
  const times = timeByStage(profileOf([[5, ...stack]]));
  expect([...times].filter(([, time]) => time > 0)).toEqual([[stage, 5]]);
});

test("all time is in some stage, each sample with its own length", () => {
  const times = timeByStage(
    profileOf([
      [2, "#(idle)"],
      [3, "node/ledger/ledger.js#create"],
      [4, "#(idle)"],
    ]),
  );
  expect([times.get("idle"), times.get("apply"), times.get("rest")]).toEqual([6, 3, 0]);
});
