import { expect, test } from "vitest";
import { formatClusterFile, parseClusterFile } from "./cluster-file.ts";
import { Identity } from "./identity.ts";

const GENESIS = {
  timestamp: 1_700_000_000_000_000_000n,
  nodes: [1, 2, 3].map((id) => ({ id, publicKey: Identity.generate().publicKey })),
  adminKey: Identity.generate().publicKey,
};
const ADDRESSES = [7400, 7401, 7402].map((port) => ({ host: "127.0.0.1", port }));
const TEXT = formatClusterFile(GENESIS, ADDRESSES);

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
  expect(nodes).toEqual(GENESIS.nodes.map((node, index) => ({ ...node, ...ADDRESSES[index] })));
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
  ["a node too few", changed((f) => f.nodes.pop()), "not those of its genesis"],
  [
    "nodes in another order",
    changed((f) => Object.assign(f, { nodes: f.nodes.toReversed() })),
    "not the one of its genesis",
  ],
  ["a port that is none", changed((f) => Object.assign(f.nodes[0] ?? {}, { port: 70_000 })), "nodes[0].port"],
  ["a node's typo", changed((f) => Object.assign(f.nodes[2] ?? {}, { hots: "" })), "nodes[2] has no field hots"],
  ["another node's key", changed((f) => Object.assign(f.nodes[0] ?? {}, { publicKey: "00".repeat(32) })), "node 1"],
  ["another cluster's id", changed((f) => Object.assign(f, { clusterId: "00".repeat(16) })), "not that of its genesis"],
  ["an id that is no hex", changed((f) => Object.assign(f, { clusterId: "xyz" })), "not that of its genesis"],
  ["a genesis that is no hex", changed((f) => Object.assign(f, { genesis: "0" })), "not hexadecimal"],
  ["a genesis that is none", changed((f) => Object.assign(f, { genesis: "c0" })), "cannot be used"],
])("refused with the place: %s", (_name, text, place) => {
  expect(() => parseClusterFile(text)).toThrow(
    expect.objectContaining({ code: "cluster_file_invalid", message: expect.stringContaining(place) as string }),
  );
});

test("whoever changes the genesis changes the id", () => {
  const hex = (JSON.parse(TEXT) as { genesis: string }).genesis;
  for (let at = 0; at < hex.length; at += 3) {
    const digit = hex[at] === "0" ? "1" : "0";
    const text = changed((f) => Object.assign(f, { genesis: hex.slice(0, at) + digit + hex.slice(at + 1) }));
    expect(() => parseClusterFile(text)).toThrow(expect.objectContaining({ code: "cluster_file_invalid" }));
  }
});
