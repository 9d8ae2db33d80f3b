import { describe, expect, test } from "vitest";
import type { ClusterFile, ClusterNode } from "../node/client/index.ts";
import { nodeIdOf, nodeReference, nodeText } from "./node-names.ts";
import { CLUSTER } from "./verify/node-log.test-support.ts";

const NODES: readonly ClusterNode[] = [
  { id: 1, name: "node-1", publicKey: new Uint8Array(32), host: "h", port: 1 },
  { id: 4, name: "node-2", publicKey: new Uint8Array(32), host: "h", port: 2 },
  { id: 5, name: "old-3", publicKey: new Uint8Array(32), host: "h", port: 3 },
];
const FILE: ClusterFile = { ...CLUSTER, nodes: NODES };

describe("a node is meant by its name or its id", () => {
  test.each([
    ["node-1", 1],
    ["node-2", 4],
    ["4", 4],
    ["2", 2], // which the cluster may know, though the file does not
    ["old-3", 5],
  ])("%s", (node, id) => {
    expect(nodeIdOf(FILE, nodeReference("to")(node))).toBe(id);
  });

  test("a name that nobody has is an error that says who there is", () => {
    expect(() => nodeIdOf(FILE, "node-4")).toThrow(
      expect.objectContaining({
        code: "usage",
        message: "the cluster file names no node node-4; it names node 1, node 4 (node-2), node 5 (old-3)",
      }),
    );
  });

  test.each(["", "0", "256", "1000", "-1", "1.5", "01", "North", "a_b", "-"])("%j is neither", (node) => {
    expect(() => nodeReference("to")(node)).toThrow(expect.objectContaining({ code: "usage" }));
  });
});

test("a name is said beside the id where it does not go without saying", () => {
  expect(NODES.map(nodeText)).toEqual(["node 1", "node 4 (node-2)", "node 5 (old-3)"]);
});
