/** `quorate dev`: a whole cluster on this machine, one process a node, with the sandbox acquirer. */
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { CommandModule } from "yargs";
import { readKeyFile } from "../../node/client/index.ts";
import { command } from "../command.ts";
import { interruption } from "../interruption.ts";
import { clusterStatus } from "../node-status.ts";
import { LocalCluster } from "../processes.ts";
import { startReady, tellOfExits } from "../start-local.ts";
import { parseNodeCount } from "./init.ts";
import { statusTable } from "./status.ts";

/** The cluster in a directory: the one that is there, or a new one. */
async function openOrInit(directory: string, nodes: number): Promise<LocalCluster> {
  if (existsSync(join(directory, "cluster.json"))) {
    return LocalCluster.open(directory, readKeyFile(join(directory, "admin.key")));
  }
  return await LocalCluster.init({ directory, nodes, nowMs: Date.now() });
}

export const dev: CommandModule = command({
  command: "dev",
  describe: "run a local cluster with the sandbox acquirer until Ctrl-C",
  builder: (yargs) =>
    yargs
      .option("nodes", {
        type: "number",
        default: 3,
        coerce: parseNodeCount,
        describe: "how many nodes; of a new cluster",
      })
      .option("dir", { type: "string", describe: "where its files are or go; without it a new temporary directory" })
      .example("$0 dev --dir ./cluster", "keeps its data; run it again to go on"),
  handler: async (args, output) => {
    const directory = args.dir ?? mkdtempSync(join(tmpdir(), "quorate-dev-"));
    const local = await openOrInit(directory, args.nodes);
    const { signal, stopped } = interruption();
    try {
      await Promise.race([startReady(local), stopped]);
      if (signal.aborted) return;
      tellOfExits(local, output, signal);
      const nodes = await clusterStatus(local.cluster, local.admin);
      output.result(
        { directory, clusterFile: local.clusterFile, acquirerPort: local.acquirerPort, nodes },
        `${statusTable(local.cluster, nodes)}\n\nIn another terminal:\n  export QUORATE_CLUSTER=${resolve(local.clusterFile)}\n  npx quorate status\nCtrl-C stops the cluster; its data stays in ${directory}.`,
      );
      await stopped;
    } finally {
      await local.stopAll();
    }
  },
});
