/** `quorate audit`: a running cluster, executed again by somebody who trusts none of its nodes. */
import { join } from "node:path";
import type { CommandModule } from "yargs";
import { CodedError } from "../../node/base/errors.ts";
import type { StoreChange } from "../../node/base/ports/store.ts";
import type { ClusterFile, Signer } from "../../node/client/index.ts";
import { sha256 } from "../../node/host/node-crypto.ts";
import { restoreCheckpoint, takeCheckpoint, wholeCheckpoint } from "../../node/replica/checkpoint.ts";
import { StateMachine } from "../../node/state/state-machine.ts";
import { LevelStore } from "../../storage/state/level-store.ts";
import { type AuditReport, audit as auditCluster } from "../audit/audit.ts";
import { fetchState } from "../audit/fetch-state.ts";
import { CLUSTER_OPTIONS, readCluster, readKey } from "../cluster-access.ts";
import { command } from "../command.ts";
import { EXIT, table } from "../output.ts";
import { replayOf } from "../verify/replay-of.ts";

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

async function save(store: LevelStore, changes: readonly StoreChange[]): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    store.write(changes, (error) => (error === undefined ? resolve() : reject(error)));
  });
}

/** What is audited, and by whom. */
interface Audited {
  readonly cluster: ClusterFile;
  readonly signer: Signer;
  readonly onProgress: (height: number, target: number) => void;
  /** Whether an audit without a state of its own begins with the state of a checkpoint, and not with the first block. */
  readonly fromCheckpoint: boolean;
}

async function run({ cluster, signer, onProgress, fromCheckpoint }: Audited): Promise<AuditReport> {
  const replay = replayOf(cluster, fromCheckpoint ? await fetchState(cluster, signer) : undefined);
  return await auditCluster({ cluster, signer, replay, onProgress });
}

/** Goes on from what is kept, and keeps what it came to where all agreed. */
async function runKeeping(store: LevelStore, audited: Audited): Promise<AuditReport> {
  const { cluster, signer, onProgress, fromCheckpoint } = audited;
  let state = new StateMachine({ genesis: cluster.genesis, sha256 });
  const isNew = !restoreCheckpoint(store, state);
  if (isNew && fromCheckpoint) state = await fetchState(cluster, signer);
  const found = await auditCluster({ cluster, signer, replay: replayOf(cluster, state), onProgress });
  if (found.sound) await save(store, isNew ? wholeCheckpoint(state) : takeCheckpoint(state));
  return found;
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
      .option("from-checkpoint", {
        type: "boolean",
        default: false,
        describe: "where there is no state yet, begin with that of a checkpoint that a quorum has signed",
      })
      .example(
        "$0 audit --key auditor.key",
        "from the first block; exit code 1 and the first difference, if there is one",
      )
      .example("$0 audit --key auditor.key --state ./audit", "every day: only what is new is executed")
      .example("$0 audit --key auditor.key --from-checkpoint", "where no node has the whole log any more"),
  handler: async (args, output) => {
    const cluster = readCluster(args.cluster);
    const signer = readKey(args);
    const onProgress = (height: number, target: number): void => output.progress(`block ${height} of ${target}`);
    const audited = { cluster, signer, onProgress, fromCheckpoint: args["from-checkpoint"] };
    const report =
      args.state === undefined
        ? await run(audited)
        : await withState(args.state, async (store) => await runKeeping(store, audited));
    if (report.nodes.every(({ height }) => height === 0) && report.from === 0 && report.height === 0) {
      const reasons = report.nodes.map(({ id, difference = "it has no blocks yet" }) => `node ${id}: ${difference}`);
      throw new CodedError("unavailable", `there is nothing to audit: ${reasons.join("; ")}`);
    }
    output.result(report, describe(report));
    return report.sound ? EXIT.done : EXIT.failed;
  },
});
