/** `quorate verify`: the data of stopped nodes, or a backup, checked offline. */
import type { CommandModule } from "yargs";
import { toHex } from "../../node/base/bytes.ts";
import { isBackup, readBackup } from "../backup/read-backup.ts";
import { readCluster } from "../cluster-access.ts";
import { command } from "../command.ts";
import { EXIT, type Output, table } from "../output.ts";
import { type ComparedNode, compareNodes } from "../verify/compare-nodes.ts";
import { type NodeDirectory, startedNodesIn } from "../verify/node-directories.ts";
import { missingNode, type NodeReport, verifyNode } from "../verify/verify-node.ts";

const PROGRESS_BLOCKS = 1_000;
const DIGEST_DIGITS = 16;

function describe(
  reports: readonly NodeReport[],
  agreedHeight: number | undefined,
  problems: readonly string[],
): string {
  const rows = reports.map((r) => [
    ...[r.directory, r.height, r.transactions, r.segments, r.tornBytes, r.checkpointHeight],
    ...[r.digest.slice(0, DIGEST_DIGITS), r.problems.length === 0 ? "sound" : "DAMAGED"],
  ]);
  const heading = ["data", "height", "transactions", "segments", "torn bytes", "checkpoint", "digest", ""];
  const torn = reports.flatMap(({ directory, tornBytes, tornAt }) => {
    if (tornAt === undefined) return [];
    const { file, offset, height } = tornAt;
    const what = `${tornBytes} bytes that are no whole block, and of which nothing says that they were acknowledged`;
    return [`TORN ${directory}: ${what}: ${file}, byte ${offset}, height ${height}`];
  });
  const agreed = agreedHeight === undefined ? [] : [`A quorum agrees up to height ${agreedHeight}.`];
  return [table([heading, ...rows]), ...torn, ...agreed, ...problems.map((problem) => `PROBLEM ${problem}`)].join("\n");
}

async function verifyAll(found: readonly NodeDirectory[], output: Output): Promise<ComparedNode[]> {
  const verified: ComparedNode[] = [];
  for (const { id, clusterFile, data, missing, openCipher } of found) {
    const cluster = readCluster(clusterFile);
    if (missing !== undefined) {
      verified.push({ ...missingNode(data, missing), id });
      continue;
    }
    const node = await verifyNode({ cluster, data, cipher: openCipher() }, (height) => {
      if (height % PROGRESS_BLOCKS === 0) output.progress(`${data}: block ${height}`);
    });
    verified.push({ ...node, id });
  }
  return verified;
}

function verifyBackup(dir: string, output: Output): number {
  const { manifest, transactions, problems } = readBackup(dir, (height) => {
    if (height % PROGRESS_BLOCKS === 0) output.progress(`${dir}: block ${height}`);
  });
  const { height, stateDigest, cluster, node, files } = manifest;
  const sound = problems.length === 0;
  const facts = { clusterId: toHex(cluster.clusterId), node, height, stateDigest, files: files.length, transactions };
  const text = sound
    ? `A sound backup of cluster ${facts.clusterId} up to height ${height}: ${transactions} transactions executed, ${files.length} files.`
    : problems.map((problem) => `PROBLEM ${problem}`).join("\n");
  output.result({ sound, backup: dir, ...facts, problems }, text);
  return sound ? EXIT.done : EXIT.failed;
}

export const verify: CommandModule = command({
  command: "verify <dir>",
  describe:
    "check stopped nodes, or a backup, offline: checksums, hash chain, signatures; execute the log again and compare digests",
  builder: (yargs) =>
    yargs
      .positional("dir", {
        type: "string",
        demandOption: true,
        describe: "directory of a cluster, of one node, or of a backup",
      })
      .example("$0 verify ./cluster", "all nodes, and whether they agree")
      .example("$0 verify ./cluster/node-1", "one node; exit code 1 when something does not hold"),
  handler: async ({ dir }, output) => {
    if (isBackup(dir)) return verifyBackup(dir, output);
    const verified = await verifyAll(startedNodesIn(dir), output);
    const reports = verified.map(({ report }) => report);
    const comparison = verified.length > 1 ? compareNodes(verified) : undefined;
    const problems = [
      ...reports.flatMap((report) => report.problems.map((problem) => `${report.directory}: ${problem}`)),
      ...(comparison?.problems ?? []),
    ];
    const sound = problems.length === 0;
    const agreedHeight = comparison?.agreedHeight;
    const result = { sound, nodes: reports, ...(agreedHeight === undefined ? {} : { agreedHeight }), problems };
    output.result(result, describe(reports, agreedHeight, problems));
    return sound ? EXIT.done : EXIT.failed;
  },
});
