/** `quorate member rejoin` and `replace`, cut short at any place, with other commands about members in between. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeKeyFile } from "../../node/client/index.ts";
import { execute, refuse, ScriptedCluster } from "../../node/client/scripted-cluster.contract.ts";
import { joiningIdentity } from "../../node/host/init.ts";
import { formatClusterFile } from "../../node/transport/cluster-file.ts";
import { readCluster } from "../cluster-access.ts";
import { followMembers } from "../cluster-members.ts";
import { submitChange } from "../joining.ts";
import { roleIn } from "../members.ts";
import { ran } from "../run.contract.ts";

const LEARNER_KEY = new Uint8Array(32).fill(7);
const LEARNER_PORT = 9;

let home = "";
let cluster: ScriptedCluster;
let clusterFile = "";

/** Three voters, the second of which is lost, and a learner that has joined, node 4, and is not there either. */
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "quorate-rejoin-"));
  mkdirSync(join(home, "cluster", "node-1"), { recursive: true });
  clusterFile = join(home, "cluster", "cluster.json");
  cluster = await ScriptedCluster.start(3);
  const { genesis, nodes } = cluster.file;
  const address = { publicKey: LEARNER_KEY, host: "127.0.0.1", port: LEARNER_PORT };
  writeFileSync(
    clusterFile,
    formatClusterFile(genesis, [...nodes, { id: 4, name: "watch", ...address, learner: true }]),
  );
  const key = join(home, "cluster", "admin.key");
  writeKeyFile(key, cluster.admin);
  await submitChange({ cluster: clusterFile, key }, { add: [{ ...address, voter: false }] });
  await cluster.nodes[1]?.stop();
  for (const node of cluster.nodes) {
    node.lie = (answer) => {
      if (answer.type !== "members") return answer;
      // Whoever is removed stands in the configuration no more, so that any command takes it out of the cluster file.
      const voters = answer.configuration.voters.filter((id) => roleIn(answer, id) !== "removed");
      return { ...answer, configuration: { ...answer.configuration, voters } };
    };
  }
});
afterEach(async () => {
  await cluster.stop();
  rmSync(home, { recursive: true });
});

interface Answer {
  readonly code: number;
  readonly json: unknown;
}

async function member(...args: readonly string[]): Promise<Answer> {
  const { code, out } = await ran("member", ...args, "--cluster", clusterFile, "--json");
  return { code, json: JSON.parse(out) };
}

/** From now on the cluster says nothing of what is submitted to it from the `cut`th on, which it does or does not carry out. */
function cutAt(cut: number, isOrdered: boolean): void {
  let submits = 0;
  for (const node of cluster.nodes) {
    node.onSubmit = (call) => {
      submits += 1;
      if (submits < cut) return execute(call);
      if (submits === cut && isOrdered) call.receipt();
      return refuse("internal")(call);
    };
  }
}

/** Runs a command until it comes to its end: cut short one step later each time, and another command follows each run. */
async function inTheEnd(isOrdered: boolean, ...args: readonly string[]): Promise<Answer> {
  for (let cut = 1; ; cut++) {
    cutAt(cut, isOrdered);
    const answer = await member(...args);
    for (const node of cluster.nodes) node.onSubmit = execute;
    await followMembers({ cluster: clusterFile, key: undefined });
    if (answer.code === 0) return answer;
    expect(answer).toMatchObject({ code: 1, json: { error: { code: "internal" } } });
  }
}

function roles(): string[] {
  return cluster.state.members.all.map(({ id, role }) => `${id} ${role}`);
}

/** All nodes of the file, with `+` before learners. */
function named(): string[] {
  return readCluster(clusterFile).nodes.map(({ id, name, learner }) => `${learner === true ? "+" : ""}${id} ${name}`);
}

/** The learner is entered, the one before it has left, and any other command has taken that out of the file. */
async function cutWhenEntered(...args: readonly string[]): Promise<void> {
  cutAt(2, true);
  expect(await member(...args)).toMatchObject({ code: 1, json: { error: { code: "internal" } } });
  for (const node of cluster.nodes) node.onSubmit = execute;
  await followMembers({ cluster: clusterFile, key: undefined });
  expect(roles()).toEqual(["1 voter", "2 removed", "3 voter", "4 learner", "5 learner"]);
  expect(named()).toEqual(["1 node-1", "3 node-3", "+4 watch"]);
}

test.each([
  ["by its name, what was sent is carried out", true, ["node-2"]],
  ["by its name, what was sent is lost", false, ["node-2"]],
  ["by its id, what was sent is carried out", true, ["2"]],
  ["by its id, what was sent is lost", false, ["2"]],
  ["in another directory", true, ["node-2", "--dir", "elsewhere"]],
])("a voter that begins again has its vote in the end: %s", async (_how, isOrdered, [node = "", ...options]) => {
  const place = options.map((text) => (text === "elsewhere" ? join(home, text) : text));
  const { json } = await inTheEnd(isOrdered, "rejoin", node, ...place);
  const config = join(place[1] ?? join(home, "cluster", "node-2"), "config.json");
  expect(json).toEqual({ id: 5, name: "node-2", config, rejoins: 2, voter: true });
  expect(roles()).toEqual(["1 voter", "2 removed", "3 voter", "4 learner", "5 voter"]);
  expect(named()).toEqual(["1 node-1", "3 node-3", "+4 watch", "5 node-2"]);
  expect(readCluster(clusterFile).nodes.at(-1)?.port).toBe(cluster.nodes[1]?.port);
});

test("a learner that begins again is told to be one", async () => {
  const { out } = await ran("member", "rejoin", "watch", "--cluster", clusterFile);
  expect(out).toMatch(
    /^watch begins again as node 5\. It is a learner, as node 4 was; where it shall vote, "quorate member promote watch" it\. Start/,
  );
  expect(roles()).toEqual(["1 voter", "2 voter", "3 voter", "4 removed", "5 learner"]);
});

test("without the directory that it was given, one that was cut short is not found, and that is said", async () => {
  const elsewhere = ["--dir", join(home, "elsewhere")];
  await cutWhenEntered("rejoin", "node-2", ...elsewhere);
  const { code, json } = await member("rejoin", "node-2");
  expect(code).toBe(2);
  expect(json).toEqual({
    error: { code: "usage", message: expect.stringMatching(/no node node-2; .*cut short, --dir must say which/) },
  });
  expect(await member("rejoin", "node-2", ...elsewhere)).toMatchObject({ code: 0, json: { id: 5, voter: true } });
});

test("whose identity is in a directory, no other command enters there", async () => {
  await cutWhenEntered("rejoin", "node-2");
  const place = ["--dir", join(home, "cluster", "node-2"), "--port", `${cluster.nodes[1]?.port}`];
  const begun =
    /the identity in .* is that of node 5, which "quorate member rejoin 2" was to enter: run that again, or/;
  for (const other of [["add"], ["replace", "3"]]) {
    const refused = { error: { code: "wrong_state", message: expect.stringMatching(begun) } };
    expect(await member(...other, ...place)).toEqual({ code: 1, json: refused });
  }
  const watch = await member("rejoin", "watch", "--dir", join(home, "cluster", "node-2"));
  expect(watch).toMatchObject({ code: 1, json: { error: { code: "already_exists" } } });
  expect(await member("rejoin", "5")).toMatchObject({ code: 0, json: { id: 5, name: "node-2", rejoins: 2 } });
});

test("a note that nothing came of is worth nothing", async () => {
  const place = ["--dir", join(home, "cluster", "node-2")];
  cutAt(1, false);
  expect(await member("rejoin", "node-2", ...place)).toMatchObject({ code: 1 });
  for (const node of cluster.nodes) node.onSubmit = execute;
  const { publicKey } = joiningIdentity(join(home, "cluster", "node-2"));
  expect(await member("rejoin", "watch", ...place)).toMatchObject({ code: 0, json: { rejoins: 4, voter: false } });
  expect(cluster.state.members.all.at(-1)).toMatchObject({ id: 5, publicKey, port: LEARNER_PORT });
});

test.each([true, false])("one that had joined leaves at once where another takes its address", async (isOrdered) => {
  const place = ["--dir", join(home, "new"), "--port", `${LEARNER_PORT}`];
  expect(await inTheEnd(isOrdered, "replace", "watch", ...place)).toMatchObject({
    json: { id: 5, name: "watch", replaces: 4 },
  });
  expect(roles()).toEqual(["1 voter", "2 voter", "3 voter", "4 removed", "5 voter"]);
});

test("and the command says so; where another takes its place elsewhere, it stays", async () => {
  const replace = async (node: string, port: number): Promise<string> => {
    const place = ["--dir", join(home, `${port}`), "--port", `${port}`];
    return (await ran("member", "replace", node, ...place, "--cluster", clusterFile)).out;
  };
  expect(await replace("watch", LEARNER_PORT)).toMatch(
    /takes the place of node 4, which had its address and leaves at once/,
  );
  expect(await replace("node-3", 10)).toMatch(/takes the place of node 3 when it has caught up/);
});
