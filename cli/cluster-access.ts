/**
 * How commands reach a cluster: the cluster file, the key, a client, and typed queries.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { readU128, viewOf } from "../node/base/bytes.ts";
import { CodedError } from "../node/base/errors.ts";
import { ask } from "../node/client/ask.ts";
import { type ClusterFile, type KeyPair, parseClusterFile, QuorateClient, readKeyFile } from "../node/client/index.ts";
import { Assets, CURRENCIES_ONLY, isDigital } from "./amounts.ts";

export interface ClusterArguments {
  readonly cluster: string;
  readonly key: string | undefined;
}

/** Options of every command that talks to a cluster. */
export const CLUSTER_OPTIONS: {
  readonly cluster: { readonly type: "string"; readonly default: string; readonly describe: string };
  readonly key: { readonly type: "string"; readonly describe: string };
} = {
  cluster: {
    type: "string",
    default: process.env["QUORATE_CLUSTER"] ?? "quorate-data/cluster.json",
    describe: "cluster file (or QUORATE_CLUSTER)",
  },
  key: {
    type: "string",
    describe: "key file (or QUORATE_KEY); without it the admin's, beside the cluster file",
  },
};

export function readCluster(path: string): ClusterFile {
  if (!existsSync(path)) {
    throw new CodedError(
      "cluster_file_unreadable",
      `there is no cluster file ${path}; "quorate init" or --cluster helps`,
    );
  }
  return parseClusterFile(readFileSync(path, "utf8"));
}

export function readKey({ cluster, key }: ClusterArguments): KeyPair {
  return readKeyFile(key ?? process.env["QUORATE_KEY"] ?? join(dirname(cluster), "admin.key"));
}

/** Runs something with a client that can submit, and closes it. */
export async function withClient<T>(args: ClusterArguments, act: (client: QuorateClient) => Promise<T>): Promise<T> {
  return await closing(await QuorateClient.open({ cluster: readCluster(args.cluster), signer: readKey(args) }), act);
}

/** Runs something with a client that only asks, and closes it. */
export async function withReader<T>(args: ClusterArguments, act: (client: QuorateClient) => Promise<T>): Promise<T> {
  return await closing(
    await QuorateClient.openReader({ cluster: readCluster(args.cluster), signer: readKey(args) }),
    act,
  );
}

async function closing<T>(client: QuorateClient, act: (client: QuorateClient) => Promise<T>): Promise<T> {
  try {
    return await act(client);
  } finally {
    client.close();
  }
}

/** What is needed to speak of ledgers by these codes or numbers; asks only where one is no currency. */
export async function assetsFor(client: QuorateClient, ...ledgers: readonly (string | number)[]): Promise<Assets> {
  if (!ledgers.some((ledger) => isDigital(`${ledger}`))) return CURRENCIES_ONLY;
  return new Assets((await ask(client, { type: "assets" })).assets);
}

/** The same for a command that has no client yet. */
export async function assetsNamed(args: ClusterArguments, ...ledgers: readonly string[]): Promise<Assets> {
  if (!ledgers.some(isDigital)) return CURRENCIES_ONLY;
  return await withReader(args, async (client) => await assetsFor(client, ...ledgers));
}

/** A new id that rises with time: milliseconds above, chance below. */
export function newId(nowMs: number): bigint {
  const chance = new Uint8Array(16);
  chance.set(randomBytes(10));
  return (BigInt(nowMs) << 80n) | readU128(viewOf(chance), 0);
}
