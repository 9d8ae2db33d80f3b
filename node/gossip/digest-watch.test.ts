import { describe, expect, test } from "vitest";
import { Prng } from "../base/prng.ts";
import type { DigestAt, GossipFrame } from "./frames.ts";
import {
  alone,
  cluster,
  digest,
  membershipOf,
  membersOf,
  type Node,
  PERIOD_MS,
  setMembers,
  signerOf,
} from "./gossip.test-support.ts";

const INQUIRY_MS = 10 * PERIOD_MS;
const HERE = digest(7);
const THERE = digest(8);
const hex = (fill: string): string => fill.repeat(32);
const at = (height: number, what = digest(height % 256)): DigestAt => ({ height, digest: what });
const stopped = (reason: string) => [{ actor: "gossip", reason: expect.stringContaining(reason) }];
const UNDECIDED = "no quorum has said in time which is right";

/** Node 1 of `size` has a digest of its own at height 7. */
function withDigest(size: number) {
  const world = alone(size);
  world.node.applied(at(7, HERE));
  /** A member says a digest of height 7. */
  const say = (from: number, what: Uint8Array): void => world.hear(from, { digests: [at(7, what)] });
  return { ...world, say };
}

/** So many blocks, one each 20 ms, on all nodes that run; those of `wrong` compute something else from height 50 on. */
function work({ nodes, run }: ReturnType<typeof cluster>, blocks: number, wrong: readonly number[] = []): void {
  for (let height = 1; height <= blocks; height++) {
    for (const node of nodes) {
      const isWrong = wrong.includes(node.id) && height >= 50;
      if (node.fatal.length === 0) node.applied(at(height, digest((height + (isWrong ? 1 : 0)) % 256)));
    }
    run(20);
  }
}

const fatalOf = (nodes: readonly Node[]): number[] => nodes.flatMap(({ id, fatal }) => (fatal.length > 0 ? [id] : []));

describe("state digests", () => {
  test("travel with every frame: the newest, and the last landmark for those that lag", () => {
    const { node, hear, takeSent } = alone(3);
    hear(2, { type: "ping", sequence: 1 });
    expect(takeSent().at(-1)?.frame.digests).toEqual([]);
    const sent = (height: number): readonly DigestAt[] | undefined => {
      node.applied(at(height));
      hear(2, { type: "ping", sequence: 1 });
      return takeSent().at(-1)?.frame.digests;
    };
    expect(sent(63)).toEqual([at(63)]);
    expect(sent(64)).toEqual([at(64)]);
    expect(sent(65)).toEqual([at(65), at(64)]);
  });

  test("of the height that a ping names last are answered with, as far as they are remembered", () => {
    const { node, hear, takeSent } = alone(3);
    for (let height = 1; height <= 130; height++) node.applied(at(height));
    const answer = (...asked: DigestAt[]): readonly DigestAt[] | undefined => {
      hear(2, { type: "ping", sequence: 1, digests: asked });
      return takeSent().at(-1)?.frame.digests;
    };
    expect(answer(at(7))).toEqual([at(130), at(7)]);
    expect(answer(at(100), at(7))).toEqual([at(130), at(7)]);
    expect(answer(at(100), at(131))).toEqual([at(130), at(100)]);
    expect(answer(at(131))).toEqual([at(130), at(128)]);
    expect(answer(at(130))).toEqual([at(130)]);
    hear(2, { type: "ack", digests: [at(7)] });
    expect(takeSent()).toEqual([]);
  });

  test("equal ones, and those of heights that this node has not or no more, change nothing", () => {
    const { node, hear, takeSent } = withDigest(3);
    hear(2, { digests: [at(7, HERE)] });
    hear(2, { digests: [at(8, digest(99))] });
    hear(2, { digests: [at(7 + 8_192, digest(99))] });
    expect([node.fatal, node.status.stateInquiryAt, takeSent()]).toEqual([[], 0, []]);
  });
});

describe("a member that has another digest", () => {
  test("is believed by nobody alone: all are asked at once, and shown what this node has", () => {
    const { node, say, takeSent } = withDigest(4);
    say(2, THERE);
    const asked = { type: "ping", subject: 1, digests: [at(7, HERE)] };
    expect(takeSent()).toMatchObject([2, 3, 4].map((to) => ({ to, frame: asked })));
    expect([node.fatal, node.status.stateInquiryAt]).toEqual([[], 7]);
  });

  test("and is one of a quorum stops this node, which has shown what it has before", () => {
    const { node, say, run, takeSent } = withDigest(3);
    say(2, THERE);
    expect(takeSent().map(({ to }) => to)).toEqual([2, 3]);
    say(3, THERE);
    const reason = `node 1 holds another state at height 7 than a quorum: ${hex("07")} here, ${hex("08")} at nodes 2, 3.`;
    expect(node.fatal).toMatchObject(stopped(reason));
    run(PERIOD_MS);
    expect(takeSent()).toEqual([]);
  });

  test("is told of, and this node goes on, when a quorum has what it has", () => {
    const { node, say, run } = withDigest(5);
    say(2, THERE);
    say(3, HERE);
    expect(node.status).toMatchObject({ stateInquiryAt: 7, statesDifferAt: 0 });
    say(4, HERE);
    expect(node.status).toMatchObject({ stateInquiryAt: 0, statesDifferAt: 7 });
    expect(node.status.members).toMatchObject([2, 3, 4, 5].map((id) => ({ id, statesDifferAt: id === 2 ? 7 : 0 })));
    const differ = { event: "gossip.states_differ", height: 7, quorum: hex("07"), theirs: hex("08") };
    expect(node.errors).toEqual([{ member: 2, ...differ }]);
    say(2, THERE);
    say(5, THERE);
    say(4, HERE);
    say(3, HERE);
    expect(node.errors).toEqual([2, 5].map((member) => ({ member, ...differ })));
    run(2 * INQUIRY_MS);
    expect([node.fatal, node.errors.length]).toEqual([[], 2]);
  });

  test("stops nobody with others that differ from it as well", () => {
    const { node, say } = withDigest(5);
    say(2, THERE);
    say(3, digest(9));
    say(4, digest(10));
    expect(node.fatal).toEqual([]);
    say(5, HERE);
    expect([node.fatal, node.status.stateInquiryAt]).toEqual([[], 7]);
  });

  test("may say something else in the end: the last counts", () => {
    const { node, say } = withDigest(5);
    say(2, THERE);
    say(3, THERE);
    say(3, HERE);
    say(4, THERE);
    expect(node.fatal).toEqual([]);
    say(2, HERE);
    expect(node.status.stateInquiryAt).toBe(0);
    expect(node.errors.map(({ member }) => member)).toEqual([2, 4]);
  });

  test("is found wrong by those that do not remember the height, for they have this node's digest of a later one", () => {
    const { node, hear, takeSent } = withDigest(3);
    for (let height = 8; height <= 20; height++) node.applied(at(height));
    hear(2, { digests: [at(8, digest(99))] });
    expect(takeSent()[1]).toMatchObject({ to: 3, frame: { digests: [at(20), at(8)] } });
    for (const said of [at(7), at(21), at(20, digest(99))]) hear(3, { digests: [said] });
    expect(node.status.stateInquiryAt).toBe(8);
    hear(3, { digests: [at(20)] });
    expect([node.status.stateInquiryAt, node.fatal]).toEqual([0, []]);
  });

  test("is inquired into at the lowest height that it names, which others come to first", () => {
    const { node, hear } = withDigest(3);
    node.applied(at(64));
    hear(2, { digests: [at(64, digest(99)), at(7, THERE)] });
    expect(node.status.stateInquiryAt).toBe(7);
  });
});

describe("where no quorum says anything", () => {
  test("all are asked again each period, and the node stops after ten, not before", () => {
    const { node, say, run, takeSent } = withDigest(3);
    run(PERIOD_MS / 2);
    say(2, THERE);
    takeSent();
    run(INQUIRY_MS);
    expect(node.fatal).toEqual([]);
    const asked = takeSent().filter(({ to, frame }) => to === 3 && frame.type === "ping" && frame.subject === 1);
    expect(asked.length).toBeGreaterThanOrEqual(10);
    run(PERIOD_MS);
    const reason = `node 1 and node 2 hold different states at height 7: ${hex("07")} here, ${hex("08")} there, and ${UNDECIDED}`;
    expect(node.fatal).toMatchObject(stopped(reason));
  });

  test("until late, what it says then counts", () => {
    for (const [said, isRight] of [
      [HERE, true],
      [THERE, false],
    ] as const) {
      const { node, say, run } = withDigest(3);
      say(2, THERE);
      run(INQUIRY_MS);
      say(3, said);
      run(2 * INQUIRY_MS);
      expect(node.fatal).toMatchObject(isRight ? [] : stopped("than a quorum"));
    }
  });

  test("two nodes both stop", () => {
    const world = cluster(2);
    const { nodes, run } = world;
    for (const node of nodes) node.applied(at(9, digest(node.id)));
    run(INQUIRY_MS);
    expect(fatalOf(nodes)).toEqual([]);
    run(3 * PERIOD_MS);
    for (const { fatal } of nodes) expect(fatal).toMatchObject(stopped(UNDECIDED));
  });

  test("two of three whose third is gone both stop", () => {
    const { nodes, run, cut } = cluster(3);
    cut((from, to) => from === 3 || to === 3);
    for (const node of nodes) node.applied(at(9, digest(node.id)));
    run(INQUIRY_MS + 3 * PERIOD_MS);
    expect(fatalOf(nodes)).toEqual([1, 2]);
  });
});

describe("members that change during an inquiry", () => {
  test("count as soon as they vote", () => {
    const { node, run, hear, say } = withDigest(2);
    say(2, THERE);
    setMembers(node, 1, 2, 3);
    run(0);
    say(3, HERE);
    expect([node.status.stateInquiryAt, node.fatal]).toEqual([0, []]);
    setMembers(node, 1, 2, 3, 4);
    run(INQUIRY_MS);
    node.applied(at(8));
    for (const member of [2, 3]) hear(member, { digests: [at(8, HERE)] });
    expect([node.status.stateInquiryAt, node.fatal]).toEqual([8, []]);
    hear(4, { digests: [at(8, HERE)] });
    expect(node.fatal).toMatchObject(stopped("at nodes 2, 3, 4"));
  });

  test("count no more when they go, or have another key", () => {
    for (const after of [membersOf(1, 2, 4), [...membersOf(1, 2), { id: 3, publicKey: signerOf(99).publicKey }]]) {
      const { node, run, say } = withDigest(5);
      say(2, THERE);
      say(3, THERE);
      node.ref.deliver({ type: "members", ...membershipOf(after) });
      run(0);
      expect([node.status.stateInquiryAt, node.fatal]).toEqual([7, []]);
      say(after.at(-1)?.id ?? 0, HERE);
      expect(node.errors.map(({ member }) => member)).toEqual([2]);
    }
  });

  test("may leave a quorum behind them", () => {
    const { node, run, say } = withDigest(5);
    say(2, THERE);
    say(3, THERE);
    setMembers(node, 1, 2, 3);
    run(0);
    expect(node.fatal).toMatchObject(stopped("at nodes 2, 3"));
  });

  test("end it when the one goes that began it, and what it was found to be is forgotten", () => {
    const { node, run, say } = withDigest(3);
    say(2, THERE);
    setMembers(node, 1, 3);
    run(2 * INQUIRY_MS);
    expect([node.fatal, node.status.stateInquiryAt]).toEqual([[], 0]);
    setMembers(node, 1, 2, 3);
    run(0);
    say(2, THERE);
    say(3, HERE);
    expect(node.status).toMatchObject({ statesDifferAt: 7 });
    setMembers(node, 1, 3);
    run(0);
    expect(node.status).toMatchObject({ statesDifferAt: 0 });
  });

  test("make no difference to a node that is none: its own digest does not count", () => {
    const { node, run, say } = withDigest(3);
    setMembers(node, 2, 3, 4);
    run(0);
    say(2, THERE);
    say(3, HERE);
    expect([node.status.stateInquiryAt, node.fatal]).toEqual([7, []]);
    say(4, HERE);
    expect(node.status.stateInquiryAt).toBe(0);
  });
});

describe("in a cluster", () => {
  test.each([3, 5])("of %i a node that is wrong stops, and the others go on and say which it was", (size) => {
    const world = cluster(size);
    work(world, 100, [1]);
    const [wrong, ...others] = world.nodes as [Node, ...Node[]];
    expect(wrong.fatal).toMatchObject(stopped("node 1 holds another state at height"));
    world.run(2 * INQUIRY_MS);
    expect(fatalOf(others)).toEqual([]);
    for (const { errors } of others) expect(errors).toMatchObject([{ event: "gossip.states_differ", member: 1 }]);
  });

  test("of three voters a wrong one stops and no other, though three learners are silent", () => {
    const world = cluster(6, [4, 5, 6]);
    world.cut((from, to) => from > 3 || to > 3);
    work({ ...world, nodes: world.nodes.slice(0, 3) }, 100, [1]);
    world.run(2 * INQUIRY_MS);
    expect(fatalOf(world.nodes)).toEqual([1]);
    for (const { errors } of world.nodes.slice(1, 3)) {
      expect(errors).toMatchObject([{ event: "gossip.states_differ", member: 1 }]);
    }
  });

  test("three learners that hold another state stop, and no voter, though they are more", () => {
    const world = cluster(5, [3, 4, 5]);
    work(world, 100, [3, 4, 5]);
    world.run(2 * INQUIRY_MS);
    expect(fatalOf(world.nodes)).toEqual([3, 4, 5]);
  });

  test("it stops within a round trip of being asked", () => {
    const { nodes, run } = cluster(3);
    for (const node of nodes) node.applied(at(9, digest(node.id === 1 ? 1 : 2)));
    while (nodes.every(({ status }) => status.stateInquiryAt === 0)) run(1);
    run(15);
    expect(fatalOf(nodes)).toEqual([1]);
  });

  const lies: Readonly<Record<string, (frame: GossipFrame) => readonly DigestAt[]>> = {
    "all that it has": ({ digests }) => digests.map(({ height }) => at(height, THERE)),
    "a height long past": () => [at(1, THERE)],
    "the newest, and takes it back at once": ({ digests }) =>
      digests.slice(0, 1).flatMap((one) => [at(one.height, THERE), one]),
  };
  const liars = [3, 5].flatMap((size) => Object.keys(lies).map((about) => [size, about] as const));
  test.each(liars)("of %i one that lies about %s stops nobody", (size, about) => {
    const world = cluster(size);
    world.alter((frame, from) => (from === 2 ? { ...frame, digests: lies[about]?.(frame) ?? [] } : frame));
    work(world, 200);
    world.run(2 * INQUIRY_MS);
    expect(fatalOf(world.nodes)).toEqual([]);
    for (const { errors, id } of world.nodes) {
      expect(new Set(errors.map(({ member }) => member))).toEqual(new Set(id === 2 ? [] : [2]));
      // It is told of once in ten periods at most.
      expect(errors.length).toBeLessThanOrEqual(Math.ceil((200 * 20 + 2 * INQUIRY_MS) / INQUIRY_MS) + 1);
    }
  });

  test("of 5 one that lies all the time does not keep another that is wrong from stopping", () => {
    const world = cluster(5);
    world.alter((frame, from) => (from === 4 ? { ...frame, digests: [at(1 + (frame.sequence % 40), THERE)] } : frame));
    work(world, 150, [5]);
    world.run(PERIOD_MS);
    expect(fatalOf(world.nodes)).toEqual([5]);
    world.run(2 * INQUIRY_MS);
    expect(fatalOf(world.nodes)).toEqual([5]);
  });

  test("whatever a single member says in whatever order stops nobody", () => {
    for (let seed = 1; seed <= 12; seed++) {
      const random = new Prng(seed);
      const world = cluster(seed % 2 === 0 ? 3 : 5);
      const liar = 1 + random.below(3);
      const any = (): DigestAt => at(random.below(120), digest(random.below(60)));
      world.alter((frame, from) =>
        from === liar ? { ...frame, digests: Array.from({ length: random.below(3) }, any) } : frame,
      );
      work(world, 100);
      world.run(INQUIRY_MS + 3 * PERIOD_MS);
      expect([seed, fatalOf(world.nodes)]).toEqual([seed, []]);
      const accused = world.nodes.flatMap(({ errors }) => errors.map(({ member }) => member));
      expect(new Set(accused)).toEqual(new Set([liar]));
    }
  });
});

describe("a member that never ends to differ", () => {
  test("is asked about, and told of, once in ten periods", () => {
    const { node, run, hear, takeSent } = withDigest(3);
    for (let height = 8; height <= 300; height++) node.applied(at(height));
    for (let height = 8; height <= 200; height++) {
      hear(2, { digests: [at(height, digest(5))] });
      hear(3, { digests: [at(300)] });
    }
    expect(takeSent().map(({ to }) => to)).toEqual([2, 3]);
    expect(node.errors).toMatchObject([{ member: 2, height: 8 }]);
    run(INQUIRY_MS);
    hear(2, { digests: [at(8, digest(5))] });
    expect(node.status.stateInquiryAt).toBe(0);
    hear(2, { digests: [at(9, digest(6))] });
    hear(3, { digests: [at(300)] });
    expect(node.errors).toMatchObject([
      { member: 2, height: 8 },
      { member: 2, height: 9 },
    ]);
  });
});
