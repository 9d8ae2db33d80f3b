/** What a meddler adds: true in nothing that a node is to believe, and of every kind that it has. */
import { describe, expect, test } from "vitest";
import { concatBytes } from "../node/base/bytes.ts";
import { CodedError } from "../node/base/errors.ts";
import { Prng } from "../node/base/prng.ts";
import { decodeGossip, encodeGossip, type GossipFrame } from "../node/gossip/frames.ts";
import { decodeRaftMessage, encodeRaftMessage } from "../node/replica/raft-codec.ts";
import { attestation } from "../node/wire/attestation.ts";
import { LANES } from "../node/wire/peer-frames.ts";
import { stateStatement } from "../node/wire/state-root.ts";
import { Counters } from "./counts.ts";
import { Meddler, type Meddling } from "./meddler.ts";
import type { Point } from "./reached.ts";
import { KeyRing, sha256 } from "./virtual-crypto.ts";
import { otherCluster } from "./workload/intruder.ts";

const CLUSTER = new Uint8Array(16).fill(1);
const OTHER = otherCluster(CLUSTER);
const ring = new KeyRing();
const nodeKeys = [1, 2, 3].map((id) => ring.create(`node ${id}`));
const hash = new Uint8Array(32).fill(3);

interface Added {
  readonly from: number;
  readonly to: number;
  readonly frame: Uint8Array;
}

/** What is added to these frames, heard again and again, by one who knows only this way. */
function meddled(way: Meddling, heard: readonly Added[]) {
  const added: Added[] = [];
  const reached = new Counters<Point>();
  const inject = (from: number, to: number, frame: Uint8Array): boolean => added.push({ from, to, frame }) > 0;
  const deps = { random: new Prng(1), network: { inject }, reached, clusterId: CLUSTER, nodeKeys };
  const mix = { altered: 0, forged: 0, replayed: 0, foreign: 0, [way]: 1 };
  const meddler = new Meddler(deps, { permille: 500, mix });
  for (let round = 0; round < 100; round++) for (const { from, to, frame } of heard) meddler.overhear(from, to, frame);
  return { added, points: reached.read() };
}

function gossipOf(node: number): Uint8Array {
  const signer = nodeKeys[node - 1];
  const at = { height: 7, blockHash: hash, digest: hash, historyRoot: hash };
  const state = { height: 5, root: hash };
  const frame: GossipFrame = {
    ...{ type: "ping", sequence: 1, subject: node, rumours: [], digests: [], releaseMax: 2 },
    endorsement: { ...at, signature: signer?.sign(attestation(sha256, CLUSTER, at)) ?? hash },
    state: { ...state, signature: signer?.sign(stateStatement(sha256, CLUSTER, state)) ?? hash },
  };
  return concatBytes([Uint8Array.of(LANES.gossip), encodeGossip(frame)]);
}

function raftOf(from: number, to: number): Uint8Array {
  const message = { type: "heartbeat", commit: 3, sequence: 1, from, to, term: 2 } as const;
  return concatBytes([Uint8Array.of(LANES.raft), ...encodeRaftMessage(message)]);
}

/** For which clusters a frame's signatures are good, by the key of the node in whose name it comes. */
function goodFor({ from, frame }: Added): readonly boolean[] {
  const { endorsement, state } = decodeGossip(frame.subarray(1));
  const { publicKey = hash } = nodeKeys[from - 1] ?? {};
  if (endorsement === undefined || state === undefined) return [];
  return [CLUSTER, OTHER].flatMap((id) => [
    ring.verify(publicKey, attestation(sha256, id, endorsement), endorsement.signature),
    ring.verify(publicKey, stateStatement(sha256, id, state), state.signature),
  ]);
}

describe("in gossip", () => {
  const heard = [1, 2].map((from) => ({ from, to: 3, frame: gossipOf(from) }));

  test.each<[Meddling, readonly boolean[]]>([
    ["altered", [false, false, false, false]],
    ["forged", [false, false, false, false]],
    ["foreign", [false, false, true, true]],
    ["replayed", [true, true, false, false]],
  ])("what is %s is signed well for none, or for another cluster, or was said so", (way, good) => {
    const { added, points } = meddled(way, heard);
    expect(added.length).toBeGreaterThan(100);
    for (const one of added) expect(goodFor(one)).toEqual(good);
    const name = `gossip${way[0]?.toUpperCase()}${way.slice(1)}`;
    expect(points).toEqual({ [name]: added.length });
  });

  test("what another node has signed is said to be one's own", () => {
    const [own, others] = [1, 2].map((node) => decodeGossip(gossipOf(node).subarray(1)));
    const signed = meddled("forged", heard).added.filter(({ from }) => from === 1);
    const signatures = signed.map(({ frame }) => decodeGossip(frame.subarray(1)).endorsement?.signature);
    expect(signatures).toContainEqual(others?.endorsement?.signature);
    expect(signatures).not.toContainEqual(own?.endorsement?.signature);
  });

  test("what is not signed is left as it is, and a frame with nothing signed says nothing else", () => {
    const { endorsement: _, state: __, ...plain } = decodeGossip(gossipOf(1).subarray(1));
    const unsigned = concatBytes([Uint8Array.of(LANES.gossip), encodeGossip(plain)]);
    for (const way of ["altered", "forged", "foreign"] as const)
      expect(meddled(way, [{ from: 1, to: 3, frame: unsigned }]).added).toEqual([]);
    for (const { frame } of meddled("altered", heard).added)
      expect(decodeGossip(frame.subarray(1))).toMatchObject({ digests: [], rumours: [], releaseMax: 2 });
  });
});

describe("elsewhere", () => {
  const heard = [{ from: 1, to: 2, frame: raftOf(1, 2) }];

  test("a message of Raft that is altered is none, or says that it is from or for another node", () => {
    const { added, points } = meddled("altered", heard);
    expect(points).toEqual({ peerFrameAltered: added.length });
    expect(added.length).toBeGreaterThan(20);
    for (const { frame } of added) {
      try {
        const { from, to } = decodeRaftMessage(frame.subarray(1));
        expect(frame[0] !== LANES.raft || from !== 1 || to !== 2).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(CodedError);
      }
    }
  });

  test("a forged one comes by another link than it says; a replayed one by its own; nothing is foreign", () => {
    const forged = meddled("forged", heard);
    expect(forged.added.length).toBeGreaterThan(20);
    for (const { from, to, frame } of forged.added) {
      expect([frame, from === 1 && to === 2, from === to]).toEqual([raftOf(1, 2), false, false]);
    }
    const replayed = meddled("replayed", heard).added;
    expect(replayed.length).toBeGreaterThan(20);
    for (const one of replayed) expect(one).toEqual(heard[0]);
    expect(meddled("foreign", heard).added).toEqual([]);
  });
});
