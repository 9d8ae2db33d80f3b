import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeKeyFile } from "../node/client/index.ts";
import { execute, refuse, ScriptedCluster } from "../node/client/scripted-cluster.contract.ts";
import { formatClusterFile, parseClusterFile } from "../node/transport/cluster-file.ts";
import { promoteNode, submitChange } from "./joining.ts";
import { markLearners } from "./learner-mark.test-support.ts";

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
