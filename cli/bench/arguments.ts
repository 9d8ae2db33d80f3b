/** What a benchmark is asked for on the command line: what does not fit is refused before anything is started. */
import { CodedError } from "../../node/base/errors.ts";
import { BATCH_RECORDS_MAX, SESSIONS_MAX } from "../../node/base/limits.ts";
import type { ClusterFile } from "../../node/client/index.ts";
import { CONFIG_DEFAULTS, FAST_TIMING } from "../../node/host/config.ts";
import type { BulkOptions } from "./bulk.ts";
import { growthSizes } from "./growth.ts";
import { LIFETIME_SECONDS } from "./payers.ts";
import type { SignedOptions } from "./signed.ts";

export const LOADS = [
  "bulk",
  "signed",
  "open",
  "mixed",
  "failover",
  "handover",
  "catchup",
  "restart",
  "growth",
] as const;
export type Load = (typeof LOADS)[number];

/** Loads on a cluster that nobody disturbs. */
const THROUGHPUT: readonly Load[] = ["bulk", "signed", "open", "mixed"];
/** Loads in which the nodes that are left go on without one. */
const WITHOUT_ONE: readonly Load[] = ["failover", "handover", "catchup"];
/** Loads that begin with the bulk load, or consist of it. */
const STORING: readonly Load[] = ["bulk", "growth", "catchup", "restart"];
/** What has been signed beforehand must arrive long before it expires, also where the cluster lags. */
const OFFERED_SECONDS_MAX = LIFETIME_SECONDS - 100;

export interface BenchArguments {
  readonly load: Load;
  readonly nodes: number;
  readonly encrypt: boolean;
  readonly fast: boolean;
  readonly rounds: number;
  readonly accounts: number;
  readonly manyAccounts: number;
  readonly transfers: number;
  readonly batch: number;
  readonly clients: number;
  readonly payers: number;
  readonly payments: number;
  readonly connections: number;
  readonly inFlight: number;
  readonly rate?: number | undefined;
  readonly seed: number;
  readonly profile?: string | undefined;
  readonly cluster?: string | undefined;
}

export type Settings = Readonly<Record<string, number | string | boolean>>;

/** Throws `CodedError` `usage`. */
export function checkArguments(args: BenchArguments): void {
  const { load, nodes, rounds } = args;
  if (args.cluster !== undefined && (!isThroughput(load) || args.fast || args.encrypt || args.profile !== undefined)) {
    throw usage("--cluster: nodes are stopped, set up, encrypted and profiled in a cluster of its own only");
  }
  if (args.profile !== undefined && !isThroughput(load)) {
    throw usage(`--profile: nodes that nobody stops only (${THROUGHPUT.join(", ")})`);
  }
  if (nodes < 3 && WITHOUT_ONE.includes(load)) throw usage(`--nodes: ${load} needs 3, so that the others go on`);
  if (STORING.includes(load)) bulkSizes(args);
  else if (isThroughput(load)) signedSizes(args);
  if (load === "growth") within("many-accounts", args.manyAccounts, 2, 10_000_000);
  if (!isThroughput(load)) within("rounds", rounds, 1, 1_000);
}

export function isThroughput(load: Load): boolean {
  return THROUGHPUT.includes(load);
}

export function bulkSizes(args: BenchArguments): Omit<BulkOptions, "firstId" | "onProgress"> {
  return {
    accounts: within("accounts", args.accounts, 2, 10_000_000),
    transfers: within("transfers", args.transfers, 1, 1_000_000_000),
    batch: within("batch", args.batch, 1, BATCH_RECORDS_MAX),
    clients: within("clients", args.clients, 1, 64),
    seed: args.seed,
  };
}

export function signedSizes(args: BenchArguments): Omit<SignedOptions, "onProgress"> {
  const payments = within("payments", args.payments, 1, 10_000_000);
  return {
    payers: within("payers", args.payers, 2, SESSIONS_MAX / 2),
    payments,
    connections: within("connections", args.connections, 1, 1_024),
    inFlight: within("in-flight", args.inFlight, 1, 65_536),
    rate: args.load === "open" ? rateFor(payments, args.rate) : undefined,
    seed: args.seed,
  };
}

/** Payments are signed before the first one is sent, and expire. */
function rateFor(payments: number, offered: number | undefined): number {
  if (offered === undefined) throw usage("--load open needs --rate, the payments a second to offer");
  const rate = within("rate", offered, 1, 1_000_000);
  const most = rate * OFFERED_SECONDS_MAX;
  if (payments <= most) return rate;
  const reason = `the last of them would expire before it is due; ${most} at most with --rate ${rate}, or a higher --rate`;
  throw usage(`--payments: ${payments} are signed beforehand, and ${reason}`);
}

/** The options that made the figures. `given`: a cluster that was there already, of which nobody here knows more. */
export function settingsOf(args: BenchArguments, given: ClusterFile | undefined): Settings {
  const { nodes, encrypt, fast, profile, seed } = args;
  const timing = fast ? FAST_TIMING : CONFIG_DEFAULTS.timing;
  const place =
    given === undefined
      ? { ownCluster: true, nodes, encrypt, profile: profile !== undefined, ...timing }
      : { ownCluster: false, nodes: given.nodes.length };
  return { ...place, ...loadSettings(args), seed };
}

function loadSettings(args: BenchArguments): Settings {
  const { accounts, transfers, batch, clients, payers, payments, connections, inFlight, rounds } = args;
  switch (args.load) {
    case "bulk":
      return { accounts, transfers, batch, clients };
    case "growth": {
      const { measured, stored } = growthSizes(transfers);
      return { accounts, manyAccounts: args.manyAccounts, transfers: stored, measured, batch, clients };
    }
    case "signed":
    case "mixed":
      return { payers, payments, connections, inFlight };
    case "open":
      return { payers, payments, connections, rate: args.rate ?? 0 };
    case "failover":
    case "handover":
      return { rounds };
    case "catchup":
    case "restart":
      return { rounds, accounts, transfers, batch, clients };
  }
}

function within(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw usage(`--${name}: a whole number from ${least} to ${most}`);
}

function usage(message: string): CodedError {
  return new CodedError("usage", message);
}
