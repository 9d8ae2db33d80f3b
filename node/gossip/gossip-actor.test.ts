import { describe, expect, test } from "vitest";
import { sha256 } from "../../sim/virtual-crypto.ts";
import { toHex } from "../base/bytes.ts";
import { NEWEST_RELEASE } from "../base/release.ts";
import {
  type Attested,
  attestation,
  checkpointSigners,
  type NodeTrust,
  type SignedCheckpoint,
} from "../wire/attestation.ts";
import { describeHostileBytes } from "../wire/hostile.contract.ts";
import { pack, unpack } from "../wire/msgpack.ts";
import { type StateRoot, stateSigners, stateStatement } from "../wire/state-root.ts";
import type { Endorsement } from "./checkpoint-exchange.ts";
import { decodeGossip, encodeGossip, type GossipFrame } from "./frames.ts";
import {
  alone,
  CLUSTER_ID,
  cluster,
  digest,
  intact,
  KEYS,
  membershipOf,
  membersOf,
  type Node,
  PERIOD_MS,
  PING_TIMEOUT_MS,
  SUSPICION_MS,
  setMembers,
  signerOf,
} from "./gossip.test-support.ts";

describe("probing (SWIM sections 3.1 and 4.3)", () => {
  test("each period one member is pinged, and every round reaches all of them once", () => {
    const { probe, hear } = alone(5);
    for (let round = 0; round < 10; round++) {
      const probed = Array.from({ length: 4 }, () => {
        const { to, sequence } = probe();
        hear(to, { sequence });
        return to;
      });
      expect(probed.sort((a, b) => a - b)).toEqual([2, 3, 4, 5]);
    }
  });

  test("a ping is answered with an ack that repeats its sequence", () => {
    const { hear, takeSent } = alone(3);
    hear(2, { type: "ping", sequence: 77 });
    expect(takeSent()).toMatchObject([{ to: 2, frame: { type: "ack", sequence: 77, subject: 1 } }]);
  });

  test("who does not answer in time is asked for by two others, and lives when one of them has heard it", () => {
    const { node, run, probe, hear, takeSent } = alone(5);
    const { to, sequence } = probe();
    run(PING_TIMEOUT_MS - 1);
    expect(takeSent()).toEqual([]);
    run(1);
    const asked = takeSent();
    expect(asked.map(({ frame }) => frame)).toMatchObject(
      [0, 1].map(() => ({ type: "pingRequest", sequence, subject: to })),
    );
    const helpers = asked.map((request) => request.to);
    expect(new Set([...helpers, to]).size).toBe(3);
    hear(helpers[0] as number, { sequence, subject: to });
    run(PERIOD_MS);
    expect(node.beliefs).not.toContain("suspect");
  });

  test("an answer in time asks nobody else; an answer to another probe, or about another member, does not count", () => {
    const { node, run, probe, hear, takeSent } = alone(4);
    const first = probe();
    hear(first.to, { sequence: first.sequence });
    run(PING_TIMEOUT_MS);
    expect(takeSent()).toEqual([]);
    run(PERIOD_MS - PING_TIMEOUT_MS);
    const second = takeSent().at(-1);
    const other = [2, 3, 4].find((id) => id !== second?.to) as number;
    hear(other, { sequence: second?.frame.sequence as number, subject: other });
    hear(other, { sequence: first.sequence, subject: second?.to as number });
    run(PERIOD_MS);
    expect(node.beliefs).toContain(`${second?.to} suspect`);
  });

  test("a ping request is carried out, and its answer brought back under the asker's sequence", () => {
    const { hear, takeSent } = alone(3);
    hear(2, { type: "pingRequest", sequence: 500, subject: 3 });
    const [ping] = takeSent();
    expect(ping).toMatchObject({ to: 3, frame: { type: "ping", subject: 1 } });
    hear(3, { sequence: ping?.frame.sequence as number });
    expect(takeSent()).toMatchObject([{ to: 2, frame: { type: "ack", sequence: 500, subject: 3 } }]);
    hear(3, { sequence: ping?.frame.sequence as number });
    expect(takeSent()).toEqual([]);
  });

  test("a relay outlives the end of the period it began in, but not the next one", () => {
    const { run, hear, takeSent } = alone(3);
    const relay = (waitMs: number): number => {
      hear(2, { type: "pingRequest", sequence: 500, subject: 3 });
      const sequence = takeSent().at(-1)?.frame.sequence as number;
      run(waitMs);
      takeSent();
      hear(3, { sequence });
      return takeSent().filter(({ to, frame }) => to === 2 && frame.sequence === 500).length;
    };
    run(PERIOD_MS - 1);
    expect(relay(2)).toBe(1);
    expect(relay(2 * PERIOD_MS)).toBe(0);
  });

  test("more requests than members have for each other are passed over", () => {
    const { run, hear, takeSent } = alone(3);
    const ask = (): void => hear(2, { type: "pingRequest", sequence: 500, subject: 3 });
    for (let i = 0; i < 1_000; i++) ask();
    expect(takeSent()).toHaveLength(64);
    run(2 * PERIOD_MS);
    takeSent();
    ask();
    expect(takeSent()).toMatchObject([{ to: 3, frame: { type: "ping" } }]);
  });

  test("a request for a stranger, or for this node itself, is ignored", () => {
    const { hear, takeSent } = alone(3);
    for (const subject of [1, 9]) hear(2, { type: "pingRequest", sequence: 5, subject });
    expect(takeSent()).toEqual([]);
  });
});

describe("suspicion (SWIM section 4.2)", () => {
  test("who has answered nobody is suspected at the period's end, and dead when nothing refutes it in time", () => {
    const { node, run, probe } = alone(2);
    probe();
    run(PERIOD_MS - 1);
    expect(node.beliefs).toBe("2 alive");
    run(1);
    expect(node.beliefs).toBe("2 suspect");
    run(SUSPICION_MS - 1);
    expect(node.beliefs).toBe("2 suspect");
    run(1);
    expect(node.beliefs).toBe("2 dead");
  });

  test("a suspicion that is refuted under a higher incarnation kills nobody", () => {
    const { node, run, tellOf } = alone(4);
    tellOf(4, "suspect", 0);
    expect(node.beliefs).toContain("4 suspect");
    tellOf(4, "alive", 1);
    expect(node.beliefs).toContain("4 alive");
    run(PERIOD_MS - 1);
    tellOf(4, "suspect", 0);
    expect(node.beliefs).toContain("4 alive");
  });

  test("a suspicion withdrawn and raised again runs its whole time anew", () => {
    const { node, run, hear, tellOf } = alone(3);
    tellOf(3, "suspect", 0);
    run(100);
    hear(3, {});
    expect(node.beliefs).toContain("3 alive");
    run(50);
    tellOf(3, "suspect", 1);
    run(SUSPICION_MS - 60);
    expect(node.beliefs).toContain("3 suspect");
    run(60);
    expect(node.beliefs).toContain("3 dead");
  });

  test("what is heard is passed on, with the next frames to anybody", () => {
    const { hear, takeSent, tellOf } = alone(4);
    tellOf(4, "suspect", 2);
    takeSent();
    hear(3, { type: "ping", sequence: 1 });
    expect(takeSent().at(-1)?.frame.rumours).toEqual([{ member: 4, state: "suspect", incarnation: 2 }]);
  });

  test("a node that hears of its own suspicion refutes it to whoever it talks to next", () => {
    const { node, hear, takeSent } = alone(3);
    hear(2, { type: "ping", sequence: 1, rumours: [{ member: 1, state: "suspect", incarnation: 3 }] });
    expect(takeSent().at(-1)?.frame.rumours).toEqual([{ member: 1, state: "alive", incarnation: 4 }]);
    expect(node.status.incarnation).toBe(4);
  });
});

describe("a cluster", () => {
  test("that is well suspects nobody", () => {
    const { nodes, run } = cluster(5);
    run(10_000);
    for (const node of nodes) expect(node.beliefs).not.toMatch(/suspect|dead/);
  });

  test("notices within seconds who is gone, and within a second who is back", () => {
    const { nodes, run, cut } = cluster(5);
    run(1_000);
    cut((from, to) => from === 5 || to === 5);
    run(8_000);
    const left = nodes.slice(0, 4);
    for (const node of left) expect(node.beliefs).toMatch(/^(\d alive, ){3}5 dead$/);
    cut(intact);
    run(3_000);
    for (const node of nodes) expect(node.beliefs).not.toMatch(/suspect|dead/);
  });

  test("with a broken link between two members believes in both: others reach them", () => {
    const { nodes, run, cut } = cluster(5);
    cut((from, to) => (from === 1 && to === 2) || (from === 2 && to === 1));
    for (let i = 0; i < 40; i++) {
      run(250);
      for (const node of nodes) expect(node.beliefs).not.toMatch(/suspect|dead/);
    }
  });
});

describe("members that change while it runs", () => {
  const change = (node: Node, ...ids: number[]): void => {
    node.ref.tell({ type: "members", ...membershipOf(membersOf(...ids)) });
  };

  test("who comes is probed within two rounds, and who goes no more; its frames are for nobody", () => {
    const { node, run, probe, hear, takeSent } = alone(3);
    probe();
    change(node, 1, 2, 4, 200);
    run(0);
    const probed = new Set<number>();
    for (let period = 0; period < 6; period++) {
      const { to, sequence } = probe();
      probed.add(to);
      hear(to, { sequence });
    }
    expect([...probed].sort((a, b) => a - b)).toEqual([2, 4, 200]);
    expect(node.beliefs).toBe("2 alive, 4 alive, 200 alive");
    takeSent();
    hear(3, { type: "ping", sequence: 1 });
    hear(2, { type: "pingRequest", sequence: 1, subject: 3 });
    expect(takeSent()).toEqual([]);
    hear(200, { type: "ping", sequence: 9 });
    expect(takeSent()).toMatchObject([{ to: 200, frame: { type: "ack", sequence: 9 } }]);
    expect(node.fatal).toEqual([]);
  });

  test("whoever asked for a ping and is gone by the time of the answer gets none", () => {
    const { node, run, hear, takeSent } = alone(3);
    for (const asker of [2, 3])
      hear(asker, { type: "pingRequest", sequence: 70 + asker, subject: asker === 2 ? 3 : 2 });
    const pings = takeSent().map(({ to, frame }) => ({ to, sequence: frame.sequence }));
    expect(pings.map(({ to }) => to)).toEqual([3, 2]);
    change(node, 1, 2, 4);
    run(0);
    change(node, 1, 2, 3);
    run(0);
    for (const { to, sequence } of pings) hear(to, { sequence });
    expect(takeSent().map(({ to, frame }) => [to, frame.sequence])).toEqual([[2, 72]]);
  });

  test("the member that is being probed or suspected may go at any moment", () => {
    for (const goesAfterMs of [0, PING_TIMEOUT_MS, PERIOD_MS, PERIOD_MS + 1, PERIOD_MS + SUSPICION_MS - 1]) {
      const { node, run, probe } = alone(2);
      expect(probe().to).toBe(2);
      run(goesAfterMs);
      change(node, 1);
      run(2 * SUSPICION_MS);
      expect([node.fatal, node.beliefs]).toEqual([[], ""]);
    }
  });

  test("an old suspicion does not kill the member that comes back, nor one of that id with another key", () => {
    for (const between of [membersOf(1), [...membersOf(1), { id: 2, publicKey: signerOf(99).publicKey }]]) {
      const { node, run, probe } = alone(2);
      probe();
      run(PERIOD_MS);
      expect(node.beliefs).toBe("2 suspect");
      node.ref.tell({ type: "members", ...membershipOf(between) });
      change(node, 1, 2);
      run(0);
      expect(node.beliefs).toBe("2 alive");
      // Suspected anew meanwhile, since it does not answer; dead only when that suspicion is due.
      run(SUSPICION_MS);
      expect(node.beliefs).toBe("2 suspect");
    }
  });

  test("a node that comes is heard of by all, and dead nodes that are removed are forgotten", () => {
    const { nodes, run, cut } = cluster(4);
    for (const node of nodes.slice(0, 3)) change(node, 1, 2, 3);
    run(500);
    for (const node of nodes) change(node, 1, 2, 3, 4);
    cut((from, to) => from === 2 || to === 2);
    run(8 * SUSPICION_MS);
    for (const node of [0, 2, 3]) expect(nodes[node]?.beliefs).toMatch(/2 dead/);
    for (const node of nodes) change(node, 1, 3, 4);
    run(SUSPICION_MS);
    expect([0, 2, 3].map((node) => nodes[node]?.beliefs)).toEqual([
      "3 alive, 4 alive",
      "1 alive, 4 alive",
      "1 alive, 3 alive",
    ]);
    expect(nodes.flatMap(({ fatal }) => fatal)).toEqual([]);
  });
});

describe("signed checkpoints", () => {
  const SECOND = 1_000_000_000n;
  const trust: NodeTrust = {
    ...{ clusterId: CLUSTER_ID, sha256, nodeKeys: [1, 2, 3].map((node) => signerOf(node).publicKey) },
    verify: (key, message, signature) => KEYS.verify(key, message, signature),
  };
  /** Blocks of 0, 1, 2, ... seconds. */
  const apply = (node: Node, from: number, to: number): void => {
    for (let height = from; height <= to; height++)
      node.applied({ height, digest: digest(height) }, BigInt(height) * SECOND);
  };
  const endorsement = (by: number, height: number, change: Partial<Attested> = {}): Endorsement => {
    const at = {
      height,
      digest: digest(height),
      blockHash: digest(height),
      historyRoot: digest(height + 1),
      ...change,
    };
    return { ...at, signature: signerOf(by).sign(attestation(sha256, CLUSTER_ID, at)) };
  };

  test("the first block of each two seconds is signed by all, and soon each node knows the signatures of a quorum", () => {
    const { nodes, run } = cluster(3);
    for (const node of nodes) apply(node, 1, 7);
    run(2_000);
    for (const { checkpoints } of nodes) {
      expect(checkpoints.agreed).toMatchObject({ height: 6, digest: digest(6), historyRoot: digest(7) });
      expect(checkpointSigners(checkpoints.agreed as SignedCheckpoint, trust).length).toBe(3);
    }
  });

  test("a node alone agrees on nothing, and two of three do without the third", () => {
    const { nodes, run, cut } = cluster(3);
    cut((from, to) => from === 3 || to === 3);
    for (const node of nodes) apply(node, 1, 4);
    run(2_000);
    expect(nodes.map(({ checkpoints }) => checkpoints.agreed?.height)).toEqual([4, 4, undefined]);
  });

  const signers = ({ checkpoints }: Node): number[] =>
    (checkpoints.agreed?.signatures ?? [])
      .map(({ nodeKey }) => [1, 2, 3, 4, 5].find((id) => toHex(signerOf(id).publicKey) === toHex(nodeKey)) ?? 0)
      .sort((a, b) => a - b);

  test("a quorum is one of the members there are: what is signed counts when they grow fewer, and not when they grow more", () => {
    const { node, run, hear } = alone(5);
    apply(node, 1, 4);
    hear(2, { endorsement: endorsement(2, 4) });
    expect(signers(node)).toEqual([]);
    setMembers(node, 1, 2, 3);
    run(0);
    expect([node.checkpoints.agreed?.height, signers(node)]).toEqual([4, [1, 2]]);
    setMembers(node, 1, 2, 3, 4);
    run(0);
    expect(signers(node)).toEqual([]);
    hear(4, { endorsement: endorsement(4, 4) });
    expect([node.checkpoints.agreed?.height, signers(node)]).toEqual([4, [1, 2, 4]]);
  });

  test("the signature of a member that is gone counts no more, nor does this node's own when it is none", () => {
    const { node, run, hear } = alone(3);
    apply(node, 1, 4);
    hear(2, { endorsement: endorsement(2, 4) });
    hear(3, { endorsement: endorsement(3, 4) });
    expect(signers(node)).toEqual([1, 2, 3]);
    setMembers(node, 1, 3, 4);
    run(0);
    expect(signers(node)).toEqual([1, 3]);
    setMembers(node, 3, 4, 5);
    run(0);
    expect(signers(node)).toEqual([]);
    hear(2, { endorsement: endorsement(2, 4) });
    hear(4, { endorsement: endorsement(4, 4) });
    expect(signers(node)).toEqual([3, 4]);
  });

  test("who has seen a newer checkpoint is never told of an older one, although only that one has a quorum now", () => {
    const { node, run, hear } = alone(3);
    apply(node, 1, 6);
    for (const [by, height] of [
      [2, 6],
      [3, 4],
    ] as const)
      hear(by, { endorsement: endorsement(by, height) });
    expect(node.checkpoints.agreed?.height).toBe(6);
    setMembers(node, 1, 3, 4);
    run(0);
    expect(node.checkpoints.agreed).toBeUndefined();
    hear(3, { endorsement: endorsement(3, 6) });
    expect([node.checkpoints.agreed?.height, signers(node)]).toEqual([6, [1, 3]]);
  });

  test("a signature that is being checked when its member goes, or has another key, counts for nothing", () => {
    for (const after of [membersOf(1, 3, 4), [...membersOf(1, 3), { id: 2, publicKey: signerOf(99).publicKey }]]) {
      const { node, run } = alone(3);
      apply(node, 1, 4);
      run(0);
      const frame = { type: "ack", sequence: 0, subject: 2, rumours: [], digests: [], releaseMax: 1 } as const;
      const payload = encodeGossip({ ...frame, endorsement: endorsement(2, 4) });
      node.ref.deliver({ type: "peerFrame", from: 2, payload });
      node.ref.deliver({ type: "members", ...membershipOf(after) });
      run(0);
      expect([node.checkpoints.agreed, node.fatal]).toEqual([undefined, []]);
    }
  });

  const joined = (node: Node, voters: readonly number[], outgoing: readonly number[], learners: readonly number[]) =>
    node.ref.deliver({
      type: "members",
      members: membersOf(...new Set([...voters, ...outgoing, ...learners])),
      configuration: { voters, outgoing, learners },
    });

  test("learners that are silent keep voters from nothing, and one that has signed is told with the others", () => {
    const { node, hear } = alone(6, [4, 5, 6]);
    apply(node, 1, 4);
    hear(2, { endorsement: endorsement(2, 4) });
    expect([node.checkpoints.agreed?.height, signers(node)]).toEqual([4, [1, 2]]);
    hear(4, { endorsement: endorsement(4, 4) });
    expect(signers(node)).toEqual([1, 2, 4]);
  });

  test("learners, however many, make no quorum with a minority of the voters", () => {
    const { node, hear } = alone(6, [4, 5, 6]);
    apply(node, 1, 4);
    for (const by of [4, 5, 6]) hear(by, { endorsement: endorsement(by, 4) });
    expect(node.checkpoints.agreed).toBeUndefined();
  });

  test("an only voter agrees with itself, until others vote, too", () => {
    const { node, run, hear } = alone(3, [2, 3]);
    apply(node, 1, 4);
    run(0);
    expect(signers(node)).toEqual([1]);
    joined(node, [1, 2, 3], [1], []);
    run(0);
    expect(node.checkpoints.agreed).toBeUndefined();
    hear(2, { endorsement: endorsement(2, 4) });
    expect([node.checkpoints.agreed?.height, signers(node)]).toEqual([4, [1, 2]]);
  });

  test("while voters change, majorities of the old and of the new ones have to sign", () => {
    const { node, run, hear } = alone(3);
    joined(node, [1, 4, 5], [1, 2, 3], []);
    run(0);
    apply(node, 1, 4);
    for (const by of [4, 5]) hear(by, { endorsement: endorsement(by, 4) });
    expect(signers(node)).toEqual([]);
    hear(2, { endorsement: endorsement(2, 4) });
    expect(signers(node)).toEqual([1, 2, 4, 5]);
    joined(node, [1, 4, 5], [], [2]);
    run(0);
    expect([node.checkpoints.agreed?.height, signers(node)]).toEqual([4, [1, 2, 4, 5]]);
  });

  test("an older one never takes the place of a newer", () => {
    const { node, hear } = alone(3);
    apply(node, 1, 6);
    hear(2, { endorsement: endorsement(2, 6) });
    hear(3, { endorsement: endorsement(3, 4) });
    expect(node.checkpoints.agreed?.height).toBe(6);
  });

  test.each<[string, number, Endorsement]>([
    ["about another state", 2, endorsement(2, 4, { historyRoot: digest(9) })],
    ["about another block", 2, endorsement(2, 4, { blockHash: digest(9) })],
    ["about a height that is not signed here", 2, endorsement(2, 5)],
    ["with another's signature", 2, endorsement(3, 4)],
    ["with no signature", 2, { ...endorsement(2, 4), signature: new Uint8Array(64) }],
  ])("an endorsement %s counts for nothing", (_what, by, wrong) => {
    const { node, hear } = alone(3);
    apply(node, 1, 5);
    hear(by, { endorsement: wrong });
    expect(node.checkpoints.agreed).toBeUndefined();
    hear(by, { endorsement: endorsement(by, 4) });
    expect(node.checkpoints.agreed?.signatures.length).toBe(2);
  });

  test("the same endorsement twice is one", () => {
    const { node, hear } = alone(5);
    apply(node, 1, 5);
    for (let times = 0; times < 3; times++) hear(2, { endorsement: endorsement(2, 4) });
    expect(node.checkpoints.agreed).toBeUndefined();
    hear(3, { endorsement: endorsement(3, 4) });
    expect(node.checkpoints.agreed?.signatures.length).toBe(3);
  });
});

describe("the pages of checkpoints", () => {
  const trust: NodeTrust = {
    ...{ clusterId: CLUSTER_ID, sha256, nodeKeys: [1, 2, 3].map((node) => signerOf(node).publicKey) },
    verify: (key, message, signature) => KEYS.verify(key, message, signature),
  };
  const signedBy = (by: number, at: StateRoot): GossipFrame["state"] => {
    return { ...at, signature: signerOf(by).sign(stateStatement(sha256, CLUSTER_ID, at)) };
  };
  const at = (height: number, root = digest(height)): StateRoot => ({ height, root });

  test("are signed when they are written; of the last few each node knows the signatures of a quorum", () => {
    const { nodes, run } = cluster(3);
    for (const height of [10, 20]) {
      for (const { checkpoints } of nodes) checkpoints.written = at(height);
      run(2_000);
    }
    for (const { checkpoints } of nodes) {
      expect(checkpoints.states).toMatchObject([at(10), at(20)]);
      for (const state of checkpoints.states) expect(stateSigners(state, trust)).toHaveLength(3);
    }
  });

  test("a node that writes later is told again by the others", () => {
    const { nodes, run } = cluster(3);
    const [first, second, third] = nodes as [Node, Node, Node];
    for (const { checkpoints } of [first, second]) checkpoints.written = at(10);
    run(2_000);
    expect(third.checkpoints.states).toEqual([]);
    third.checkpoints.written = at(10);
    run(2_000);
    expect(third.checkpoints.states[0]?.signatures).toHaveLength(3);
  });

  test.each([
    ["of other pages", signedBy(2, at(10, digest(11)))],
    ["with another's signature", signedBy(3, at(10))],
    ["of a height that is not written here", signedBy(2, at(11))],
  ])("a signature %s counts for nothing", (_what, state) => {
    const { node, run, hear } = alone(3);
    node.checkpoints.written = at(10);
    run(PERIOD_MS);
    hear(2, { state });
    expect(node.checkpoints.states).toEqual([]);
    hear(2, { state: signedBy(2, at(10)) });
    expect(node.checkpoints.states).toMatchObject([at(10)]);
  });

  test("are agreed on by voters, whatever learners sign", () => {
    const { node, run, hear } = alone(6, [4, 5, 6]);
    node.checkpoints.written = at(10);
    run(PERIOD_MS);
    for (const by of [4, 5, 6]) hear(by, { state: signedBy(by, at(10)) });
    expect(node.checkpoints.states).toEqual([]);
    hear(2, { state: signedBy(2, at(10)) });
    expect(node.checkpoints.states[0]?.signatures).toHaveLength(5);
  });

  test("that differ are told in the status", () => {
    const { node, run, hear } = alone(3);
    node.checkpoints.written = at(10);
    run(PERIOD_MS);
    hear(2, { state: signedBy(2, at(10)) });
    expect(node.status).toMatchObject({ pagesDifferAt: 0, signedState: 10 });
    hear(3, { state: signedBy(3, at(10, digest(11))) });
    expect(node.status).toMatchObject({ pagesDifferAt: 10, signedState: 10 });
    expect(node.fatal).toEqual([]);
  });

  test("that differ are said once a height, whatever a peer repeats", () => {
    const { node, run, hear } = alone(3);
    for (const height of [10, 12]) {
      node.checkpoints.written = at(height);
      run(PERIOD_MS);
    }
    for (const height of [10, 12, 10, 12]) hear(3, { state: signedBy(3, at(height, digest(11))) });
    expect(node.errors.map(({ event, height }) => [event, height])).toEqual([
      ["gossip.pages_differ", 10],
      ["gossip.pages_differ", 12],
    ]);
  });
});

describe("hostile frames", () => {
  test("are ignored and counted; the actor goes on", () => {
    const { node, run, hear, takeSent } = alone(3);
    const frames = [
      new Uint8Array(0),
      new Uint8Array([0xc1]),
      new Uint8Array(500).fill(0x91),
      new Uint8Array([0xdd, 255, 255, 255, 255]),
    ];
    for (const payload of frames) node.ref.tell({ type: "peerFrame", from: 2, payload });
    run(0);
    expect(node.status.malformedFrames).toBe(frames.length);
    hear(2, { type: "ping", sequence: 3 });
    expect(takeSent()).toMatchObject([{ to: 2, frame: { type: "ack", sequence: 3 } }]);
    expect(node.fatal).toEqual([]);
  });

  test("of nobody in the cluster are not even looked at", () => {
    const { node, hear, takeSent } = alone(3);
    node.applied({ height: 7, digest: digest(7) });
    hear(8, { type: "ping", sequence: 3, subject: 2, digests: [{ height: 7, digest: digest(8) }] });
    expect([node.fatal, takeSent(), node.status.malformedFrames]).toEqual([[], [], 0]);
  });

  test("with more fields than are known here, and with the first ones only, are heard", () => {
    const idle = { type: "ping", sequence: 3, subject: 2, rumours: [], digests: [], releaseMax: 7 } as const;
    const fields = unpack(encodeGossip(idle)) as unknown[];
    expect(decodeGossip(pack([...fields, "more", [1, 2]]))).toEqual(idle);
    expect(decodeGossip(pack(fields.slice(0, -1)))).toEqual({ ...idle, releaseMax: 1 });
    expect(() => decodeGossip(pack(fields.slice(0, -2)))).toThrow("a list of 7 or more");
  });

  test("with the highest incarnation there is leave a member able to speak", () => {
    const { node, hear, takeSent } = alone(3);
    hear(2, { rumours: [{ member: 1, state: "dead", incarnation: 0xffff_ffff }] });
    hear(2, { type: "ping", sequence: 4 });
    expect(takeSent()).toMatchObject([{ to: 2, frame: { type: "ack", sequence: 4 } }]);
    expect(node.fatal).toEqual([]);
  });
});

describe("releases", () => {
  test("each frame says which this node reads", () => {
    const { hear, takeSent } = alone(3);
    hear(2, { type: "ping", sequence: 3 });
    expect(takeSent()).toMatchObject([{ frame: { releaseMax: NEWEST_RELEASE } }]);
  });

  test("what members read is told when it changes, of those who are members only", () => {
    const { node, hear, run } = alone(3);
    hear(2, { releaseMax: 1 });
    hear(2, { releaseMax: 1 });
    hear(3, { releaseMax: 9 });
    hear(8, { releaseMax: 9 });
    hear(2, { releaseMax: 2 });
    expect(node.announced).toEqual([{ 2: 1 }, { 2: 1, 3: 9 }, { 2: 2, 3: 9 }]);
    setMembers(node, 1, 3, 4);
    run(0);
    expect(node.announced.slice(3)).toEqual([{ 3: 9 }]);
    expect(node.status.members).toMatchObject([
      { id: 3, releaseMax: 9 },
      { id: 4, releaseMax: 0 },
    ]);
  });

  test("whoever has a key anew has said nothing yet", () => {
    const { node, hear, run } = alone(3);
    hear(2, { releaseMax: 2 });
    node.ref.deliver({
      type: "members",
      ...membershipOf([...membersOf(1, 3), { id: 2, publicKey: signerOf(99).publicKey }]),
    });
    run(0);
    expect(node.announced).toEqual([{ 2: 2 }, {}]);
  });
});

describeHostileBytes("gossip", {
  valid: [
    encodeGossip({ type: "ping", sequence: 1, subject: 2, rumours: [], digests: [], releaseMax: 1 }),
    encodeGossip({
      releaseMax: 0xffff,
      ...{ type: "ack", sequence: 2 ** 40, subject: 9, digests: [{ height: 70_000, digest: digest(1) }] },
      rumours: [{ member: 3, state: "suspect", incarnation: 4 }],
      endorsement: {
        height: 2 ** 33,
        blockHash: digest(1),
        digest: digest(2),
        historyRoot: digest(3),
        signature: new Uint8Array(64),
      },
    }),
  ],
  decode: decodeGossip,
  encode: encodeGossip,
  passesOver: true,
  codes: ["malformed_msgpack", "malformed_frame"],
});
