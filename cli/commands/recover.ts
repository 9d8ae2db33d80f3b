/** `quorate recover`: a cluster goes on with a minority of its nodes, because the others are gone for good. */
import { dirname, join } from "node:path";
import type { CommandModule } from "yargs";
import { CodedError, errorCode } from "../../node/base/errors.ts";
import { newKey, readKeyFile } from "../../node/client/index.ts";
import { peersOf } from "../../node/peers.ts";
import { defaultName } from "../../node/transport/cluster-file.ts";
import { formatTime } from "../amounts.ts";
import { command } from "../command.ts";
import { clusterStatus } from "../node-status.ts";
import { table } from "../output.ts";
import { finishRecovery, planRecovery, type RecoveryPlan, recoverCluster } from "../recover/recover.ts";
import { Survivor } from "../recover/survivor.ts";
import { nodesIn } from "../verify/node-directories.ts";

/** How a node stands that is not there, or whose place somebody else has taken. */
const ABSENT = ["down", "wrong_node"];

/** What was found, and what it means to go on with it. */
function describe({ best, survivors, state, lost, leaving }: RecoveryPlan): string {
  const rows = survivors.map(({ id, term, height, checkpointHeight, node }) => [
    ...[`${id}`, term, height, checkpointHeight, node.data],
  ]);
  const gone = lost.join(", ");
  return [
    table([["node", "last term", "height", "checkpoint", "data"], ...rows]),
    `The cluster goes on from the log of node ${best.id}: height ${state.height}, last block of ${formatTime(state.timestamp)}.`,
    "",
    "WHAT MAY BE MISSING",
    `  - Whatever nodes ${gone} had agreed on and none of these has: payments that were acknowledged after height`,
    `    ${state.height}. Whoever holds a receipt of a greater height holds one of a payment that is not there any more.`,
    "  - What the card network was asked behind that height: reconcile with its own list.",
    "  - And something more may be there: the last blocks of this log may never have been agreed on. They count from now on.",
    "WHAT IS FOR GOOD",
    `  - Nodes ${gone} leave: their keys are revoked, and nobody talks to them any more. Destroy their disks: a quorum of the`,
    "    old nodes that is ever started again would go on as the old cluster, for clients that still know its addresses.",
    ...leaving.map((id) => `  - Node ${id}, which was to leave before, leaves now: it only gives what it has.`),
  ].join("\n");
}

async function opened<T>(
  directories: readonly string[],
  act: (survivors: readonly Survivor[]) => Promise<T>,
): Promise<T> {
  const survivors: Survivor[] = [];
  try {
    for (const node of directories.flatMap(nodesIn)) survivors.push(await Survivor.open(node));
    return await act(survivors);
  } finally {
    for (const survivor of survivors) await survivor.close();
  }
}

/** What there is to do; nothing is, where a recovery was cut short that needs no more than its cluster files. */
function planOrFinish(survivors: readonly Survivor[], accepted: boolean): RecoveryPlan {
  try {
    return planRecovery(survivors);
  } catch (error) {
    if (accepted && errorCode(error) === "quorum_survives") finishRecovery(survivors);
    throw error;
  }
}

/** Throws `CodedError` `lost_node_answers`: two clusters out of one would both go on. */
async function refuseIfTheyAnswer({ cluster, state, lost }: RecoveryPlan): Promise<void> {
  // The cluster file of a node that is left may be older than others.
  const nodes = peersOf(cluster.nodes, state.members)
    .filter(({ id }) => lost.includes(id))
    .map((node) => ({ ...node, name: defaultName(node.id) }));
  // A node that refuses a key which it does not know is there, too.
  const stands = await clusterStatus({ ...cluster, nodes }, newKey());
  const there = stands.filter(({ reachable, role }) => reachable || !ABSENT.includes(role));
  if (there.length === 0) return;
  const names = there.map(({ id }) => id).join(", ");
  const text = `node ${names} answers, and nothing was changed: what answers is not lost; give its directory, too, or stop it for good`;
  throw new CodedError("lost_node_answers", text);
}

export const recover: CommandModule = command({
  command: "recover <dirs..>",
  lists: ["dirs", "key"],
  describe: "go on with the nodes that are left, when a quorum is gone for good; what only the others had is lost",
  builder: (yargs) =>
    yargs
      .positional("dirs", {
        type: "string",
        array: true,
        demandOption: true,
        describe: "directories of the stopped nodes that are left, all of them",
      })
      .option("accept-data-loss", {
        type: "boolean",
        default: false,
        describe: "do it; without this, only say what was found and what may be missing",
      })
      .option("key", {
        type: "string",
        array: true,
        nargs: 1,
        describe:
          "key file of an admin or operator; again for each that must co-sign; without it the admin's, beside the cluster file",
      })
      .example("$0 recover cluster/node-1", "what is there, and what may be missing")
      .example("$0 recover cluster/node-1 --accept-data-loss", "then start node 1, and add others: quorate member add"),
  handler: async ({ dirs, key, "accept-data-loss": accepted }, output) => {
    await opened(dirs, async (survivors) => {
      const plan = planOrFinish(survivors, accepted);
      const { best, lost } = plan;
      output.note(describe(plan));
      await refuseIfTheyAnswer(plan);
      if (!accepted) {
        throw new CodedError(
          "data_loss_not_accepted",
          "nothing was changed; --accept-data-loss does what is said above",
        );
      }
      const files = key ?? [join(dirname(best.node.clusterFile), "admin.key")];
      const { height, term } = await recoverCluster(plan, files.map(readKeyFile), Date.now());
      const left = survivors.map(({ id }) => id).filter((id) => !plan.leaving.includes(id));
      output.result(
        { nodes: left, lost, from: best.id, height, term },
        [
          `The cluster consists of ${left.length === 1 ? "node" : "nodes"} ${left.join(", ")} from height ${height} (term ${term}) on.`,
          "Start each with the configuration that it had, then add nodes: quorate member add",
        ].join("\n"),
      );
    });
  },
});
