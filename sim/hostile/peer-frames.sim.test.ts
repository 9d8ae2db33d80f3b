/**
 * Whole nodes that hear frames of a peer which no correct peer sends: changed ones of every kind, lies, and floods. None may
 * stop, nor an actor in it; what was committed stays; what is refused is counted; and when it is over the cluster goes on.
 *
 * In the first runs all rules of the simulator hold for the honest nodes: there, what a peer has to be believed is left out
 * (`lies.test-support.ts`). With lies nodes may disagree, so only what holds of each node by itself is asked.
 */
import { describe, expect, test } from "vitest";
import { concatBytes } from "../../node/base/bytes.ts";
import { MAILBOX_DEPTH } from "../../node/base/limits.ts";
import { Prng } from "../../node/base/prng.ts";
import { encodeGossip, type GossipFrame } from "../../node/gossip/frames.ts";
import { type CatchUpFrame, encodeCatchUp } from "../../node/replica/catch-up-frames.ts";
import { decodeRaftMessage } from "../../node/replica/raft-codec.ts";
import { decodeBlock } from "../../node/wire/block.ts";
import { LANES } from "../../node/wire/peer-frames.ts";
import { CALM } from "../calm-options.ts";
import { chance, pick } from "../draw.ts";
import type { SimOptions } from "../options.ts";
import { KeyRing, sha256 } from "../virtual-crypto.ts";
import { bankKeys } from "../workload/bank.ts";
import { genesisOf, World } from "../world.ts";
import { KINDS } from "./frame-kinds.test-support.ts";
import { HostilePeer } from "./hostile-peer.test-support.ts";
import { lieTo } from "./liar.test-support.ts";
import { type Judgement, tellsState } from "./lies.test-support.ts";
import { LONE_NODE, LoneNode } from "./lone-node.test-support.ts";
import { mutated } from "./mutations.test-support.ts";

/** Seeds of each kind of run; `npm run fuzz:peers` runs more. */
const SEEDS = Number(process.env["QUORATE_FUZZ_SEEDS"] ?? 6);
const seeds = Array.from({ length: SEEDS }, (_, index) => index + 1);
/** What honest nodes that have believed a lie are seen to break first. */
const BROKEN_BY_LIES: readonly (string | undefined)[] = [
  ...[undefined, "electionSafety", "leaderCompleteness", "logMatching", "quorum", "stateMachineSafety", "undisturbed"],
];

interface HostileRun {
  readonly world: World;
  readonly peer: HostilePeer;
}

/** A run like any of its seed, with a peer that says more than its node; and with logs that need checkpoints, or mending. */
function hostileRun(seed: number, leaveOut: readonly Judgement[]): HostileRun {
  const peers: HostilePeer[] = [];
  const adjust = (drawn: SimOptions): SimOptions => {
    const { nodes, durationMs, faults } = drawn;
    peers.push(new HostilePeer({ seed, hostile: 1 + (seed % nodes), untilMs: 0.9 * durationMs, leaveOut }));
    const forgets = seed % 2 === 0 ? { checkpointBlocks: 5, retainBlocks: 0, segmentBytes: 8_192 } : {};
    // A node that stands still hears much at once: of what is changed then, no frame can be told to be the cause.
    const weights = { ...faults.weights, pause: 0, crash: 10, damageLog: 20, rotLog: 50, rotPage: 50 };
    return { ...drawn, ...forgets, faultsWait: false, oldRelease: undefined, faults: { ...faults, weights } };
  };
  const world = new World(seed, { adjust, plant: (host, node) => peers[0]?.plant(host, node) ?? {} });
  world.run();
  return { world, peer: peers[0] as HostilePeer };
}

describe("changed frames of one peer", () => {
  const met = new Set<string>();

  test.each(seeds)("seed %d: no rule is broken, each frame that is none changes nothing, and is counted", (seed) => {
    const { world, peer } = hostileRun(seed, ["trusted", "unsigned", "otherState"]);
    for (const kind of peer.given.keys()) met.add(kind);
    expect(world.verdict.failure).toBeUndefined();
    expect(peer.faults).toEqual([]);
    expect(peer.uncounted(world.statuses)).toEqual([]);
  });

  test("were of every kind there is", () => {
    expect(KINDS.filter((kind) => !met.has(kind))).toEqual([]);
  });
});

describe("lies of one peer", () => {
  test.each(seeds)("seed %d: no node stops, nor takes back what it has promised", (seed) => {
    const { world, peer } = hostileRun(seed, ["unsigned", "otherState"]);
    expect(BROKEN_BY_LIES).toContain(world.verdict.failure?.checker);
    expect(peer.faults).toEqual([]);
  });
});

interface Among {
  readonly lone: LoneNode;
  /** Has it hear what suits where it stands. */
  readonly lie: (random: Prng) => void;
}

/** A node that is alone with liars, who know the keys of all clients and some of what they have signed. */
function amongLiars(seed: number, workload: SimOptions["workload"], transactions: readonly Uint8Array[]): Among {
  const ring = new KeyRing();
  const { admin } = bankKeys(ring, workload);
  const nodeKeys = [1, 2, 3].map((id) => ring.create(`node ${id}`));
  const genesis = genesisOf(nodeKeys, admin);
  const lone = new LoneNode({ seed, ring, nodeKeys, genesis });
  const lie = (random: Prng): void => {
    const { raft } = lone.life;
    const self = pick(random, [2, 3]);
    if (raft !== undefined) lone.hear(self, lieTo(raft, { random, genesis, self, victim: LONE_NODE, transactions }));
  };
  return { lone, lie };
}

function transactionsIn(frame: Uint8Array): readonly Uint8Array[] {
  const message = decodeRaftMessage(frame.subarray(1));
  const entries = message.type === "append" ? message.entries : [];
  return entries.flatMap(({ data }) => decodeBlock(sha256, data).transactions);
}

describe("a node whose peers all lie", () => {
  test.each(seeds)("seed %d: follows, leads and commits what they say, and never stops", (seed) => {
    // What was heard in a run of its own cluster is told to it, too, changed.
    const { overheard, plant } = new HostilePeer({ seed, hostile: 2, untilMs: 0, leaveOut: [] });
    const workload = { ...CALM.workload, payments: true, cards: true };
    new World(seed, { adjust: () => ({ ...CALM, durationMs: 1_000, workload }), plant }).run();
    const transactions = overheard.of("raft append").flatMap(transactionsIn);
    const { lone, lie } = amongLiars(seed, workload, transactions);
    const random = new Prng(seed);
    let mostCommitted = 0;
    for (let round = 0; round < 1_000; round++) {
      const frame = mutated(random, overheard, { from: 2, to: LONE_NODE });
      if (chance(random, 800) || tellsState(frame)) lie(random);
      else lone.hear(2, frame);
      lone.passTime(pick(random, [0, 1, 5, 5, 20]));
      if (chance(random, 5)) lone.restart();
      mostCommitted = Math.max(mostCommitted, lone.life.raft?.commit ?? 0);
    }
    expect(lone.faults).toEqual([]);
    expect(mostCommitted).toBeGreaterThan(10);
  });
});

describe("a flood", () => {
  const rumours = (first: number): GossipFrame["rumours"] =>
    Array.from({ length: 9 }, (_, place) => {
      return { member: 3, state: place % 2 === 0 ? "suspect" : "alive", incarnation: first + place };
    });
  const gossip = (rest: Partial<GossipFrame>): Uint8Array => {
    const plain = { type: "ping", sequence: 1, subject: 3, rumours: [], digests: [], releaseMax: 2 } as const;
    return concatBytes([Uint8Array.of(LANES.gossip), encodeGossip({ ...plain, ...rest })]);
  };
  const catchUp = (frame: CatchUpFrame): Uint8Array =>
    concatBytes([Uint8Array.of(LANES.catchUp), encodeCatchUp(frame)]);
  const ask = (atLeast: number): Uint8Array => catchUp({ type: "ask", atLeast });

  test.each<[string, (count: number) => Uint8Array]>([
    ["of rumours", (count) => gossip({ rumours: rumours(9 * count) })],
    ["of pings to pass on", (count) => gossip({ type: "pingRequest", sequence: count })],
    ["of releases that rise and fall", (count) => gossip({ releaseMax: 1 + (count % 2) })],
    ["of questions for a checkpoint", () => ask(0)],
    ["of questions for a checkpoint that is not there", () => ask(2 ** 40)],
    ["of questions what it knows of a checkpoint", (count) => catchUp({ type: "vouch", height: count })],
    ["of questions what it will know of a checkpoint", (count) => catchUp({ type: "vouch", height: 2 ** 40 + count })],
  ])("%s fills no mailbox beyond its bound", (_what, frame) => {
    const { lone, lie } = amongLiars(1, CALM.workload, []);
    const random = new Prng(1);
    for (let round = 0; round < 300; round++) {
      lie(random);
      lone.passTime(5);
    }
    lone.hear(2, ask(0)); // it has a checkpoint from now on
    lone.passTime(500);
    lone.flood(2, 2 * MAILBOX_DEPTH, frame);
    lone.passTime(1);
    // All timers that it has started become due at once.
    lone.pause();
    lone.passTime(2_000);
    lone.resume();
    lone.passTime(500);
    expect(lone.faults).toEqual([]);
    const depths = Object.values(lone.status["mailboxes"] ?? {});
    expect(depths.filter((depth) => Number(depth) > MAILBOX_DEPTH)).toEqual([]);
  });
});
