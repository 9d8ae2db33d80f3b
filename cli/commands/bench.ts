/** `quorate bench`: how fast a cluster is on this machine, with its durability stated. */
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { CommandModule } from "yargs";
import { must } from "../../node/base/assert.ts";
import { CodedError } from "../../node/base/errors.ts";
import { BATCH_RECORDS_MAX, SESSIONS_MAX } from "../../node/base/limits.ts";
import { readKeyFile } from "../../node/client/index.ts";
import { CONFIG_DEFAULTS, FAST_TIMING } from "../../node/host/config.ts";
import { type BulkOptions, prepareBulk, queryHistories, runBulk } from "../bench/bulk.ts";
import { measureCatchUp } from "../bench/catch-up.ts";
import { assertComparable, type Compared, compareFigures, readResult } from "../bench/compare.ts";
import { measureGrowth } from "../bench/growth.ts";
import { describeMachine, machineText } from "../bench/machine.ts";
import { prepareMixed, runMixed } from "../bench/mixed.ts";
import { measureFailover, measureHandOver, measureRestart } from "../bench/outages.ts";
import { withOwnCluster } from "../bench/own-cluster.ts";
import { type BenchResult, DURABILITY, latencyText, resources } from "../bench/report.ts";
import { prepareSigned, runSigned, type SignedOptions } from "../bench/signed.ts";
import { Target } from "../bench/target.ts";
import { readCluster } from "../cluster-access.ts";
import { command } from "../command.ts";
import { type Output, table } from "../output.ts";
import type { LocalCluster } from "../processes.ts";
import { parseNodeCount } from "./init.ts";

const LOADS = ["bulk", "signed", "open", "mixed", "failover", "handover", "catchup", "restart", "growth"] as const;
const CLIENT = "client";
const PROGRESS_EVERY = 500;

interface BenchArguments {
  readonly load: (typeof LOADS)[number];
  readonly nodes: number;
  readonly encrypt: boolean;
  readonly fast: boolean;
  readonly rounds: number;
  readonly accounts: number;
  readonly "many-accounts": number;
  readonly transfers: number;
  readonly batch: number;
  readonly clients: number;
  readonly payers: number;
  readonly payments: number;
  readonly connections: number;
  readonly "in-flight": number;
  readonly rate?: number | undefined;
  readonly seed: number;
}

function positive(name: string, value: number, most: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new CodedError("usage", `--${name}: a whole number from 1 to ${most}`);
}

function bulkOptions(args: BenchArguments, output: Output): BulkOptions {
  return {
    accounts: positive("accounts", args.accounts, 10_000_000),
    transfers: positive("transfers", args.transfers, 1_000_000_000),
    batch: positive("batch", args.batch, BATCH_RECORDS_MAX),
    clients: positive("clients", args.clients, 64),
    seed: args.seed,
    firstId: 1,
    onProgress: (done, perSecond) =>
      output.progress(`${done} of ${args.transfers} transfers, ${Math.round(perSecond)} a second`),
  };
}

async function bulk(target: Target, args: BenchArguments, output: Output): Promise<BenchResult["figures"]> {
  const options = bulkOptions(args, output);
  output.note(`Opening ${options.accounts} accounts ...`);
  await prepareBulk(target, options);
  output.note(`Creating ${options.transfers} transfers in batches of ${options.batch}, ${options.clients} at once ...`);
  const before = target.read();
  const load = await runBulk(target, options);
  const { bytesWritten, ...used } = resources(before, target.read());
  const queryLatencyMs = await queryHistories(target, options);
  return {
    ...load,
    queryLatencyMs,
    bytesWrittenPerTransfer: Math.round(bytesWritten / options.transfers),
    ...used,
  };
}

function signedOptions(args: BenchArguments, output: Output): SignedOptions {
  if (args.load === "open" && args.rate === undefined) {
    throw new CodedError("usage", "--load open needs --rate, the payments a second to offer");
  }
  return {
    payers: positive("payers", args.payers, SESSIONS_MAX / 2),
    payments: positive("payments", args.payments, 10_000_000),
    connections: positive("connections", args.connections, 1_024),
    inFlight: positive("in-flight", args["in-flight"], 65_536),
    rate: args.load === "open" ? positive("rate", args.rate ?? 0, 1_000_000) : undefined,
    seed: args.seed,
    onProgress: (done, perSecond) => {
      if (done % PROGRESS_EVERY === 0) {
        output.progress(`${done} of ${args.payments} payments, ${Math.round(perSecond)} a second`);
      }
    },
  };
}

async function signed(target: Target, args: BenchArguments, output: Output): Promise<BenchResult["figures"]> {
  const options = signedOptions(args, output);
  output.note(`Registering ${options.payers} payers and signing ${options.payments} payments ...`);
  const payments = await prepareSigned(target, options);
  output.note(`Sending them over ${options.connections} connections ...`);
  const heightBefore = await target.height();
  const before = target.read();
  const load = await runSigned(target, payments, options);
  const { bytesWritten, ...used } = resources(before, target.read());
  const paymentsPerBlock = Math.round(options.payments / Math.max(1, (await target.height()) - heightBefore));
  return { ...load, paymentsPerBlock, bytesWrittenPerPayment: Math.round(bytesWritten / options.payments), ...used };
}

async function mixed(target: Target, args: BenchArguments, output: Output): Promise<BenchResult["figures"]> {
  const options = signedOptions(args, output);
  output.note(`Registering ${options.payers} payers and signing what they will do ...`);
  const operations = await prepareMixed(target, options);
  output.note(`${operations.length} operations over ${options.connections} connections ...`);
  const before = target.read();
  const load = await runMixed(target, operations, options);
  const { bytesWritten, ...used } = resources(before, target.read());
  return { ...load, bytesWrittenPerOperation: Math.round(bytesWritten / operations.length), ...used };
}

/** Loads on a cluster that nobody disturbs. */
const THROUGHPUT: Partial<Record<BenchArguments["load"], typeof bulk>> = { bulk, signed, open: signed, mixed };

/** All nodes must have come to the same state; otherwise no figure counts. */
async function checkAgreement(target: Target): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const nodes = await target.nodes();
    if (new Set(nodes.map(({ height, digest }) => `${height} ${digest}`)).size === 1) return;
    if (attempt === 50) throw new CodedError("bench_wrong_result", "the nodes did not come to the same state");
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
}

function benchText({ figures }: BenchResult): string {
  const rows = Object.entries(figures).map(([name, value]) => {
    if (typeof value !== "object" || value === null) return [name, String(value)];
    if ("p50" in value) return [name, latencyText(value as Parameters<typeof latencyText>[0])];
    const parts = Object.entries(value).map(([key, part]) => `${key} ${String(part)}`);
    return [name, parts.join(", ")];
  });
  return table([["figure", "value"], ...rows]);
}

function comparedText(compared: readonly Compared[]): string {
  const rows = compared.map(({ figure, before, now, ratio }) => [figure, `${before}`, `${now}`, `${ratio}`]);
  return table([["figure", "before", "now", "ratio"], ...rows]);
}

/** Loads on a cluster that holds something. */
const STORED: readonly string[] = ["catchup", "restart"];

/** The options that made the figures. */
function settingsOf(args: BenchArguments): BenchResult["settings"] {
  const { nodes, encrypt, accounts, transfers, batch, clients, payers, payments, connections, rate, rounds, seed } =
    args;
  if (args.load === "bulk") return { nodes, encrypt, accounts, transfers, batch, clients, seed };
  if (args.load === "growth") {
    return { nodes, encrypt, accounts, manyAccounts: args["many-accounts"], transfers, batch, clients, seed };
  }
  if (THROUGHPUT[args.load] === undefined) {
    const timing = args.fast ? FAST_TIMING : CONFIG_DEFAULTS.timing;
    return { nodes, encrypt, rounds, ...timing, ...(STORED.includes(args.load) ? { transfers } : {}), seed };
  }
  const offered = rate === undefined ? { inFlight: args["in-flight"] } : { rate };
  return { nodes, encrypt, payers, payments, connections, ...offered, seed };
}

async function measure(target: Target, directory: string, args: BenchArguments, output: Output): Promise<BenchResult> {
  const machine = describeMachine(directory);
  output.note(machineText(machine));
  output.note(DURABILITY);
  const run = must(THROUGHPUT[args.load], `${args.load} is a load on a target`);
  const figures = await run(target, args, output);
  await checkAgreement(target);
  return { load: args.load, machine, durability: DURABILITY, settings: settingsOf(args), figures };
}

/** Throughput of clusters of our own that have grown. */
async function growth(
  args: BenchArguments & { readonly profile?: string | undefined },
  output: Output,
): Promise<BenchResult> {
  const { accounts, transfers, batch, clients, seed } = bulkOptions(args, output);
  const machine = describeMachine(tmpdir());
  output.note(machineText(machine));
  output.note(DURABILITY);
  const withTarget = async <T>(act: (target: Target) => Promise<T>): Promise<T> =>
    await withOwnCluster({ ...args, profile: args.profile }, output, async (local) => {
      const { cluster, admin } = local;
      const target = await Target.open({ cluster, admin, processes: local.processIds() });
      const result = await act(target);
      await checkAgreement(target);
      return result;
    });
  const manyAccounts = positive("many-accounts", args["many-accounts"], 10_000_000);
  const onStep = (text: string): void => output.note(text);
  const figures = await measureGrowth(withTarget, { accounts, manyAccounts, transfers, batch, clients, seed, onStep });
  const settings = settingsOf(args);
  return { load: args.load, machine, durability: DURABILITY, settings, figures: { ...figures } };
}

/** Runs what stops nodes, on a cluster of our own. */
async function outages(local: LocalCluster, args: BenchArguments, output: Output): Promise<BenchResult> {
  const machine = describeMachine(local.directory);
  output.note(machineText(machine));
  output.note(DURABILITY);
  const rounds = positive("rounds", args.rounds, 1_000);
  const options = { rounds, seed: args.seed, onRound: (text: string) => output.note(text) };
  const common = { load: args.load, machine, durability: DURABILITY, settings: settingsOf(args) };
  switch (args.load) {
    case "failover":
      return { ...common, figures: { ...(await measureFailover(local, options)) } };
    case "handover":
      return { ...common, figures: { ...(await measureHandOver(local, options)) } };
    default: {
      const target = await Target.open({ cluster: local.cluster, admin: local.admin, processes: new Map() });
      await bulk(target, args, output);
      if (args.load === "catchup")
        return { ...common, figures: { ...(await measureCatchUp(local, options, args.transfers)) } };
      return { ...common, figures: { ...(await measureRestart(local, options)) } };
    }
  }
}

export const bench: CommandModule = command({
  command: "bench",
  describe: "measure a cluster of this machine's own, or --cluster, and say on what and how durable",
  builder: (yargs) =>
    yargs
      .option("load", { choices: LOADS, default: LOADS[0], describe: "what to ask of it" })
      .option("nodes", { type: "number", default: 3, describe: "how many nodes; of a cluster of its own" })
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
        describe: "write a CPU profile of each node of its own into this directory",
      })
      .option("compare", { type: "string", describe: "a file that --json has written: show each figure beside it" })
      .option("cluster", { type: "string", describe: "cluster file of a fresh cluster that is there already" })
      .example("$0 bench", "a million transfers through three nodes")
      .example("$0 bench --clients 4 --json", "one JSON object as the last line"),
  handler: async (args, output) => {
    const nodes = parseNodeCount(args.nodes);
    const isOutage = THROUGHPUT[args.load] === undefined;
    if (args.cluster !== undefined && (isOutage || args.fast || args.encrypt)) {
      throw new CodedError("usage", "--cluster: nodes are stopped, set up and encrypted in a cluster of its own only");
    }
    if (nodes < 3 && isOutage && args.load !== "restart" && args.load !== "growth") {
      throw new CodedError("usage", `--nodes: ${args.load} needs 3, so that the others go on`);
    }
    const before = args.compare === undefined ? undefined : readResult(args.compare);
    if (before !== undefined) assertComparable(before, { load: args.load, settings: settingsOf(args) });
    const usage = new Map([[CLIENT, process.pid]]);
    let result: BenchResult;
    if (args.load === "growth") result = await growth({ ...args, nodes }, output);
    else if (args.cluster === undefined) {
      const options = { nodes, encrypt: args.encrypt, fast: args.fast, profile: args.profile };
      result = await withOwnCluster(options, output, async (local) => {
        if (isOutage) return await outages(local, args, output);
        const processes = new Map([...usage, ...local.processIds()]);
        const target = await Target.open({ cluster: local.cluster, admin: local.admin, processes });
        return await measure(target, local.directory, args, output);
      });
    } else {
      const directory = dirname(args.cluster);
      const admin = readKeyFile(join(directory, "admin.key"));
      const target = await Target.open({ cluster: readCluster(args.cluster), admin, processes: usage });
      result = await measure(target, tmpdir(), args, output);
    }
    const compared = before === undefined ? [] : compareFigures(before, result);
    output.result(
      // The figures also by themselves, so that a script need not know where they are.
      { ...result, ...result.figures, ...(before === undefined ? {} : { compared }) },
      [benchText(result), ...(compared.length > 0 ? ["", comparedText(compared)] : [])].join("\n"),
    );
  },
});
