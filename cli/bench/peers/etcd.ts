/** Three etcd members on loopback, with their defaults (fsync on), asked for 256-byte puts. */
import { execFileSync } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { closedLoop, halfOf, openLoop, WARM_UP_SECONDS } from "../loops.ts";
import type { Percentiles } from "../percentiles.ts";
import { PutConnection } from "./grpc-put.ts";
import { type PeerOptions, Servers } from "./servers.ts";

const MEMBERS = 3;
const KEYS = 10_000;
const VALUE_BYTES = 256;
const CONNECTIONS = 16;
const IN_FLIGHT = 512;

export interface EtcdFigures {
  readonly putsPerSecond: number;
  readonly latencyMs: Percentiles;
  /** Of puts that come at half of that rate, each counted from when it was due. */
  readonly halfRateLatencyMs: Percentiles;
}

interface Endpoint {
  readonly Endpoint: string;
  readonly Status: {
    readonly leader: number;
    readonly header: { readonly member_id: number; readonly revision: number };
  };
}

export function etcdVersion(): string {
  return execFileSync("etcd", ["--version"]).toString().split("\n")[0]?.replace("etcd Version: ", "") ?? "";
}

/** What is measured, and how durable it is. */
export const ETCD_SETTINGS: string =
  `${MEMBERS} members with their defaults: every put after fsync on a majority; ${VALUE_BYTES}-byte values under ` +
  `${KEYS} keys, ${IN_FLIGHT} puts under way over ${CONNECTIONS} connections to the leader; no signatures, no TLS`;

/** Starts the members, measures, checks that every acknowledged put is on all of them, and stops them. */
export async function measureEtcd({ seconds, stopped, note }: PeerOptions): Promise<EtcdFigures> {
  return await Servers.use({ name: "etcd", user: "etcd", ports: MEMBERS * 2, stopped }, async (servers) => {
    startMembers(servers);
    await servers.until("a leader of etcd", async () => leaderPort(await status(servers)) !== undefined);
    const puts = await Puts.open(leaderPort(await status(servers)) ?? 0);
    try {
      const lasts = seconds + WARM_UP_SECONDS;
      const put = async (turn: number): Promise<void> => await puts.put(turn);
      note(`etcd: puts of ${VALUE_BYTES} bytes for ${lasts} s ...`);
      const closed = await closedLoop(IN_FLIGHT, { seconds: lasts }, put);
      const rate = halfOf(closed.perSecond);
      note(`etcd: ${rate} puts a second for ${lasts} s ...`);
      const open = await openLoop(rate, rate * lasts, put);
      const acknowledged = closed.done + open.done;
      await servers.until("every put on all of etcd's members", async () =>
        (await status(servers)).every(({ Status }) => Status.header.revision > acknowledged),
      );
      return {
        putsPerSecond: Math.round(closed.perSecond),
        latencyMs: closed.latencyMs,
        halfRateLatencyMs: open.latencyMs,
      };
    } finally {
      puts.close();
    }
  });
}

async function status(servers: Servers): Promise<readonly Endpoint[]> {
  const endpoints = servers.ports.slice(0, MEMBERS).map((port) => `127.0.0.1:${port}`);
  const asked = ["ETCDCTL_API=3", "etcdctl", "--endpoints", endpoints.join(","), "endpoint", "status", "-w", "json"];
  return JSON.parse(await servers.run("env", asked)) as readonly Endpoint[];
}

/** The port for clients of the member that all follow; undefined while there is none. */
function leaderPort(all: readonly Endpoint[]): number | undefined {
  const leader = all.find(({ Status }) => Status.leader === Status.header.member_id);
  const followed = all.length === MEMBERS && all.every(({ Status }) => Status.leader === leader?.Status.leader);
  return leader === undefined || !followed ? undefined : Number(leader.Endpoint.split(":").at(-1));
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

  static async open(port: number): Promise<Puts> {
    return new Puts(await Promise.all(Array.from({ length: CONNECTIONS }, () => PutConnection.open(port))));
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
