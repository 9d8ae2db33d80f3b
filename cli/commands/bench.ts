/** `quorate bench`: how fast a cluster is on this machine, with its durability stated. */
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { CommandModule } from "yargs";
import { CodedError } from "../../node/base/errors.ts";
import { BATCH_RECORDS_MAX } from "../../node/base/limits.ts";
import { type ClusterFile, type KeyPair, readKeyFile } from "../../node/client/index.ts";
import {
  type BenchArguments,
  bulkSizes,
  checkArguments,
  isThroughput,
  LOADS,
  settingsOf,
  signedSizes,
} from "../bench/arguments.ts";
import { type BulkOptions, prepareBulk, queryHistories, runBulk } from "../bench/bulk.ts";
import { measureCatchUp } from "../bench/catch-up.ts";
import { assertComparable, compareFigures, differencesText, readResult } from "../bench/compare.ts";
import { measureGrowth } from "../bench/growth.ts";
import { describeMachine } from "../bench/machine.ts";
import { prepareMixed, runMixed } from "../bench/mixed.ts";
import { measureFailover, measureHandOver, measureRestart } from "../bench/outages.ts";
import { withOwnCluster } from "../bench/own-cluster.ts";
import { Profiles } from "../bench/profiles.ts";
import { type BenchRun, benchRun, benchText, comparedText, runText } from "../bench/report.ts";
import { type Figures, withResources } from "../bench/resources.ts";
import { prepareSigned, runSigned, type SignedOptions } from "../bench/signed.ts";
import { Target } from "../bench/target.ts";
import { readCluster } from "../cluster-access.ts";
import { command } from "../command.ts";
import { interruption } from "../interruption.ts";
import type { Output } from "../output.ts";
import type { LocalCluster } from "../processes.ts";
import { parseNodeCount } from "./init.ts";

const CLIENT = "client";
const PROGRESS_EVERY = 500;

function bulkOptions(args: BenchArguments, output: Output): BulkOptions {
  return {
    ...bulkSizes(args),
    firstId: 1,
    onProgress: (done, perSecond) =>
      output.progress(`${done} of ${args.transfers} transfers, ${Math.round(perSecond)} a second`),
  };
}

async function bulk(target: Target, args: BenchArguments, output: Output): Promise<Figures> {
  const options = bulkOptions(args, output);
  output.note(`Opening ${options.accounts} accounts ...`);
  await prepareBulk(target, options);
  output.note(`Creating ${options.transfers} transfers in batches of ${options.batch}, ${options.clients} at once ...`);
  const work = { unit: "Transfer", count: options.transfers };
  const { load, used } = await withResources(target, work, async () => await runBulk(target, options));
  return { ...load, queryLatencyMs: await queryHistories(target, options), ...used };
}

function signedOptions(args: BenchArguments, output: Output): SignedOptions {
  return {
    ...signedSizes(args),
    onProgress: (done, perSecond) => {
      if (done % PROGRESS_EVERY === 0) {
        output.progress(`${done} of ${args.payments} payments, ${Math.round(perSecond)} a second`);
      }
    },
  };
}

async function signed(target: Target, args: BenchArguments, output: Output): Promise<Figures> {
  const options = signedOptions(args, output);
  output.note(`Registering ${options.payers} payers and signing ${options.payments} payments ...`);
  const payments = await prepareSigned(target, options);
  output.note(`Sending them over ${options.connections} connections ...`);
  const heightBefore = await target.height();
  const work = { unit: "Payment", count: options.payments };
  const { load, used } = await withResources(target, work, async () => await runSigned(target, payments, options));
  const paymentsPerBlock = Math.round(options.payments / Math.max(1, (await target.height()) - heightBefore));
  return { ...load, paymentsPerBlock, ...used };
}

async function mixed(target: Target, args: BenchArguments, output: Output): Promise<Figures> {
  const options = signedOptions(args, output);
  output.note(`Registering ${options.payers} payers and signing what they will do ...`);
  const operations = await prepareMixed(target, options);
  output.note(`${operations.length} operations over ${options.connections} connections ...`);
  const work = { unit: "Operation", count: operations.length };
  const { load, used } = await withResources(target, work, async () => await runMixed(target, operations, options));
  return { ...load, ...used };
}

/** All nodes must have come to the same state; otherwise no figure counts. */
async function checkAgreement(target: Target): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const nodes = await target.nodes();
    if (new Set(nodes.map(({ height, digest }) => `${height} ${digest}`)).size === 1) return;
    if (attempt === 50) throw new CodedError("bench_wrong_result", "the nodes did not come to the same state");
    await sleep(100);
  }
}

/** A load on a cluster that nobody disturbs. */
async function throughput(target: Target, args: BenchArguments, output: Output): Promise<Figures> {
  const other = args.load === "mixed" ? mixed : signed;
  const figures = await (args.load === "bulk" ? bulk : other)(target, args, output);
  await checkAgreement(target);
  return figures;
}

/** What stops nodes, on a cluster of our own. */
async function outages(local: LocalCluster, args: BenchArguments, output: Output): Promise<Figures> {
  const { rounds, seed } = args;
  const options = { rounds, seed, onRound: (text: string) => output.note(text) };
  if (args.load === "failover") return { ...(await measureFailover(local, options)) };
  if (args.load === "handover") return { ...(await measureHandOver(local, options)) };
  await bulk(await ownTarget(local), args, output);
  if (args.load === "catchup") return { ...(await measureCatchUp(local, options, args.transfers)) };
  return { ...(await measureRestart(local, options)) };
}

async function ownTarget(local: LocalCluster): Promise<Target> {
  const processes = new Map([[CLIENT, process.pid], ...local.processIds()]);
  return await Target.open({ cluster: local.cluster, admin: local.admin, processes });
}

/** Measures on clusters of our own, of which nothing is left afterwards. */
async function onOwnClusters(args: BenchArguments, run: BenchRun, output: Output): Promise<Figures> {
  const profiles = args.profile === undefined ? undefined : new Profiles(args.profile);
  const nodeArguments = (id: number): readonly string[] => profiles?.argumentsFor(id) ?? [];
  const options = { ...args, nodeArguments, output, interruption: interruption() };
  if (args.load === "growth") {
    const withTarget = async <T>(act: (target: Target) => Promise<T>): Promise<T> =>
      await withOwnCluster(options, async (local) => {
        const target = await ownTarget(local);
        const result = await act(target);
        await checkAgreement(target);
        return result;
      });
    const onStep = (text: string): void => output.note(text);
    return { ...(await measureGrowth(withTarget, { ...bulkSizes(args), manyAccounts: args.manyAccounts, onStep })) };
  }
  if (!isThroughput(args.load)) {
    return await withOwnCluster(options, async (local) => await outages(local, args, output));
  }
  const { figures, synced } = await withOwnCluster(options, async (local) => {
    const target = await ownTarget(local);
    return { figures: await throughput(target, args, output), synced: await target.synced() };
  });
  if (profiles !== undefined) output.note(`Where the time went: ${profiles.writeBreakdown(runText(run), synced)}`);
  return figures;
}

interface GivenCluster {
  readonly cluster: ClusterFile;
  readonly admin: KeyPair;
}

function readGiven(path: string): GivenCluster {
  return { cluster: readCluster(path), admin: readKeyFile(join(dirname(path), "admin.key")) };
}

/** Measures on a cluster that is there already, and stays with all that was written into it. */
async function onGivenCluster(given: GivenCluster, args: BenchArguments, output: Output): Promise<Figures> {
  const target = await Target.open({ ...given, processes: new Map([[CLIENT, process.pid]]) });
  await target.assertEmpty();
  return await throughput(target, args, output);
}

export const bench: CommandModule = command({
  command: "bench",
  describe: "measure a cluster of this machine's own, or --cluster, and say on what and how durable",
  builder: (yargs) =>
    yargs
      .option("load", { choices: LOADS, default: LOADS[0], describe: "what to ask of it" })
      .option("nodes", {
        type: "number",
        default: 3,
        coerce: parseNodeCount,
        describe: "how many nodes; of a cluster of its own",
      })
      .option("encrypt", { type: "boolean", default: false, describe: "nodes of its own encrypt their data at rest" })
      .option("fast", { type: "boolean", default: false, describe: "nodes of its own with the fast timing" })
      .option("rounds", {
        type: "number",
        default: 5,
        describe: "of which the middle counts (failover, handover, catchup, restart)",
      })
      .option("accounts", { type: "number", default: 10_000, describe: "accounts to move money between" })
      .option("many-accounts", { type: "number", default: 1_000_000, describe: "of the cluster with many (growth)" })
      .option("transfers", { type: "number", default: 1_000_000, describe: "transfers in all; stored before (growth)" })
      .option("batch", { type: "number", default: BATCH_RECORDS_MAX, describe: "transfers under one signature" })
      .option("clients", { type: "number", default: 1, describe: "sessions, each with one batch under way" })
      .option("payers", { type: "number", default: 2_000, describe: "who sign, each with a key (signed, open, mixed)" })
      .option("payments", {
        type: "number",
        default: 50_000,
        describe: "signed payments, or operations, in all (signed, open, mixed)",
      })
      .option("connections", { type: "number", default: 6, describe: "spread over the nodes (signed, open, mixed)" })
      .option("in-flight", { type: "number", default: 512, describe: "payments under way (signed, mixed)" })
      .option("rate", { type: "number", describe: "payments a second to offer (open)" })
      .option("seed", { type: "number", default: 1, describe: "of the random account pairs" })
      .option("profile", {
        type: "string",
        describe: "write a CPU profile of each node of its own, and a breakdown by stage, into this directory",
      })
      .option("compare", { type: "string", describe: "a file that --json has written: show each figure beside it" })
      .option("cluster", { type: "string", describe: "cluster file of an empty cluster that is there already" })
      .example("$0 bench", "a million transfers through three nodes")
      .example("$0 bench --clients 4 --json", "one JSON object as the last line"),
  handler: async (args, output) => {
    checkArguments(args);
    const given = args.cluster === undefined ? undefined : readGiven(args.cluster);
    const settings = settingsOf(args, given?.cluster);
    const before = args.compare === undefined ? undefined : readResult(args.compare);
    if (before !== undefined) assertComparable(before, { load: args.load, settings });
    const run = benchRun(args.load, describeMachine(given === undefined ? tmpdir() : undefined), settings);
    output.note(runText(run));
    const figures =
      given === undefined ? await onOwnClusters(args, run, output) : await onGivenCluster(given, args, output);
    const result = { ...run, figures };
    const differences = before === undefined ? undefined : differencesText(before, run);
    if (differences !== undefined) output.note(differences);
    const compared = before === undefined ? [] : compareFigures(before, result);
    output.result(
      // The figures also by themselves, so that a script need not know where they are.
      { ...result, ...figures, ...(before === undefined ? {} : { compared }) },
      [benchText(result), ...(compared.length > 0 ? ["", comparedText(compared)] : [])].join("\n"),
    );
  },
});
