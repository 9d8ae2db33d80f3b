import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { toHex } from "../node/base/bytes.ts";
import { newKey, writeKeyFile } from "../node/client/index.ts";
import { ScriptedCluster } from "../node/client/scripted-cluster.contract.ts";
import type { QueryAnswer } from "../node/state/queries.ts";
import { type ClusterNode, formatClusterFile, parseClusterFile } from "../node/transport/cluster-file.ts";
import { followMembers, forgetNode, membersNow } from "./cluster-members.ts";
import { type MembersAnswer, standing } from "./members.ts";

let home = "";
let cluster: ScriptedCluster;

/** A cluster of three voters, and a file that names them. */
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "quorate-members-"));
  cluster = await ScriptedCluster.start(3);
  writeKeyFile(join(home, "admin.key"), cluster.admin);
  write(cluster.file.nodes);
});
afterEach(async () => {
  await cluster.stop();
  rmSync(home, { recursive: true });
});

function args(): { readonly cluster: string; readonly key: string } {
  return { cluster: join(home, "cluster.json"), key: join(home, "admin.key") };
}

function write(nodes: readonly ClusterNode[]): void {
  writeFileSync(args().cluster, formatClusterFile(cluster.file.genesis, nodes));
}

/** Ids of the nodes in the file, `+` before learners. */
function named(): string {
  const { nodes } = parseClusterFile(readFileSync(args().cluster, "utf8"));
  return nodes.map(({ id, learner }) => (learner === true ? `+${id}` : id)).join(" ");
}

function another(id: number): ClusterNode {
  return { id, name: `node-${id}`, publicKey: newKey().publicKey, host: "127.0.0.1", port: 9 + id };
}

/** Says that others vote now: those that are named, which have left for the rest, and as many of its own. */
function saying(voters: readonly number[], own: readonly ClusterNode[]): (answer: QueryAnswer) => QueryAnswer {
  return (answer) => {
    if (answer.type !== "members") return answer;
    const known = (answer as MembersAnswer).members.map((node) => {
      return voters.includes(node.id) ? node : { ...node, role: "removed" as const };
    });
    const added = own.map(({ id, publicKey, host, port }) => {
      return { id, publicKey: toHex(publicKey), host, port, role: "voter" as const };
    });
    const configuration = { voters: [...voters, ...own.map(({ id }) => id)], outgoing: [], learners: [] };
    return { ...answer, members: [...known, ...added], configuration };
  };
}

test("who is to be a learner votes until the joint configuration is left", () => {
  const [joint, left] = [[1, 2, 3, 4], []].map((outgoing) => {
    return [2, 3, 4].map((id) => standing({ voters: [1, 2], outgoing, learners: [3] }, id));
  });
  expect(joint).toEqual(["voter", "voter, becoming a learner", "voter, leaving"]);
  expect(left).toEqual(["voter", "learner", "-"]);
});

test.each([0, 1])(
  "one of two voters that lies changes nothing in a cluster file: the one at place %d",
  async (place) => {
    write(cluster.file.nodes.map((node) => (node.id === 3 ? { ...node, learner: true as const } : node)));
    const liar = cluster.nodes[place];
    if (liar !== undefined) liar.lie = saying([liar.id], [another(5), another(6)]);
    expect(await followMembers(args())).toBeUndefined();
    expect(named()).toBe("1 2 +3");
  },
);

test("a learner that lies is not asked", async () => {
  write(cluster.file.nodes.map((node) => (node.id === 3 ? { ...node, learner: true as const } : node)));
  const [, , third] = cluster.nodes;
  if (third !== undefined) third.lie = saying([3], [another(5), another(6)]);
  await followMembers(args());
  expect(named()).toBe("1 2 3");
});

test("what two of three say is followed, whatever the third says; with the other down nothing is", async () => {
  const [first, , third] = cluster.nodes;
  if (first !== undefined) first.lie = saying([1], [another(4), another(5)]);
  expect((await membersNow(args())).configuration.voters).toEqual([1, 2, 3]);
  expect(named()).toBe("1 2 3");
  await third?.stop();
  expect(await followMembers(args())).toBeUndefined();
  expect(named()).toBe("1 2 3");
});

test("what a quorum says of learners and of who has left is taken over", async () => {
  const left = saying([1, 2], []);
  for (const node of cluster.nodes.slice(0, 2)) node.lie = left;
  await cluster.nodes[2]?.stop();
  await followMembers(args());
  expect(named()).toBe("1 2");
});

test("a file of which no quorum votes any more is refused before anything is changed, and told what to do", async () => {
  const [first, ...others] = cluster.nodes;
  if (first !== undefined) first.lie = saying([1], [another(4), another(5)]);
  for (const node of others) await node.stop();
  await expect(membersNow(args())).rejects.toMatchObject({
    code: "cluster_file_old",
    message: expect.stringMatching(/names 1 of the 3 nodes that vote.* nothing was changed: take a newer one/),
  });
  expect(named()).toBe("1 2 3");
});

test("voters that were never started keep no file from forgetting one that was taken back", async () => {
  write([...cluster.file.nodes, another(4), another(5), another(6)]);
  expect((await membersNow(args())).configuration.voters).toEqual([1, 2, 3]);
  await forgetNode(args(), 5);
  expect(named()).toBe("1 2 3 4 6");
});
