import { describe, expect, test } from "vitest";
import { Lease } from "./lease.ts";
import { OneNode } from "./one-node.test-support.ts";

/** A lease whose first round left at 1,000 ms and was answered with a promise of 200 ms. */
function leased(clockDriftPermille: number | undefined): Lease {
  const lease = new Lease(clockDriftPermille);
  lease.sent(1, 1_000);
  lease.promised(200);
  lease.confirmed(1);
  return lease;
}

describe("a lease (dissertation §6.4.1)", () => {
  test.each([
    { drift: 0, until: 1_199 },
    { drift: 10, until: 1_195 }, // 990 / 1,010 of 199 ms, rounded down
    { drift: 500, until: 1_066 },
    { drift: undefined, until: 1_000 },
  ])("with clocks off by $drift thousandths ends before $until", ({ drift, until }) => {
    const lease = leased(drift);
    expect([lease.holds(until - 1), lease.holds(until)]).toEqual([drift !== undefined, false]);
  });

  test.each([1, 2, 3, 4, 10, 500])(
    "ends before a voter may vote, whose timers count whole milliseconds (drift %d)",
    (drift) => {
      const [leftMs, promiseMs] = [1_000, 280];
      const lease = new Lease(drift);
      lease.sent(1, leftMs);
      lease.promised(promiseMs);
      lease.confirmed(1);
      let lengthMs = 0;
      while (lease.holds(leftMs + lengthMs)) lengthMs += 1;
      // In true time: the leader's clock is slow, the voter's is fast, and its timers began at the end of a millisecond.
      expect(lengthMs).toBeGreaterThan(0);
      expect(lengthMs / (1_000 - drift)).toBeLessThanOrEqual((promiseMs - 1) / (1_000 + drift));
    },
  );

  test("counts from when its round left, not from the answer, and from the newest round that was answered", () => {
    const lease = leased(1);
    lease.sent(2, 1_100);
    lease.sent(3, 1_150);
    lease.confirmed(2);
    expect([lease.holds(1_297), lease.holds(1_298)]).toEqual([true, false]);
    lease.confirmed(3);
    expect(lease.holds(1_347)).toBe(true);
  });

  test("a round that is answered again, or late, shortens nothing and prolongs nothing", () => {
    const lease = leased(1);
    lease.sent(2, 1_100);
    lease.confirmed(2);
    lease.confirmed(1);
    lease.confirmed(2);
    expect([lease.holds(1_297), lease.holds(1_298)]).toEqual([true, false]);
  });

  test("is as short as the shortest promise that was heard", () => {
    const lease = leased(1);
    lease.promised(50);
    lease.sent(2, 2_000);
    lease.confirmed(2);
    expect([lease.holds(2_047), lease.holds(2_048)]).toEqual([true, false]);
  });

  test("given up, it never comes again", () => {
    const lease = leased(1);
    lease.giveUp();
    expect(lease.holds(1_001)).toBe(false);
    lease.sent(2, 1_100);
    lease.confirmed(2);
    expect(lease.holds(1_101)).toBe(false);
  });

  test("rounds that nobody answers are remembered up to a bound, and one beyond it gives no lease", () => {
    const lease = leased(1);
    for (let round = 2; round <= 100; round++) lease.sent(round, round * 1_000);
    lease.confirmed(100);
    expect([lease.holds(65_100), lease.holds(100_000)]).toEqual([true, false]);
  });
});

describe("what a follower promises", () => {
  const heartbeat = { type: "heartbeat", commit: 0, sequence: 1 } as const;

  test.each([
    [10, 90],
    [undefined, 0],
  ])(
    "with leases of drift %s it is %d ms: without them it forgets a leader whose link has ended",
    (drift, promiseMs) => {
      const leases = drift === undefined ? {} : { leaseDriftPermille: drift };
      const node = new OneNode({ tuning: { checkQuorum: true, ...leases } });
      expect(node.hears(2, 1, heartbeat)).toMatchObject([{ type: "heartbeatResponse", promiseMs }]);
      node.raft.forgetLeader();
      const vote = { type: "vote", lastIndex: 0, lastTerm: 0 } as const;
      expect(node.hears(3, 2, vote).map((message) => message.type === "voteResponse" && message.granted)).toEqual(
        drift === undefined ? [true] : [],
      );
    },
  );

  test("it keeps in a later term, too, however it came there", () => {
    const node = new OneNode({ tuning: { checkQuorum: true, leaseDriftPermille: 10 } });
    node.hears(2, 1, heartbeat);
    node.hears(3, 2, { type: "preVoteResponse", granted: false });
    expect([node.raft.term, node.raft.leader]).toEqual([2, 0]);
    const vote = { type: "vote", lastIndex: 0, lastTerm: 0 } as const;
    expect(node.hears(3, 2, vote)).toMatchObject([{ type: "voteResponse", granted: false }]);
  });
});
