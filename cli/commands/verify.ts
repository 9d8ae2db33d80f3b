/** `quorate verify`: the data of stopped nodes, checked offline. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { CommandModule } from "yargs";
import { CodedError } from "../../node/base/errors.ts";
import { parseConfig } from "../../node/host/config.ts";
import { readCluster } from "../cluster-access.ts";
import { command } from "../command.ts";
import { EXIT, type Output, table } from "../output.ts";
import { compareNodes } from "../verify/compare-nodes.ts";
import { type NodeReport, type VerifiedNode, verifyNode } from "../verify/verify-node.ts";

const PROGRESS_BLOCKS = 1_000;
const DIGEST_DIGITS = 16;

interface Found {
  readonly clusterFile: string;
  readonly data: string;
}

/** A node's directory, by its configuration. */
function nodeIn(directory: string): Found | undefined {
  const path = join(directory, "config.json");
  if (!existsSync(path)) return undefined;
  const config = parseConfig(readFileSync(path, "utf8"));
  return { clusterFile: resolve(dirname(path), config.cluster), data: resolve(dirname(path), config.data) };
}

/** The nodes whose data is in a directory that `quorate init` has written, or in one node's part of it. */
function nodesIn(directory: string): readonly Found[] {
  if (!existsSync(directory)) throw new CodedError("usage", `there is no directory ${directory}`);
  const one = nodeIn(directory);
  if (one !== undefined) return [one];
  const found = readdirSync(directory)
    .sort()
    .flatMap((name) => nodeIn(join(directory, name)) ?? [])
    .filter(({ data }) => existsSync(data));
  if (found.length > 0) return found;
  throw new CodedError(
    "usage",
    `${directory} has no node's data: name what "quorate init --dir" got, or one node in it`,
  );
}

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
  const agreed = agreedHeight === undefined ? [] : [`A quorum agrees up to height ${agreedHeight}.`];
  return [table([heading, ...rows]), ...agreed, ...problems.map((problem) => `PROBLEM ${problem}`)].join("\n");
}

async function verifyAll(found: readonly Found[], output: Output): Promise<VerifiedNode[]> {
  const verified: VerifiedNode[] = [];
  for (const { clusterFile, data } of found) {
    const cluster = readCluster(clusterFile);
    verified.push(
      await verifyNode(cluster, data, (height) => {
        if (height % PROGRESS_BLOCKS === 0) output.progress(`${data}: block ${height}`);
      }),
    );
  }
  return verified;
}

export const verify: CommandModule = command({
  command: "verify <dir>",
  describe: "check stopped nodes offline: checksums, hash chain, signatures; execute the log again and compare digests",
  builder: (yargs) =>
    yargs
      .positional("dir", { type: "string", demandOption: true, describe: "directory of a cluster, or of one node" })
      .example("$0 verify ./cluster", "all nodes, and whether they agree")
      .example("$0 verify ./cluster/node-1", "one node; exit code 1 when something does not hold"),
  handler: async ({ dir }, output) => {
    const verified = await verifyAll(nodesIn(dir), output);
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
