/** `quorate scrub`: everything that nodes keep is read and compared with its checksums. */
import type { CommandModule } from "yargs";
import { CodedError } from "../../node/base/errors.ts";
import { CLUSTER_OPTIONS, type ClusterArguments, readCluster, readKey } from "../cluster-access.ts";
import { command } from "../command.ts";
import { nodeIdOf, nodeReference } from "../node-names.ts";
import { EXIT, type Output, table } from "../output.ts";
import { type Finding, type LostBlocks, type ScrubbedData, scrubData } from "../scrub/scrub-data.ts";
import { scrubNode } from "../scrub/scrub-node.ts";
import { startedNodesIn } from "../verify/node-directories.ts";

const MEBIBYTE = 1_048_576;

function damageLines(of: string | number, damage: readonly Finding[]): string[] {
  return damage.map(({ message }) => `DAMAGE ${of}: ${message}`);
}

function lostText(lost: readonly LostBlocks[]): string {
  return lost.length === 0
    ? "none"
    : lost.map(({ from, to }) => (from === to ? `${from}` : `${from} to ${to}`)).join(", ");
}

/** Stopped nodes; whether all is sound. */
async function offline(directory: string, output: Output): Promise<boolean> {
  const scrubbed: ScrubbedData[] = [];
  for (const { data, missing, openCipher } of startedNodesIn(directory)) {
    output.progress(data);
    if (missing === undefined) scrubbed.push(await scrubData(data, openCipher()));
    else scrubbed.push({ data, blocks: 0, damage: [{ code: missing.code, message: missing.message }], lost: [] });
  }
  const rows = scrubbed.map(({ data, blocks, damage, lost }) => [data, blocks, damage.length, lostText(lost)]);
  const lines = scrubbed.flatMap(({ data, damage }) => damageLines(data, damage));
  const sound = lines.length === 0;
  output.result(
    { sound, nodes: scrubbed },
    [table([["data", "blocks", "damaged", "lost blocks"], ...rows]), ...lines].join("\n"),
  );
  if (!sound)
    output.note("a node that is started gets lost blocks back from the others; see docs/operating.md, faults of disks");
  return sound;
}

/** Running nodes, one after the other, so that not all are busy at once; whether nothing damaged is left. */
async function online(args: ClusterArguments, node: string | undefined, output: Output): Promise<boolean> {
  const cluster = readCluster(args.cluster);
  const only = node === undefined ? undefined : nodeIdOf(cluster, node);
  const ids = cluster.nodes.map(({ id }) => id).filter((id) => only === undefined || id === only);
  if (ids.length === 0) throw new CodedError("usage", `--node: the cluster file has no node ${only}`);
  const scrubbed = [];
  for (const id of ids) {
    const progress = (bytes: number): void => output.progress(`node ${id}: ${Math.floor(bytes / MEBIBYTE)} MiB`);
    scrubbed.push(await scrubNode(cluster, readKey(args), id, progress));
  }
  const rows = scrubbed.map(({ node, bytes, damaged, repaired, left }) => {
    return [`${node}`, Math.ceil(bytes / MEBIBYTE), damaged, repaired, left];
  });
  const sound = scrubbed.every(({ left }) => left === 0);
  const lines = scrubbed.flatMap(({ node, damage }) => damageLines(`node ${node}`, damage));
  const heading = ["node", "MiB", "damaged", "repaired", "left"];
  output.result({ sound, nodes: scrubbed }, [table([heading, ...rows]), ...lines].join("\n"));
  return sound;
}

export const scrub: CommandModule = command({
  command: "scrub [dir]",
  describe: "read all that nodes keep and compare it with its checksums; running nodes mend what others can give back",
  builder: (yargs) =>
    yargs
      .positional("dir", {
        type: "string",
        describe: "directory of a stopped cluster or node; without it running nodes",
      })
      .options(CLUSTER_OPTIONS)
      .option("node", {
        type: "string",
        coerce: nodeReference("node"),
        describe: "this running node only, by name or id",
      })
      .example("$0 scrub", "all nodes of the cluster, one after the other; exit code 1 when damage is left")
      .example("$0 scrub ./cluster/node-1", "a stopped node's data: each damage with file, byte and height"),
  handler: async (args, output) => {
    const { dir, node } = args;
    if (dir !== undefined && node !== undefined) throw new CodedError("usage", "name a directory or --node, not both");
    const sound = dir === undefined ? await online(args, node, output) : await offline(dir, output);
    return sound ? EXIT.done : EXIT.failed;
  },
});
