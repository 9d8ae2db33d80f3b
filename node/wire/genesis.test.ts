import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../sim/virtual-crypto.ts";
import { toHex } from "../base/bytes.ts";
import { clusterIdOf, decodeGenesis, encodeGenesis, type Genesis, genesisHash } from "./genesis.ts";
import { describeHostileBytes, refusalOf } from "./hostile.contract.ts";
import { pack } from "./msgpack.ts";

const key = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);
const nodes = (count: number): Genesis["nodes"] =>
  Array.from({ length: count }, (_, i) => ({ id: i + 1, publicKey: key(i + 1) }));
/** Nodes as they stand in the encoding. */
const pairs = (...ids: readonly number[]): unknown[] => ids.map((id) => [id, key(id)]);
const GENESIS: Genesis = { timestamp: 1_750_000_000_000_000_000n, nodes: nodes(3), adminKey: key(99) };

/** Of a cluster that was restored from another's backup. */
const RESTORED: Genesis = {
  ...GENESIS,
  nodes: [4, 5].map((id) => ({ id, publicKey: key(id) })),
  origin: {
    clusterId: key(7).slice(0, 16),
    firstClusterId: key(6).slice(0, 16),
    height: 12,
    blockHash: key(8),
    digest: key(9),
  },
};
const ORIGIN = [key(7).slice(0, 16), key(6).slice(0, 16), 12, key(8), key(9)];

describe("genesis", () => {
  test("of a restored cluster comes back with its origin, and whatever differs in that makes another cluster", () => {
    expect(decodeGenesis(encodeGenesis(RESTORED))).toEqual(RESTORED);
    const { origin } = RESTORED;
    if (origin === undefined) throw new Error("it has one");
    const others: Genesis[] = [
      RESTORED,
      { ...RESTORED, origin: undefined },
      { ...RESTORED, origin: { ...origin, height: 13 } },
      { ...RESTORED, origin: { ...origin, clusterId: key(6).slice(0, 16) } },
      { ...RESTORED, origin: { ...origin, firstClusterId: key(5).slice(0, 16) } },
      { ...RESTORED, origin: { ...origin, blockHash: key(6) } },
      { ...RESTORED, origin: { ...origin, digest: key(6) } },
    ];
    expect(new Set(others.map((genesis) => toHex(clusterIdOf(sha256, genesis)))).size).toBe(others.length);
  });

  test("comes back, with one node and with nine", () => {
    for (const count of [1, 3, 9]) {
      const genesis = { ...GENESIS, nodes: nodes(count) };
      expect(decodeGenesis(encodeGenesis(genesis))).toEqual(genesis);
    }
  });

  test("cluster id and first hash are hashes of its bytes, in domains of their own", () => {
    const encoded = encodeGenesis(GENESIS);
    const hash = (domain: string): string => createHash("sha256").update(`${domain}\0`).update(encoded).digest("hex");
    expect(toHex(clusterIdOf(sha256, GENESIS))).toBe(hash("quorate.cluster.v1").slice(0, 32));
    expect(toHex(genesisHash(sha256, GENESIS))).toBe(hash("quorate.genesis.v1"));
  });

  test("whatever differs makes another cluster", () => {
    const others: Genesis[] = [
      GENESIS,
      { ...GENESIS, timestamp: 0n },
      { ...GENESIS, adminKey: key(98) },
      { ...GENESIS, nodes: nodes(5) },
      { ...GENESIS, nodes: GENESIS.nodes.map((node) => ({ ...node, publicKey: key(node.id + 10) })) },
    ];
    expect(new Set(others.map((genesis) => toHex(clusterIdOf(sha256, genesis)))).size).toBe(others.length);
  });

  test.each<readonly [string, unknown]>([
    ["another version", [3, 5, [[1, key(1)]], key(9)]],
    ["no nodes", [1, 5, [], key(9)]],
    ["ten nodes", [1, 5, nodes(10).map(({ id, publicKey }) => [id, publicKey]), key(9)]],
    ["ids that do not start at 1", [1, 5, [[2, key(1)]], key(9)]],
    ["ids with a gap", [1, 5, pairs(1, 3), key(9)]],
    ["ids out of order", [1, 5, pairs(2, 1), key(9)]],
    ["one key for two nodes", [1, 5, [pairs(1)[0], [2, key(1)]], key(9)]],
    ["the admin's key for a node", [1, 5, pairs(1, 2), key(2)]],
    ["a node's key of small order", [1, 5, [[1, key(0)]], key(9)]],
    ["an admin's key of small order", [1, 5, [[1, key(1)]], key(0)]],
    ["a short key", [1, 5, [[1, new Uint8Array(31)]], key(9)]],
    ["no admin", [1, 5, [[1, key(1)]], null]],
    ["a time below zero", [1, -5, [[1, key(1)]], key(9)]],
    ["no list", {}],
    ["a restored one without its origin", [2, 5, pairs(1), key(99)]],
    ["a restored one from height 0", [2, 5, pairs(1), key(99), [ORIGIN[0], ORIGIN[1], 0, ORIGIN[3], ORIGIN[4]]]],
    ["a restored one with a gap in its ids", [2, 5, pairs(4, 6), key(99), ORIGIN]],
    ["a restored one without nodes", [2, 5, [], key(99), ORIGIN]],
    ["a restored one with an id beyond the last", [2, 5, pairs(256), key(99), ORIGIN]],
  ])("%s is refused", (_name, value) => {
    expect(refusalOf(decodeGenesis, pack(value))).toBe("malformed_genesis");
  });
});

describeHostileBytes("genesis", {
  valid: [encodeGenesis(GENESIS), encodeGenesis({ ...GENESIS, nodes: nodes(1) }), encodeGenesis(RESTORED)],
  decode: decodeGenesis,
  encode: encodeGenesis,
  codes: ["malformed_msgpack", "malformed_genesis"],
});
