/** Who need not take part, by what stands on which disk: clusters of three that are made up. */
import { expect, test } from "vitest";
import { toHex, utf8 } from "../node/base/bytes.ts";
import type { Configuration } from "../node/base/configuration.ts";
import { blockHash } from "../node/wire/block.ts";
import type { Standing } from "./cluster.ts";
import { GivenUp } from "./given-up.ts";
import type { Holding } from "./holding.ts";
import { sha256 } from "./sha256.ts";

const THREE: Configuration = { voters: [1, 2, 3], outgoing: [], learners: [] };
/** So many blocks are committed. */
const HEIGHT = 5;

const headerAt = (height: number): Uint8Array => utf8(`header ${height}`);
const hashAt = (height: number): string => toHex(blockHash(sha256, headerAt(height)));

interface Made {
  readonly standing: Standing;
  readonly blocks: readonly number[];
  readonly endIsLost?: boolean;
  readonly stateHeight?: number;
}

/** What is judged of nodes, three unless it is said; logs forget nothing unless it is said. */
function judged(nodes: readonly Made[], logsForget = false, newest = THREE): GivenUp {
  const holdings = nodes.flatMap(({ standing, blocks, endIsLost = false, stateHeight = 0 }, index): Holding[] => {
    const has: Holding["has"] = (height, hash) => blocks.includes(height) && hash === hashAt(height);
    const own = { node: index + 1, has, endIsLost, stateHeight, isWholeBehind: () => true };
    return standing === "lost" ? [] : [own];
  });
  const cluster = {
    ids: nodes.map((_, index) => index + 1),
    holdings: () => holdings,
    standing: (node: number) => nodes[node - 1]?.standing ?? "down",
    refusedWith: (node: number) => (nodes[node - 1]?.standing === "refused" ? "blocks_lost" : undefined),
    inForce: () => [],
  };
  const rules = { chain: { height: HEIGHT, headerAt }, configurations: { newest } };
  const givenUp = new GivenUp({ cluster: () => cluster, rules, logsForget, now: () => ({ atMs: 7, step: 8 }) });
  givenUp.look();
  return givenUp;
}

const ALL = [1, 2, 3, 4, 5];
const whole: Made = { standing: "running", blocks: ALL };

test("a block that stands on one disk is not lost, and who mends its log for want of it must be whole in the end", () => {
  const givenUp = judged([whole, { standing: "mending", blocks: [1, 2] }, { standing: "mending", blocks: [1] }]);
  expect(givenUp.loss).toBeUndefined();
  expect(givenUp.excused()).toEqual([]);
  expect(givenUp.isHalted()).toBe(false);
  expect(givenUp.mayRefuse(2, "blocks_lost")).toBe(false);
});

test("what stands nowhere is lost, and who lacks it may say so", () => {
  const lacking: Made = { standing: "mending", blocks: [1, 4, 5] };
  const givenUp = judged([{ ...lacking, standing: "refused" }, lacking, { standing: "running", blocks: [1, 3, 4, 5] }]);
  const refusals = [
    { node: 1, how: "blocks_lost" },
    { node: 2, how: "mending" },
  ];
  expect(givenUp.loss).toEqual({ atMs: 7, step: 8, heights: [[2, 2]], refusals });
  expect(givenUp.isHalted()).toBe(true);
  expect(givenUp.mayRefuse(3, "blocks_lost")).toBe(true);
  expect(givenUp.mayRefuse(3, "wal_damaged")).toBe(false);
});

test("who is the only member may say that its log is damaged or cannot be read, and nobody else may", () => {
  const only: Configuration = { voters: [1], outgoing: [], learners: [] };
  // One that has left has everything, and is not asked.
  const alone = judged([{ standing: "down", blocks: [1, 2] }, whole], false, only);
  const one = judged([whole, whole, { standing: "down", blocks: [1, 2] }]);
  for (const code of ["wal_damaged", "wal_missing_segment", "wal_read_failed", "blocks_lost"])
    expect([alone.mayRefuse(1, code), one.mayRefuse(3, code)], code).toEqual([true, false]);
  expect(judged([{ standing: "down", blocks: ALL }], false, only).mayRefuse(1, "blocks_lost")).toBe(false);
  expect(alone.mayRefuse(1, "wal_write_failed")).toBe(false);
});

test("a node that is down, and could go on, is waited for", () => {
  const givenUp = judged([whole, { standing: "down", blocks: ALL }, { standing: "lost", blocks: [] }]);
  expect(givenUp.excused()).toEqual([3]);
  expect(givenUp.isHalted()).toBe(false);
});

test("where a quorum has lost how its logs end, nobody can lead", () => {
  const endless: Made = { standing: "mending", blocks: [1, 2, 3], endIsLost: true };
  const givenUp = judged([whole, endless, endless]);
  expect(givenUp.loss).toBeUndefined();
  expect(givenUp.isHalted()).toBe(true);
  expect(givenUp.halt).toMatchObject({ atMs: 7, step: 8 });
  expect(judged([whole, whole, endless]).isHalted()).toBe(false);
});

test("where logs forget, a state that has executed a block is as good as the block", () => {
  const forgetful: Made = { standing: "running", blocks: [5], stateHeight: 4 };
  expect(judged([forgetful, forgetful, forgetful], true).loss).toBeUndefined();
  expect(judged([forgetful, forgetful, forgetful]).loss?.heights).toEqual([[1, 4]]);
});
