/** `quorate leader`: which node leads, and having another lead. */
import type { CommandModule } from "yargs";
import { CLUSTER_OPTIONS, readCluster, readKey } from "../cluster-access.ts";
import { command, group } from "../command.ts";
import { chooseTarget, handOver, requireLeader } from "../hand-over.ts";
import { nodeIdOf, nodeReference, nodeText } from "../node-names.ts";
import { clusterStatus } from "../node-status.ts";

const show: CommandModule = command({
  command: "show",
  describe: "which node leads, and who follows it; exit code 1 where no leader has a quorum",
  builder: (yargs) => yargs.options(CLUSTER_OPTIONS).example("$0 leader show --json", "for scripts: leader and term"),
  handler: async (args, output) => {
    const nodes = await clusterStatus(readCluster(args.cluster), readKey(args));
    const { id, name, term } = requireLeader(nodes);
    const followers = nodes.filter((node) => node.id !== id && node.leader === id).map((node) => node.id);
    const followed = followers.length === 0 ? "nobody follows" : `followed by ${followers.join(" and ")}`;
    output.result({ leader: id, name, term, followers }, `${nodeText({ id, name })} leads (term ${term}), ${followed}`);
  },
});

const transfer: CommandModule = command({
  command: "transfer",
  describe: "have another node lead, and wait until it does; for admins and operators",
  builder: (yargs) =>
    yargs
      .options(CLUSTER_OPTIONS)
      .option("to", {
        type: "string",
        coerce: nodeReference("to"),
        describe: "node that shall lead, by name or id; without it the follower with the highest state",
      })
      .example("$0 leader transfer --to 2", "before node 1 is taken down for maintenance"),
  handler: async (args, output) => {
    const cluster = readCluster(args.cluster);
    const signer = readKey(args);
    const nodes = await clusterStatus(cluster, signer);
    const leader = requireLeader(nodes);
    const target = chooseTarget(nodes, leader, args.to === undefined ? undefined : nodeIdOf(cluster, args.to));
    if (target.id === leader.id) {
      const already = { from: leader.id, to: leader.id, term: leader.term, tookMs: 0 };
      output.result(already, `node ${leader.id} leads already (term ${leader.term})`);
      return;
    }
    const done = await handOver(cluster, signer, { leader, target });
    output.result(
      done,
      `node ${done.to} leads now (term ${done.term}), after ${done.tookMs} ms; before it node ${done.from}`,
    );
  },
});

export const leader: CommandModule = group("leader", "which node leads, and having another lead", [show, transfer]);
