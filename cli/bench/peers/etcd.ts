/** Three etcd members on loopback, with their defaults (fsync on), asked for 256-byte puts. */
import { randomFillSync } from "node:crypto";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { CodedError } from "../../../node/base/errors.ts";
import { paced } from "../paced.ts";
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
  /** Of puts that come at half of that rate, each counted from when it was due. */
  readonly halfRateLatencyMs: Percentiles;
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
    const { acknowledged, ...figures } = await closedLoop(leaderPort, options);
    const rate = Math.floor(figures.putsPerSecond / 2);
    options.note(`etcd: ${rate} puts a second for ${options.seconds} s ...`);
    const halfRateLatencyMs = await openLoop(leaderPort, rate, options);
    const puts = acknowledged + rate * options.seconds;
    await waitUntil("etcd's members", READY_MS, () => status().every(({ Status }) => Status.header.revision > puts));
    const version = servers.run("etcd", ["--version"]).split("\n")[0]?.replace("etcd Version: ", "") ?? "";
    return { ...figures, halfRateLatencyMs, version };
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

/** Puts over several connections, with keys and values that nobody has to make while it counts. */
class Puts {
  readonly #open: readonly PutConnection[];
  readonly #pool = randomFillSync(Buffer.alloc(65_536));

  private constructor(open: readonly PutConnection[]) {
    this.#open = open;
  }

  static async open(port: number, connections: number): Promise<Puts> {
    return new Puts(await Promise.all(Array.from({ length: connections }, () => PutConnection.open(port))));
  }

  async put(turn: number): Promise<void> {
    const key = Buffer.from(`k${String((turn * 7_919) % KEYS).padStart(7, "0")}`, "latin1");
    const from = (turn * 61) % (this.#pool.length - VALUE_BYTES);
    const connection = this.#open[turn % this.#open.length] as PutConnection;
    await connection.put(key, this.#pool.subarray(from, from + VALUE_BYTES));
  }

  close(): void {
    for (const connection of this.#open) connection.close();
  }
}

/** A put each `1 / rate` seconds, whatever is answered. */
async function openLoop(port: number, rate: number, { seconds, connections }: EtcdOptions): Promise<Percentiles> {
  const puts = await Puts.open(port, connections);
  const latencies: number[] = [];
  const startedAt = performance.now();
  const dueAt = (turn: number): number => startedAt + (turn / rate) * 1_000;
  const turns = Array.from({ length: rate * seconds }, (_, turn) => turn);
  await paced(turns, dueAt, async (turn) => {
    await puts.put(turn);
    latencies.push(performance.now() - dueAt(turn));
  });
  puts.close();
  return percentiles(latencies);
}

/** `inFlight` puts at a time over all connections; counts those that began after the warm-up. */
async function closedLoop(
  port: number,
  { seconds, connections, inFlight }: EtcdOptions,
): Promise<Pick<EtcdFigures, "putsPerSecond" | "latencyMs"> & { readonly acknowledged: number }> {
  const puts = await Puts.open(port, connections);
  const latencies: number[] = [];
  let acknowledged = 0;
  let measuring = false;
  let running = true;
  const worker = async (index: number): Promise<void> => {
    for (let turn = index; running; turn += inFlight) {
      const sentAt = performance.now();
      await puts.put(turn);
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
  puts.close();
  if (latencies.length === 0) throw new CodedError("peer_failed", "etcd acknowledged nothing");
  return { putsPerSecond: Math.round(latencies.length / elapsed), latencyMs: percentiles(latencies), acknowledged };
}
