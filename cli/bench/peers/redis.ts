/**
 * Redis with two replicas, append-only files synced at every write: double-entry transfers inside one script, which is what
 * runs there without anything in between. One a call in pipelines of many calls, and a thousand a call.
 */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { CodedError } from "../../../node/base/errors.ts";
import { Prng } from "../../../node/base/prng.ts";
import { otherAccount } from "../../../node/ledger/flat-batches.ts";
import { closedLoop, WARM_UP_SECONDS } from "../loops.ts";
import type { Percentiles } from "../percentiles.ts";
import { RedisConnection, type Reply, redisCommand } from "./redis-connection.ts";
import { type PeerOptions, Servers } from "./servers.ts";

const NODES = 3;
const ACCOUNTS = 10_000;
const AMOUNT_MAX = 1_000;
const ID_BYTES = 16;
const CONFIRM_MS = 5_000;
/** From this release on WAITAOF asks for a sync at a replica; WAIT, before, for receipt only. */
const WAITAOF_SINCE = [7, 2] as const;

interface Shape {
  readonly connections: number;
  /** Calls of the script that are sent at once, and confirmed with one WAIT. */
  readonly calls: number;
  /** Transfers of one call. */
  readonly transfers: number;
}

const PIPELINED: Shape = { connections: 16, calls: 64, transfers: 1 };
const BATCH: Shape = { connections: 4, calls: 1, transfers: 1_000 };

/** What was stored under an id stays; what is new moves money. Answers how many were new. */
const SCRIPT = `
local created = 0
for i = 1, #ARGV, 4 do
  local id, debit, credit, units = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  if redis.call('HSETNX', KEYS[1], id, debit .. ':' .. credit .. ':' .. units) == 1 then
    redis.call('HINCRBY', 'a:' .. debit, 'd', units)
    redis.call('HINCRBY', 'a:' .. credit, 'c', units)
    created = created + 1
  end
end
return created`;

interface Load {
  readonly transfersPerSecond: number;
  /** Of one pipeline, until its WAIT was answered. */
  readonly latencyMs: Percentiles;
}

export interface RedisFigures {
  readonly pipelined: Load;
  readonly batch: Load;
}

export function redisVersion(): string {
  const [, version] = /v=([\d.]+)/.exec(execFileSync("redis-server", ["--version"]).toString()) ?? [];
  return version ?? "unknown";
}

/** Whether a replica can be asked for a sync. */
function asksForSync(): boolean {
  const [major = 0, minor = 0] = redisVersion().split(".").map(Number);
  return major > WAITAOF_SINCE[0] || (major === WAITAOF_SINCE[0] && minor >= WAITAOF_SINCE[1]);
}

/** What is measured, and how durable it is. */
export function redisSettings(): string {
  const confirmed = asksForSync()
    ? "WAITAOF 1 1: each answer after a sync at the primary and at one replica"
    : "WAIT 1: each answer after a sync at the primary and receipt, not sync, at one replica";
  const shapes = [PIPELINED, BATCH].map(
    ({ connections, calls, transfers }) => `${connections} connections with ${calls} of ${transfers} at once`,
  );
  return (
    "a primary and two replicas, appendonly yes and appendfsync always on all; " +
    `${confirmed}; ${ACCOUNTS} accounts; calls of a script: ${shapes.join(", ")}; no signatures, no TLS`
  );
}

/** Starts primary and replicas, measures both loads, checks the books on all three, and stops them. */
export async function measureRedis({ seconds, stopped, note }: PeerOptions): Promise<RedisFigures> {
  return await Servers.use({ name: "redis", user: "redis", ports: NODES, stopped }, async (servers) => {
    await startServers(servers);
    const books = new Books();
    const measure = async (name: string, shape: Shape): Promise<Load> => {
      note(`Redis: ${name}, for ${seconds + WARM_UP_SECONDS} s ...`);
      const load = await runLoad(servers.ports[0] ?? 0, shape, seconds, books);
      await books.check(servers);
      return load;
    };
    const pipelined = await measure(`scripts in pipelines of ${PIPELINED.calls}`, PIPELINED);
    return { pipelined, batch: await measure(`${BATCH.transfers} in one script`, BATCH) };
  });
}

async function startServers(servers: Servers): Promise<void> {
  const [primary = 0] = servers.ports;
  for (const [index, port] of servers.ports.entries()) {
    const directory = join(servers.directory, `r${index}`);
    await servers.run("mkdir", [directory]);
    servers.start(`redis-${index}`, "redis-server", [
      ...["--bind", "127.0.0.1", "--port", `${port}`, "--dir", directory, "--daemonize", "no", "--save", ""],
      ...["--appendonly", "yes", "--appendfsync", "always", "--no-appendfsync-on-rewrite", "no"],
      ...["--auto-aof-rewrite-percentage", "0", "--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0"],
      ...["--repl-backlog-size", "64mb", "--client-output-buffer-limit", "replica 0 0 0", "--loglevel", "warning"],
      ...(index === 0 ? [] : ["--replicaof", `127.0.0.1 ${primary}`]),
    ]);
    await servers.until("an answer of Redis", async () => {
      const [answer] = await askOnce(port, redisCommand("PING"));
      return answer === "PONG";
    });
  }
  await servers.until("Redis' replicas", async () => await replicasOnline(primary));
}

async function replicasOnline(primary: number): Promise<boolean> {
  const [info] = await askOnce(primary, redisCommand("INFO", "replication"));
  return String(info).split("state=online").length - 1 === NODES - 1;
}

/** Asks over a connection of its own. */
async function askOnce(port: number, ...commands: readonly string[]): Promise<readonly Reply[]> {
  const connection = await RedisConnection.open(port);
  try {
    return await connection.ask(...commands);
  } finally {
    connection.close();
  }
}

/** Closed loops of pipelines, each on a connection of its own. */
async function runLoad(port: number, shape: Shape, seconds: number, books: Books): Promise<Load> {
  const [digest] = await askOnce(port, redisCommand("SCRIPT", "LOAD", SCRIPT));
  const milliseconds = `${CONFIRM_MS}`;
  const confirm = asksForSync()
    ? redisCommand("WAITAOF", "1", "1", milliseconds)
    : redisCommand("WAIT", "1", milliseconds);
  const random = new Prng(shape.transfers);
  const connections = await Promise.all(Array.from({ length: shape.connections }, () => RedisConnection.open(port)));
  try {
    const { perSecond, latencyMs } = await closedLoop(
      shape.connections,
      { seconds: seconds + WARM_UP_SECONDS },
      async (_, worker) => {
        const calls = Array.from({ length: shape.calls }, () => scriptCall(String(digest), shape.transfers, random));
        const replies = await (connections[worker] as RedisConnection).ask(
          ...calls.map(({ command }) => command),
          confirm,
        );
        calls.forEach(({ units }, index) => {
          books.created(replies[index], shape.transfers, units);
        });
        assertConfirmed(replies.at(-1));
      },
    );
    return { transfersPerSecond: Math.round(perSecond * shape.calls * shape.transfers), latencyMs };
  } finally {
    for (const connection of connections) connection.close();
  }
}

/** A call of the script with so many new transfers, and the sum of their amounts. */
function scriptCall(
  digest: string,
  transfers: number,
  random: Prng,
): { readonly command: string; readonly units: number } {
  const ids = randomBytes(transfers * ID_BYTES).toString("latin1");
  const words = ["EVALSHA", digest, "1", "t"];
  let units = 0;
  for (let index = 0; index < transfers; index++) {
    const debit = 1 + random.below(ACCOUNTS);
    const credit = otherAccount(random, ACCOUNTS, debit);
    const amount = 1 + random.below(AMOUNT_MAX);
    const id = ids.slice(index * ID_BYTES, (index + 1) * ID_BYTES);
    words.push(id, `${debit}`, `${credit}`, `${amount}`);
    units += amount;
  }
  return { command: redisCommand(...words), units };
}

/** Throws unless at least one replica has confirmed (WAIT), or both the primary and a replica (WAITAOF). */
function assertConfirmed(reply: Reply | undefined): void {
  const counts = Array.isArray(reply) ? reply : [reply];
  if (counts.every((count) => Number(count) >= 1)) return;
  throw new CodedError("peer_failed", `no replica of Redis has confirmed within ${CONFIRM_MS} ms`);
}

/** What all three must have in the end: exactly what was acknowledged. */
class Books {
  #transfers = 0;
  #units = 0;

  /** Notes what a call has created; throws unless that is all of it. */
  created(reply: Reply | undefined, transfers: number, units: number): void {
    if (reply !== transfers)
      throw new CodedError("peer_failed", `Redis created ${String(reply)} of ${transfers} transfers`);
    this.#transfers += transfers;
    this.#units += units;
  }

  async check(servers: Servers): Promise<void> {
    const expected = `${this.#units} ${this.#units} ${this.#transfers}`;
    for (const port of servers.ports) {
      await servers.until(
        "Redis' books with all that was acknowledged",
        async () => (await booksAt(port)) === expected,
      );
    }
    await servers.until("Redis' replicas", async () => await replicasOnline(servers.ports[0] ?? 0));
  }
}

/** Debits, credits and the number of transfers. */
async function booksAt(port: number): Promise<string> {
  const accounts = Array.from({ length: ACCOUNTS }, (_, index) => redisCommand("HMGET", `a:${index + 1}`, "d", "c"));
  const replies = await askOnce(port, ...accounts, redisCommand("HLEN", "t"));
  const sum = (column: number): number =>
    replies
      .slice(0, ACCOUNTS)
      .reduce<number>((total, reply) => total + Number((reply as readonly Reply[])[column] ?? 0), 0);
  return `${sum(0)} ${sum(1)} ${String(replies.at(-1))}`;
}
