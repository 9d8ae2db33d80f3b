/** `quorate audit`: a running cluster, executed again by somebody who trusts none of its nodes. */
import { join } from "node:path";
import type { CommandModule } from "yargs";
import { CodedError } from "../../node/base/errors.ts";
import { sha256 } from "../../node/host/node-crypto.ts";
import { restoreCheckpoint, takeCheckpoint } from "../../node/replica/checkpoint.ts";
import { StateMachine } from "../../node/state/state-machine.ts";
import { LevelStore } from "../../storage/state/level-store.ts";
import { type AuditReport, audit as auditCluster } from "../audit/audit.ts";
import { CLUSTER_OPTIONS, readCluster, readKey } from "../cluster-access.ts";
import { command } from "../command.ts";
import { EXIT, table } from "../output.ts";
import { Replay } from "../verify/replay.ts";

function describe(report: AuditReport): string {
  const rows = report.nodes.map(({ id, height, verdict }) => [id, height, verdict]);
  const signed = report.checkpointHeight === 0 ? [] : [`A quorum has signed height ${report.checkpointHeight}.`];
  return [
    report.height === report.from
      ? `There is nothing new since height ${report.from}.`
      : `Executed blocks ${report.from + 1} to ${report.height}: ${report.transactions} transactions.`,
    ...signed,
    table([["node", "signed height", "verdict"], ...rows]),
    ...(report.difference === null ? [] : [`DIFFERENCE ${report.difference}`]),
  ].join("\n");
}

/** Keeps an auditor's own state between audits, so that the next one goes on from there. */
async function withState<T>(path: string, act: (state: LevelStore) => Promise<T>): Promise<T> {
  const store = await LevelStore.open(join(path, "state"));
  try {
    return await act(store);
  } finally {
    await store.close();
  }
}

async function save(store: LevelStore, state: StateMachine): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    store.write(takeCheckpoint(state), (error) => (error === undefined ? resolve() : reject(error)));
  });
}

export const audit: CommandModule = command({
  command: "audit",
  describe: "execute a running cluster's log again and hold the result against what its nodes have signed",
  builder: (yargs) =>
    yargs
      .options(CLUSTER_OPTIONS)
      .option("state", {
        type: "string",
        describe: "directory for the auditor's own state; the next audit goes on from it",
      })
      .example(
        "$0 audit --key auditor.key",
        "from the first block; exit code 1 and the first difference, if there is one",
      )
      .example("$0 audit --key auditor.key --state ./audit", "every day: only what is new is executed"),
  handler: async (args, output) => {
    const cluster = readCluster(args.cluster);
    const signer = readKey(args);
    const onProgress = (height: number, target: number): void => output.progress(`block ${height} of ${target}`);
    const run = async (state?: StateMachine): Promise<AuditReport> =>
      await auditCluster({ cluster, signer, replay: new Replay(cluster, state), onProgress });
    const report =
      args.state === undefined
        ? await run()
        : await withState(args.state, async (store) => {
            const state = new StateMachine({ genesis: cluster.genesis, sha256 });
            restoreCheckpoint(store, state);
            const found = await run(state);
            if (found.sound) await save(store, state);
            return found;
          });
    if (report.nodes.every(({ height }) => height === 0) && report.from === 0 && report.height === 0) {
      const reasons = report.nodes.map(({ id, difference = "it has no blocks yet" }) => `node ${id}: ${difference}`);
      throw new CodedError("unavailable", `there is nothing to audit: ${reasons.join("; ")}`);
    }
    output.result(report, describe(report));
    return report.sound ? EXIT.done : EXIT.failed;
  },
});
