import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { toHex } from "../node/base/bytes.ts";
import { writeKeyFile } from "../node/client/index.ts";
import { execute, type OnSubmit, refuse, ScriptedCluster } from "../node/client/scripted-cluster.contract.ts";
import { formatClusterFile, parseClusterFile, votersIn } from "../node/transport/cluster-file.ts";
import { followMembers } from "./cluster-members.ts";
import { begunBefore, demoteNode, enterNode, promoteNode, submitChange } from "./joining.ts";
import { markLearners } from "./learner-mark.test-support.ts";
import { roleIn } from "./members.ts";

const NEW_KEY = new Uint8Array(32).fill(7);
const LEARNER = 4;

let home = "";
let cluster: ScriptedCluster;

/** A cluster of three voters and a learner, which its cluster file marks. */
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "quorate-joining-"));
  cluster = await ScriptedCluster.start(3);
  const { genesis, nodes } = cluster.file;
  const fourth = {
    id: LEARNER,
    name: "node-4",
    publicKey: NEW_KEY,
    host: "127.0.0.1",
    port: 9,
    learner: true as const,
  };
  writeFileSync(join(home, "cluster.json"), formatClusterFile(genesis, [...nodes, fourth]));
  writeKeyFile(join(home, "admin.key"), cluster.admin);
  await submitChange(args(), { add: [{ publicKey: NEW_KEY, host: "127.0.0.1", port: 9, voter: false }] });
});
afterEach(async () => {
  await cluster.stop();
  rmSync(home, { recursive: true });
});

function args(): { readonly cluster: string; readonly key: string } {
  return { cluster: join(home, "cluster.json"), key: join(home, "admin.key") };
}

function learners(): number[] {
  const { nodes } = parseClusterFile(readFileSync(args().cluster, "utf8"));
  return nodes.filter(({ learner }) => learner === true).map(({ id }) => id);
}

test("a learner that is promoted counts as a voter in the cluster file before the cluster hears of it", async () => {
  const seen: number[][] = [];
  for (const node of cluster.nodes) {
    node.onSubmit = (call) => {
      seen.push(learners());
      return execute(call);
    };
  }
  expect(learners()).toEqual([LEARNER]);
  await promoteNode(args(), LEARNER);
  expect(seen).not.toEqual([]);
  expect(seen.flat()).toEqual([]);
  expect(cluster.state.members.all.find(({ id }) => id === LEARNER)?.role).toBe("voter");
  expect(learners()).toEqual([]);
});

test("where the cluster refuses it counts as a voter all the same: it may be one already", async () => {
  await promoteNode(args(), LEARNER);
  markLearners(args().cluster, [LEARNER]);
  await expect(promoteNode(args(), LEARNER)).rejects.toMatchObject({ code: "wrong_state" });
  expect(learners()).toEqual([]);
});

test("where the outcome is not certain it counts as a voter: it may have been ordered", async () => {
  let submits = 0;
  for (const node of cluster.nodes) {
    node.onSubmit = (call) => {
      submits += 1;
      // The session first: what comes behind it is executed, and its answer lost.
      if (submits === 1) return execute(call);
      call.receipt();
      return refuse("internal")(call);
    };
  }
  await expect(promoteNode(args(), LEARNER)).rejects.toMatchObject({ code: "internal" });
  expect(cluster.state.members.all.find(({ id }) => id === LEARNER)?.role).toBe("voter");
  expect(learners()).toEqual([]);
});

test("a cluster of a release that demotes nobody is told from other faults, and the voter counts in the cluster file", async () => {
  await promoteNode(args(), LEARNER);
  let submits = 0;
  // The session first, as above.
  whenSubmitted((call) => (++submits === 1 ? execute(call) : refuse("malformed_body")(call)));
  await expect(demoteNode(args(), LEARNER)).rejects.toMatchObject({
    code: "malformed_body",
    message: expect.stringContaining("the cluster has not come to release 3"),
  });
  expect(learners()).toEqual([]);
});

/** Voters of the cluster whose signatures the cluster file does not count: with one, it believes fewer than a quorum. */
function missed(): number[] {
  const counted = votersIn(parseClusterFile(readFileSync(args().cluster, "utf8"))).map(({ publicKey }) =>
    toHex(publicKey),
  );
  const voters = cluster.state.members.all.filter(({ role }) => role === "voter");
  return voters.filter(({ publicKey }) => !counted.includes(toHex(publicKey))).map(({ id }) => id);
}

/** All nodes of the file, with `+` before learners. */
function named(): string[] {
  const { nodes } = parseClusterFile(readFileSync(args().cluster, "utf8"));
  return nodes.map(({ id, name, learner }) => `${learner === true ? "+" : ""}${id} ${name}`);
}

function whenSubmitted(act: OnSubmit): void {
  for (const node of cluster.nodes) node.onSubmit = act;
}

type Entrance = Parameters<typeof enterNode>[1];

/** As a command has it that was told the name of the node before it, which is the new one's in the end. */
async function asNamed(entrance: Entrance, dir: string): Promise<Entrance> {
  const { before } = entrance;
  if (before?.name === undefined) return entrance;
  const begun = await begunBefore({ ...args(), dir }, { node: before.name, isLost: before.isLost });
  const { nodes } = parseClusterFile(readFileSync(args().cluster, "utf8"));
  const id = nodes.find(({ name }) => name === before.name)?.id ?? 0;
  return { ...entrance, before: begun?.before ?? { ...before, id } };
}

/** From now on nodes that are removed stand in the configuration no more, so that whoever asks takes them out of the file. */
function letLeave(): void {
  for (const node of cluster.nodes) {
    node.lie = (answer) => {
      if (answer.type !== "members") return answer;
      const voters = answer.configuration.voters.filter((id) => roleIn(answer, id) !== "removed");
      return { ...answer, configuration: { ...answer.configuration, voters } };
    };
  }
}

describe.each<[string, entrance: Entrance, after: string[]]>([
  ["one more voter", { voter: true }, ["1 node-1", "2 node-2", "3 node-3", "+4 node-4", "5 node-5"]],
  [
    "a voter in place of another",
    { voter: true, before: { id: 2, name: "node-2", isLost: false } },
    ["1 node-1", "2 old-2", "3 node-3", "+4 node-4", "5 node-2"],
  ],
  [
    "a voter whose disk is lost",
    { voter: "as the one before", before: { id: 2, name: "node-2", isLost: true } },
    ["1 node-1", "3 node-3", "+4 node-4", "5 node-2"],
  ],
  [
    "a learner whose disk is lost",
    { voter: "as the one before", before: { id: LEARNER, name: "node-4", isLost: true } },
    ["1 node-1", "2 node-2", "3 node-3", "+5 node-4"],
  ],
])("%s enters", (_, entrance, after) => {
  const replaced = entrance.before === undefined ? [] : [entrance.before.id];
  const place = () => ({ ...args(), dir: join(home, "node"), host: "127.0.0.1", port: 10, encrypt: false });

  test("and no voter of the cluster is missing in the file at any time", async () => {
    const seen: number[][] = [];
    whenSubmitted((call) => {
      const receipt = call.receipt();
      seen.push(missed());
      call.answer({ type: "receipt", request: call.request, receipt });
    });
    await enterNode(place(), entrance);
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.flat()).toEqual([]);
    expect(named()).toEqual(after);
  });

  test.each([
    ["what it has sent is carried out", true, false],
    ["what it has sent is lost", false, false],
    ["what it has sent is carried out and another command follows", true, true],
    ["what it has sent is lost and another command follows", false, true],
  ])(
    "cut short anywhere, where %s, the file counts all voters, and another run goes on",
    async (_how, isOrdered, isFollowed) => {
      if (isFollowed) letLeave();
      for (let cut = 1; ; cut++) {
        let submits = 0;
        whenSubmitted((call) => {
          submits += 1;
          if (submits !== cut) return execute(call);
          if (isOrdered) call.receipt();
          return refuse("internal")(call);
        });
        const { dir } = place();
        const isOver = await enterNode(place(), await asNamed(entrance, dir)).then(
          () => true,
          () => false,
        );
        expect(missed()).toEqual([]);
        if (isFollowed) await followMembers(args());
        expect(missed()).toEqual([]);
        if (isOver) break;
      }
      expect(named()).toEqual(after.filter((node) => !isFollowed || node !== "2 old-2"));
      const { all } = cluster.state.members;
      expect(all.filter(({ id }) => id > LEARNER)).toHaveLength(1);
      expect(all.filter(({ role }) => role === "removed").map(({ id }) => id)).toEqual(replaced);
      const isVoter = !after.some((node) => node.startsWith("+5"));
      expect(all.at(-1)?.role).toBe(isVoter ? "voter" : "learner");
    },
  );

  test("where the file cannot be written nobody votes who is not in it, and another run goes on", async () => {
    const inTheWay = join(home, "cluster.json.new");
    mkdirSync(inTheWay);
    await expect(enterNode(place(), entrance)).rejects.toThrow();
    expect(missed()).toEqual([]);
    rmdirSync(inTheWay);
    await enterNode(place(), await asNamed(entrance, place().dir));
    expect(missed()).toEqual([]);
    expect(named()).toEqual(after);
  });
});

test("nobody enters in place of a node that is not there, and the cluster is as it was", async () => {
  const place = { ...args(), dir: join(home, "node"), host: "127.0.0.1", port: 10, encrypt: false };
  await submitChange(args(), { remove: [3] });
  for (const [id, code] of [
    [3, "wrong_state"],
    [9, "not_found"],
  ] as const) {
    const before = { id, name: undefined, isLost: false };
    await expect(enterNode(place, { voter: true, before })).rejects.toMatchObject({ code });
  }
  expect(cluster.state.members.all).toHaveLength(LEARNER);
});

test("an identity that entered once is no reason to enter again: its node may have voted, and been demoted", async () => {
  const place = { ...args(), dir: join(home, "node"), host: "127.0.0.1", port: 10, encrypt: false };
  await enterNode(place, { voter: false });
  const restored = { ...place, dir: join(home, "restored") };
  mkdirSync(restored.dir);
  copyFileSync(join(place.dir, "identity.key"), join(restored.dir, "identity.key"));
  const before = { id: 5, name: "node-5", isLost: true };
  for (const entrance of [{ voter: true }, { voter: "as the one before", before }] as const) {
    await expect(enterNode(restored, entrance)).rejects.toMatchObject({
      code: "wrong_state",
      message: expect.stringContaining('move it away, and "quorate member rejoin 5"'),
    });
  }
  // With another identity there it is what it says: a node whose disk is lost begins again.
  rmSync(join(restored.dir, "identity.key"));
  expect(await enterNode(restored, { voter: "as the one before", before })).toMatchObject({ id: 6, voter: false });
});

test("a promotion that is agreed on later than its command ended is not taken for one that never was", async () => {
  const held: (() => void)[] = [];
  let submits = 0;
  whenSubmitted((call) => {
    submits += 1;
    // The session first; what comes behind it stands in a log, and no quorum has it.
    if (submits === 1) return execute(call);
    held.push(call.receipt);
    return refuse("internal")(call);
  });
  await expect(promoteNode(args(), LEARNER)).rejects.toMatchObject({ code: "internal" });
  // Behind it in the log, and agreed on with it.
  whenSubmitted((call) => {
    for (const receipt of held.splice(0)) receipt();
    return execute(call);
  });
  await followMembers(args());
  expect([missed(), learners()]).toEqual([[], []]);
});

describe("whoever was entered for another reason", () => {
  const before = { id: 2, name: "node-2", isLost: false };
  const rejoins = { voter: "as the one before", before: { ...before, isLost: true } } as const;
  const place = () => ({ ...args(), dir: join(home, "node"), host: "127.0.0.1", port: 10, encrypt: false });

  /** It was to replace a node; when that is agreed on, the node has lost its disk, and begins again there. */
  async function entered(): Promise<void> {
    let held: (() => void) | undefined;
    let submits = 0;
    whenSubmitted((call) => {
      submits += 1;
      if (submits === 1) return execute(call);
      held = call.receipt;
      return refuse("internal")(call);
    });
    await expect(enterNode(place(), { voter: true, before })).rejects.toMatchObject({ code: "internal" });
    whenSubmitted((call) => {
      held?.();
      held = undefined;
      return execute(call);
    });
    await expect(enterNode(place(), rejoins)).rejects.toMatchObject({ code: "already_exists" });
  }

  test("has the node before it leave all the same", async () => {
    await entered();
    await enterNode(place(), rejoins);
    const { all } = cluster.state.members;
    expect(all.map(({ role }) => role)).toEqual(["voter", "removed", "voter", "learner", "voter"]);
    expect([missed(), named()]).toEqual([[], ["1 node-1", "3 node-3", "+4 node-4", "5 node-2"]]);
  });

  test("and the file counts that one until it is agreed on that it leaves", async () => {
    await promoteNode(args(), LEARNER);
    await entered();
    let submits = 0;
    whenSubmitted((call) => (++submits === 1 ? execute(call) : refuse("internal")(call)));
    await expect(enterNode(place(), rejoins)).rejects.toMatchObject({ code: "internal" });
    whenSubmitted(execute);
    await followMembers(args());
    expect(missed()).toEqual([]);
    await enterNode(place(), rejoins);
    expect([missed(), named()]).toEqual([[], ["1 node-1", "3 node-3", "4 node-4", "5 node-2"]]);
  });
});
