import { describe, expect, test } from "vitest";
import { NEWEST_RELEASE } from "../../node/base/release.ts";
import { encodeBlock } from "../../node/wire/block.ts";
import { Counters } from "../counts.ts";
import type { Point } from "../reached.ts";
import { sha256 } from "../virtual-crypto.ts";
import { raft, THREE, verdictOf } from "./raft-view.test-support.ts";
import { Releases } from "./releases.ts";

/** The log of a leader of term 2 with blocks of these releases, all of that term. */
function leading(...releases: readonly number[]) {
  const blank = { group: 0, term: 2, timestamp: 1n, clusterId: new Uint8Array(16), previousHash: new Uint8Array(32) };
  const state = { height: 0, digest: new Uint8Array(32) };
  const data = releases.map((release, at) => {
    return encodeBlock(sha256, { ...blank, release, height: at + 1, state, configuration: THREE, transactions: [] })
      .bytes;
  });
  const log = raft({ term: 2, role: "leader", log: releases.map(() => 2) });
  return { ...log, entry: (index: number) => ({ index, term: 2, data: data[index - 1] as Uint8Array }) };
}

/** The rule that is broken by building these blocks, where nodes 1 to 3 read up to these releases. */
function built(reads: readonly number[], ...releases: readonly number[]): string | undefined {
  return verdictOf((verdict) => {
    const rule = new Releases(verdict, new Counters<Point>());
    reads.forEach((releaseMax, index) => {
      rule.started(index + 1, releaseMax);
    });
    rule.built(leading(...releases));
  });
}

describe("a leader", () => {
  test.each<[string, readonly number[], readonly number[], string | undefined]>([
    ["that goes on as before", [1, 1, 1], [1, 1], undefined],
    ["that begins what all members read", [2, 2, 2], [1, 2], undefined],
    ["that begins what one does not read", [2, 1, 2], [1, 2], "release"],
    ["that did so some blocks ago", [2, 2, 1], [1, 2, 2, 2], "release"],
    ["that begins what one reads who never ran", [2, 2], [1, 2], "release"],
    ["that goes on with what was begun before a member came that does not read it", [2, 2, 1], [2, 2], undefined],
  ])("%s", (_what, reads, releases, broken) => {
    expect(built(reads, ...releases)).toBe(broken);
  });
});

describe("the chain", () => {
  test("may go up, which is counted, and never down", () => {
    const reached = new Counters<Point>();
    const execute = (...releases: readonly number[]) =>
      verdictOf((verdict) => {
        const rule = new Releases(verdict, reached);
        releases.forEach((release, at) => {
          rule.block({ height: at + 1, release });
        });
      });
    expect([execute(1, 1, 2, 2), execute(1, 2, 1)]).toEqual([undefined, "release"]);
    expect(reached.read()).toEqual({ releaseRaised: 2, releaseRaisedPartly: 2 });
    expect(execute(1, NEWEST_RELEASE)).toBeUndefined();
    expect(reached.read()).toEqual({ releaseRaised: 3, releaseRaisedPartly: 2 });
  });

  test("is held back by a member of the configuration that reads no more", () => {
    const reached = new Counters<Point>();
    const broken = verdictOf((verdict) => {
      const rule = new Releases(verdict, reached);
      [NEWEST_RELEASE, NEWEST_RELEASE, 1].forEach((releaseMax, index) => {
        rule.started(index + 1, releaseMax);
      });
      expect([rule.isHeldBack(1, THREE), rule.isHeldBack(1, { ...THREE, voters: [1, 2] })]).toEqual([true, false]);
      rule.atRest(1, THREE);
      rule.atRest(NEWEST_RELEASE, { ...THREE, voters: [1, 2] });
    });
    expect([broken, reached.read()]).toEqual([undefined, { releaseHeldBack: 1 }]);
  });
});
