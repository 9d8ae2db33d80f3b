import { describe, expect, test } from "vitest";
import { NODE_ID_MAX, NODES_MAX } from "../base/limits.ts";
import {
  addNode,
  type ClusterFile,
  type ClusterNode,
  formatClusterFile,
  parseClusterFile,
  votersIn,
} from "./cluster-file.ts";
import { Identity } from "./identity.ts";

const GENESIS = {
  timestamp: 1_700_000_000_000_000_000n,
  nodes: [1, 2, 3].map((id) => ({ id, publicKey: Identity.generate().publicKey })),
  adminKey: Identity.generate().publicKey,
};
const NODES: readonly ClusterNode[] = GENESIS.nodes.map((node) => ({
  ...node,
  name: `node-${node.id}`,
  host: "127.0.0.1",
  port: 7400 + node.id,
}));
const TEXT = formatClusterFile(GENESIS, NODES);
const FILE = parseClusterFile(TEXT);

interface Fields {
  [name: string]: unknown;
  nodes: { [name: string]: unknown }[];
}

function changed(change: (fields: Fields) => void): string {
  const fields = JSON.parse(TEXT) as Fields;
  change(fields);
  return JSON.stringify(fields);
}

test("a cluster file is read as it was written", () => {
  const { clusterId, genesis, nodes } = parseClusterFile(TEXT);
  expect(clusterId).toHaveLength(16);
  expect(genesis).toEqual(GENESIS);
  expect(nodes).toEqual(NODES);
});

test("addresses are not part of the cluster's id", () => {
  const moved = changed((fields) => Object.assign(fields.nodes[1] ?? {}, { host: "2001:db8::1", port: 1 }));
  expect(parseClusterFile(moved).clusterId).toEqual(parseClusterFile(TEXT).clusterId);
  expect(parseClusterFile(moved).nodes[1]).toMatchObject({ host: "2001:db8::1", port: 1 });
});

test.each<[string, string, string]>([
  ["no JSON", "{", "not JSON"],
  ["no object", "7", "not an object"],
  ["a typo", changed((f) => Object.assign(f, { nodez: [] })), "no field nodez"],
  ["a missing field", changed((f) => delete f["genesis"]), "genesis must be a string"],
  ["a wrong type", changed((f) => Object.assign(f, { clusterId: 5 })), "clusterId must be a string"],
  ["another version", changed((f) => Object.assign(f, { version: 2 })), "version is not 1"],
  ["no list of nodes", changed((f) => Object.assign(f, { nodes: {} })), "nodes is not a list"],
  ["no node", changed((f) => Object.assign(f, { nodes: [] })), "names no node"],
  ["nodes in another order", changed((f) => Object.assign(f, { nodes: f.nodes.toReversed() })), "node 2 stands behind"],
  ["a node twice", changed((f) => f.nodes.push({ ...f.nodes[2] })), "node 3 stands behind node 3"],
  ["an id that is none", changed((f) => Object.assign(f.nodes[0] ?? {}, { id: 0.5 })), "0.5 is not an id"],
  ["a port that is none", changed((f) => Object.assign(f.nodes[0] ?? {}, { port: 70_000 })), "the port of node 1"],
  ["no host", changed((f) => Object.assign(f.nodes[1] ?? {}, { host: "" })), "the host of node 2"],
  [
    "a key that is no hex",
    changed((f) => Object.assign(f.nodes[1] ?? {}, { publicKey: "xy" })),
    "publicKey of node 2 is not hex",
  ],
  [
    "a short key",
    changed((f) => Object.assign(f.nodes[1] ?? {}, { publicKey: "00" })),
    "publicKey of node 2 is not 32 bytes",
  ],
  ["a mark that is none", changed((f) => Object.assign(f.nodes[1] ?? {}, { learner: 1 })), "learner must be a boolean"],
  [
    "learners alone",
    changed((f) => Object.assign(f, { nodes: f.nodes.map((node) => ({ ...node, learner: true })) })),
    "all nodes that it names are learners",
  ],
  ["a node's typo", changed((f) => Object.assign(f.nodes[2] ?? {}, { hots: "" })), "nodes[2] has no field hots"],
  [
    "another key than the genesis'",
    changed((f) => Object.assign(f.nodes[0] ?? {}, { publicKey: "00".repeat(32) })),
    "node 1",
  ],
  ["another cluster's id", changed((f) => Object.assign(f, { clusterId: "00".repeat(16) })), "not that of its genesis"],
  ["an id that is no hex", changed((f) => Object.assign(f, { clusterId: "xyz" })), "not that of its genesis"],
  ["a genesis that is no hex", changed((f) => Object.assign(f, { genesis: "0" })), "not hexadecimal"],
  ["a genesis that is none", changed((f) => Object.assign(f, { genesis: "c0" })), "cannot be used"],
])("refused with the place: %s", (_name, text, place) => {
  expect(() => parseClusterFile(text)).toThrow(
    expect.objectContaining({ code: "cluster_file_invalid", message: expect.stringContaining(place) as string }),
  );
});

/** The text of the file without a node. */
function removeNode({ genesis, nodes }: ClusterFile, id: number): string {
  return formatClusterFile(
    genesis,
    nodes.filter((node) => node.id !== id),
  );
}

function newNode(id: number, publicKey = Identity.generate().publicKey): ClusterNode {
  return { id, name: `node-${id}`, publicKey, host: "node.example", port: 7400 };
}

describe("a learner", () => {
  const learner: ClusterNode = { ...newNode(4), learner: true };
  const text = addNode(FILE, learner);

  test("is marked, is read as one, and does not count among those that vote", () => {
    const file = parseClusterFile(text);
    expect(file).toEqual({ ...FILE, nodes: [...NODES, learner] });
    expect(votersIn(file).map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(formatClusterFile(file.genesis, file.nodes)).toBe(text);
  });

  test("is no more where the mark says no, which is not written: programs that know no mark read the file", () => {
    const file = parseClusterFile(text.replace('"learner": true', '"learner": false'));
    expect(votersIn(file)).toHaveLength(4);
    expect(formatClusterFile(file.genesis, file.nodes)).not.toContain("learner");
  });
});

describe("nodes that came and went", () => {
  test("a file may name nodes that the genesis does not, and lack some that it does; the cluster is the same", () => {
    const fourth = newNode(4);
    const last = newNode(NODE_ID_MAX);
    const grown = parseClusterFile(addNode(parseClusterFile(addNode(FILE, last)), fourth));
    expect(grown).toEqual({ ...FILE, nodes: [...NODES, fourth, last] });
    const shrunk = [1, 2, 3, 4].reduce((file, id) => parseClusterFile(removeNode(file, id)), grown);
    expect(shrunk).toEqual({ ...FILE, nodes: [last] });
    expect(parseClusterFile(addNode(shrunk, NODES[1] as ClusterNode)).nodes.map(({ id }) => id)).toEqual([
      2,
      NODE_ID_MAX,
    ]);
  });

  test.each<[string, () => unknown, string]>([
    ["an id that is taken", () => addNode(FILE, newNode(3)), "node 3 stands behind node 3"],
    ["an id beyond the bound", () => addNode(FILE, newNode(NODE_ID_MAX + 1)), "256 is not an id"],
    [
      "a key that another node has",
      () => addNode(FILE, newNode(4, NODES[1]?.publicKey)),
      "another node's or the admin's",
    ],
    [
      "the key of a node of the genesis that is gone",
      () => addNode(parseClusterFile(removeNode(FILE, 2)), newNode(4, NODES[1]?.publicKey)),
      "another node's or the admin's",
    ],
    [
      "the key of a node that came later",
      () => {
        const later = newNode(4);
        addNode(parseClusterFile(addNode(FILE, later)), { ...later, id: 5, name: "other" });
      },
      "of node 5 is another node's",
    ],
    ["the admin's key", () => addNode(FILE, newNode(4, GENESIS.adminKey)), "another node's or the admin's"],
    [
      "a node of the genesis under another key",
      () => addNode(parseClusterFile(removeNode(FILE, 2)), newNode(2)),
      "node 2 is not the one of its genesis",
    ],
    [
      "more nodes than a cluster has",
      () =>
        Array.from({ length: NODES_MAX - 2 }, (_, i) => i + 4).reduce(
          (file, id) => parseClusterFile(addNode(file, newNode(id))),
          FILE,
        ),
      "names 10 nodes",
    ],
    [
      "the removal of the last",
      () => [1, 2, 3].reduce((file, id) => parseClusterFile(removeNode(file, id)), FILE),
      "names no node",
    ],
  ])("refused: %s", (_name, change, reason) => {
    expect(change).toThrow(
      expect.objectContaining({ code: "cluster_file_invalid", message: expect.stringContaining(reason) as string }),
    );
  });
});

describe("names", () => {
  const written = (text: string): unknown[] => (JSON.parse(text) as Fields).nodes.map((node) => node["name"]);

  test("a node has the name that it was given, or the one of its id, which is not written down", () => {
    const named = parseClusterFile(changed((f) => Object.assign(f.nodes[1] ?? {}, { name: "south" })));
    expect(named.nodes.map(({ name }) => name)).toEqual(["node-1", "south", "node-3"]);
    expect(written(formatClusterFile(named.genesis, named.nodes))).toEqual([undefined, "south", undefined]);
    expect(written(TEXT)).toEqual([undefined, undefined, undefined]);
  });

  test("a name goes to another node when the one that had it has another, or is there no more", () => {
    const fourth = { ...newNode(4), name: "node-2" };
    const left = parseClusterFile(addNode(parseClusterFile(removeNode(FILE, 2)), fourth));
    expect(left.nodes.map(({ id, name }) => [id, name])).toEqual([
      [1, "node-1"],
      [3, "node-3"],
      [4, "node-2"],
    ]);
    const renamed = NODES.map((node) => (node.id === 2 ? { ...node, name: "old-2" } : node));
    expect(parseClusterFile(addNode({ ...FILE, nodes: renamed }, fourth)).nodes[3]).toEqual(fourth);
  });

  test.each<[string, unknown, string]>([
    ["none at all", "", "the name of node 2 is not one"],
    ["too long", "a".repeat(33), "the name of node 2 is not one"],
    ["with capital letters", "South", "the name of node 2 is not one"],
    ["out of a path", "../south", "the name of node 2 is not one"],
    ["an id", "3", "the name of node 2 is not one"],
    ["no text", 7, "nodes[1]: name must be a string"],
    ["nothing", null, "nodes[1]: name must be a string"],
    ["that of another, which is not written down", "node-3", "nodes 2 and 3 have the same name, node-3"],
  ])("refused: %s", (_name, name, place) => {
    const refused = expect.objectContaining({ code: "cluster_file_invalid", message: expect.stringContaining(place) });
    expect(() => parseClusterFile(changed((f) => Object.assign(f.nodes[1] ?? {}, { name })))).toThrow(refused);
  });

  test("refused: the same name twice", () => {
    const twice = NODES.map((node) => ({ ...node, name: "a" }));
    expect(() => formatClusterFile(GENESIS, twice)).toThrow("nodes 1 and 2 have the same name, a");
    expect(() => addNode(FILE, { ...newNode(4), name: "node-3" })).toThrow("nodes 3 and 4 have the same name, node-3");
  });

  test("the longest, and the shortest", () => {
    for (const name of ["a", `b${"-9".repeat(15)}z`]) {
      expect(parseClusterFile(addNode(FILE, { ...newNode(4), name })).nodes[3]?.name).toBe(name);
    }
  });
});

test("whoever changes the genesis changes the id", () => {
  const hex = (JSON.parse(TEXT) as { genesis: string }).genesis;
  for (let at = 0; at < hex.length; at += 3) {
    const digit = hex[at] === "0" ? "1" : "0";
    const text = changed((f) => Object.assign(f, { genesis: hex.slice(0, at) + digit + hex.slice(at + 1) }));
    expect(() => parseClusterFile(text)).toThrow(expect.objectContaining({ code: "cluster_file_invalid" }));
  }
});
