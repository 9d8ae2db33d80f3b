import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { newKey } from "../node/client/index.ts";
import { type ClusterNode, formatClusterFile, parseClusterFile } from "../node/transport/cluster-file.ts";
import { updateClusterFile } from "./cluster-members.ts";

const home = mkdtempSync(join(tmpdir(), "quorate-members-file-"));
const FILE = join(home, "cluster.json");
const nodes = [1, 2, 3, 4].map((id): ClusterNode => {
  const node = { id, name: `node-${id}`, publicKey: newKey().publicKey, host: "127.0.0.1", port: 7400 + id };
  return id > 2 ? { ...node, learner: true } : node;
});
const genesis = { timestamp: 1n, nodes: nodes.slice(0, 1), adminKey: newKey().publicKey };

beforeEach(() => writeFileSync(FILE, formatClusterFile(genesis, nodes)));
afterAll(() => rmSync(home, { recursive: true }));

/** A node that came after the file was written. */
function later(id: number): Pick<ClusterNode, "id" | "publicKey" | "host" | "port"> {
  return { id, publicKey: newKey().publicKey, host: "127.0.0.1", port: 7400 + id };
}

type Role = "voter" | "learner" | "removed";

/** The nodes of the file afterwards, `+` before learners. */
function updated(roles: readonly Role[], gone: readonly number[] = [], voting: readonly number[] = []): string {
  const known = roles.map((role, at) => {
    const { id, publicKey, host, port } = nodes[at] ?? later(at + 1);
    // The first is one of the genesis.
    return { ...(id === 1 ? { host: "", port: 0 } : { host, port }), id, publicKey, role };
  });
  const now = (id: number): string => (voting.includes(id) ? "voter, becoming a learner" : "learner");
  updateClusterFile(FILE, known, (id) => (gone.includes(id) ? "-" : now(id)));
  const after = parseClusterFile(readFileSync(FILE, "utf8")).nodes;
  return after.map(({ id, learner }) => (learner === true ? `+${id}` : id)).join(" ");
}

test.each<[string, readonly Role[], readonly number[], string]>([
  ["is as it is", ["voter", "voter", "learner", "learner"], [], "1 2 +3 +4"],
  ["names a learner that is to vote among those that vote", ["voter", "voter", "voter", "learner"], [], "1 2 3 +4"],
  ["marks who was entered as a learner", ["voter", "learner", "learner", "learner"], [], "1 +2 +3 +4"],
  ["keeps who is to leave and still takes part", ["voter", "removed", "learner", "removed"], [], "1 2 +3 +4"],
  ["names nobody who has left", ["voter", "removed", "learner", "removed"], [2, 4], "1 +3"],
  [
    "so old that all its voters have left gets those of today",
    ["removed", "removed", "learner", "learner", "voter", "removed", "voter", "learner"],
    [1, 2, 6],
    "+3 +4 5 7",
  ],
  [
    "whose voters are too few for a quorum of those of today gets the others",
    ["removed", "voter", "learner", "learner", "voter", "voter"],
    [1],
    "2 +3 +4 5 6",
  ],
  [
    "whose voters are a quorum without them does not",
    ["voter", "voter", "learner", "learner", "voter"],
    [],
    "1 2 +3 +4",
  ],
  [
    "of which nobody is left names those of today",
    ["removed", "removed", "removed", "removed", "voter"],
    [1, 2, 3, 4],
    "5",
  ],
  ["leaves alone whom the cluster does not know", ["voter", "voter"], [], "1 2 +3 +4"],
])("a file %s", (_, roles, gone, after) => {
  expect(updated(roles, gone)).toBe(after);
});

test("a file marks who was a voter when that is over, and not when it is wanted", () => {
  const roles: readonly Role[] = ["voter", "learner", "learner", "learner"];
  expect(updated(roles, [], [2])).toBe("1 2 +3 +4");
  expect(updated(roles)).toBe("1 +2 +3 +4");
});

test("a file that is right is not written again", () => {
  const { ino } = statSync(FILE);
  updated(["voter", "voter", "learner", "learner"]);
  expect(statSync(FILE).ino).toBe(ino);
});
