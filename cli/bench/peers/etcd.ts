/** Three etcd members on loopback, with their defaults (fsync on), asked for 256-byte puts. */
import { randomFillSync } from "node:crypto";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { CodedError } from "../../../node/base/errors.ts";
import { type Percentiles, percentiles } from "../percentiles.ts";
import { PutConnection } from "./grpc-put.ts";
import { ensureInstalled, Servers, waitUntil } from "./servers.ts";

const MEMBERS = 3;
const KEYS = 10_000;
const VALUE_BYTES = 256;
const WARM_UP_MS = 2_000;
const READY_MS = 30_000;

export interface EtcdOptions {
  readonly seconds: number;
  readonly connections: number;
  readonly inFlight: number;
  readonly note: (text: string) => void;
}

export interface EtcdFigures {
  readonly putsPerSecond: number;
  readonly latencyMs: Percentiles;
  readonly version: string;
}

interface Endpoint {
  readonly Endpoint: string;
  readonly Status: {
    readonly leader: number;
    readonly header: { readonly member_id: number; readonly revision: number };
  };
}

/** Starts the members, measures, checks that every acknowledged put is on all of them, and stops them. */
export async function measureEtcd(options: EtcdOptions): Promise<EtcdFigures> {
  ensureInstalled(["etcd-server", "etcd-client"], options.note);
  const servers = await Servers.prepare("etcd", "etcd", MEMBERS * 2);
  try {
    startMembers(servers);
    const clientPorts = servers.ports.slice(0, MEMBERS);
    const endpoints = clientPorts.map((port) => `127.0.0.1:${port}`).join(",");
    const control = (...args: string[]): string =>
      servers.run("env", ["ETCDCTL_API=3", "etcdctl", "--endpoints", endpoints, ...args]);
    const status = (): Endpoint[] => JSON.parse(control("endpoint", "status", "-w", "json")) as Endpoint[];
    const leaderOf = (all: readonly Endpoint[]): number =>
      all.findIndex(({ Status }) => Status.leader === Status.header.member_id);
    await waitUntil("etcd", READY_MS, () => {
      const all = status();
      return (
        all.length === MEMBERS &&
        leaderOf(all) >= 0 &&
        all.every(({ Status }) => Status.leader === all[0]?.Status.leader)
      );
    });
    const leaderPort = Number(status()[leaderOf(status())]?.Endpoint.split(":").at(-1));
    options.note(`etcd: puts of ${VALUE_BYTES} bytes for ${options.seconds} s ...`);
    const { acknowledged, ...figures } = await load(leaderPort, options);
    await waitUntil("etcd's members", READY_MS, () =>
      status().every(({ Status }) => Status.header.revision > acknowledged),
    );
    const version = servers.run("etcd", ["--version"]).split("\n")[0]?.replace("etcd Version: ", "") ?? "";
    return { ...figures, version };
  } finally {
    await servers.stop();
  }
}

function startMembers(servers: Servers): void {
  const peerUrl = (index: number): string => `http://127.0.0.1:${servers.ports[MEMBERS + index]}`;
  const cluster = Array.from({ length: MEMBERS }, (_, index) => `m${index}=${peerUrl(index)}`).join(",");
  for (let index = 0; index < MEMBERS; index++) {
    const clientUrl = `http://127.0.0.1:${servers.ports[index]}`;
    servers.start(`m${index}`, "etcd", [
      ...["--name", `m${index}`, "--data-dir", `${servers.directory}/m${index}`],
      ...["--listen-client-urls", clientUrl, "--advertise-client-urls", clientUrl],
      ...["--listen-peer-urls", peerUrl(index), "--initial-advertise-peer-urls", peerUrl(index)],
      ...["--initial-cluster", cluster, "--initial-cluster-token", "peer", "--initial-cluster-state", "new"],
      ...["--quota-backend-bytes", "8589934592", "--logger", "zap", "--log-outputs", "stderr", "--log-level", "error"],
    ]);
  }
}

/** A closed loop of `inFlight` puts over all connections; counts those that began after the warm-up. */
async function load(
  port: number,
  { seconds, connections, inFlight }: EtcdOptions,
): Promise<Omit<EtcdFigures, "version"> & { readonly acknowledged: number }> {
  const open = await Promise.all(Array.from({ length: connections }, () => PutConnection.open(port)));
  const pool = randomFillSync(Buffer.alloc(65_536));
  const latencies: number[] = [];
  let acknowledged = 0;
  let measuring = false;
  let running = true;
  const worker = async (index: number): Promise<void> => {
    const connection = open[index % open.length] as PutConnection;
    for (let turn = index; running; turn += inFlight) {
      const key = Buffer.from(`k${String((turn * 7_919) % KEYS).padStart(7, "0")}`, "latin1");
      const from = (turn * 61) % (pool.length - VALUE_BYTES);
      const sentAt = performance.now();
      await connection.put(key, pool.subarray(from, from + VALUE_BYTES));
      acknowledged += 1;
      if (measuring) latencies.push(performance.now() - sentAt);
    }
  };
  const workers = Array.from({ length: inFlight }, (_, index) => worker(index));
  const failure = Promise.all(workers).then(() => undefined);
  await Promise.race([sleep(WARM_UP_MS), failure]);
  measuring = true;
  const startedAt = performance.now();
  await Promise.race([sleep(seconds * 1_000), failure]);
  measuring = false;
  const elapsed = (performance.now() - startedAt) / 1_000;
  running = false;
  await failure;
  for (const connection of open) connection.close();
  if (latencies.length === 0) throw new CodedError("peer_failed", "etcd acknowledged nothing");
  return { putsPerSecond: Math.round(latencies.length / elapsed), latencyMs: percentiles(latencies), acknowledged };
}
