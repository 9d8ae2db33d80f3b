/**
 * PostgreSQL under three loads: one double-entry transfer a transaction, as statements and inside one function, and a
 * thousand a transaction inside one function. Each begins with empty tables and the same warm-up as our own loads.
 */
import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CodedError } from "../../../node/base/errors.ts";
import { Prng } from "../../../node/base/prng.ts";
import { closedLoop, WARM_UP_SECONDS } from "../loops.ts";
import { type Percentiles, percentiles } from "../percentiles.ts";
import { PgBatch } from "./pg-batch.ts";
import { PgConnection } from "./pg-connection.ts";
import { POSTGRES_NODES, PostgresCluster } from "./postgres-cluster.ts";
import { BATCH_FUNCTION, FUNCTION_SCRIPT, STATEMENTS_SCRIPT } from "./postgres-sql.ts";
import { type PeerOptions, Servers } from "./servers.ts";

const ACCOUNTS = 10_000;
const BATCH = 1_000;
const CLIENTS = 64;
const BATCH_CLIENTS = 4;
const US_PER_MS = 1_000;
/** Column of the latency in pgbench's per-transaction log. */
const LATENCY_COLUMN = 2;

/** What is measured, and how durable it is. */
export const POSTGRES_SETTINGS: string =
  "a primary and two streaming standbys, fsync on; every commit after fsync at the primary and at one of them " +
  `(synchronous_commit on, ANY 1); ${ACCOUNTS} accounts, no overdraft check, no foreign key; ${CLIENTS} clients with one ` +
  `transfer a transaction, ${BATCH_CLIENTS} with ${BATCH} in one set-based function; no signatures, no TLS`;

interface Load {
  readonly transfersPerSecond: number;
  /** Of one transaction. */
  readonly latencyMs: Percentiles;
}

/** A load, and how many transfers it has got acknowledged, warm-up included. */
interface Ran {
  readonly load: Load;
  readonly acknowledged: number;
}

export interface PostgresFigures {
  readonly statements: Load;
  readonly function: Load;
  readonly batch: Load;
}

/** Starts primary and standbys, measures the three loads, checks the books on all three, and stops them. */
export async function measurePostgres({ seconds, stopped, note }: PeerOptions): Promise<PostgresFigures> {
  const options = { name: "postgres", user: "postgres", ports: POSTGRES_NODES, stopped };
  return await Servers.use(options, async (servers) => {
    const cluster = new PostgresCluster(servers);
    await cluster.start();
    const measure = async (name: string, run: () => Promise<Ran>): Promise<Load> => {
      await cluster.fresh(ACCOUNTS);
      note(`PostgreSQL: ${name}, for ${seconds + WARM_UP_SECONDS} s ...`);
      const { load, acknowledged } = await run();
      await cluster.check(acknowledged);
      return load;
    };
    return {
      statements: await measure("statements", () => transactions(cluster, STATEMENTS_SCRIPT, seconds)),
      function: await measure("one function", () => transactions(cluster, FUNCTION_SCRIPT, seconds)),
      batch: await measure(`${BATCH} in one function`, () => batches(cluster, seconds)),
    };
  });
}

/** pgbench with prepared statements: once to warm up, and once with its own log of every transaction. */
async function transactions(cluster: PostgresCluster, script: string, seconds: number): Promise<Ran> {
  const { directory } = cluster;
  const file = join(directory, "load.sql");
  writeFileSync(file, script.replaceAll("ACCOUNTS", `${ACCOUNTS}`));
  const run = async (lasts: number, ...more: readonly string[]): Promise<string> =>
    await cluster.pgbench([
      "-n",
      "-M",
      "prepared",
      "-c",
      `${CLIENTS}`,
      "-j",
      "2",
      "-T",
      `${lasts}`,
      "-f",
      file,
      ...more,
    ]);
  const warmUp = await run(WARM_UP_SECONDS);
  const log = `transactions-${randomUUID()}`;
  const output = await run(seconds, "-l", "--log-prefix", log);
  const logs = readdirSync(directory).filter((name) => name.startsWith(log));
  const latencies = logs.flatMap((name) => latenciesOf(readFileSync(join(directory, name), "utf8")));
  const transfersPerSecond = Math.round(numberIn(output, /^tps = ([\d.]+)/m));
  const acknowledged = [warmUp, output].reduce((sum, text) => sum + numberIn(text, /processed: (\d+)/), 0);
  return { load: { transfersPerSecond, latencyMs: percentiles(latencies) }, acknowledged };
}

/** Closed loops of batches of a thousand, each on a connection of its own. */
async function batches(cluster: PostgresCluster, seconds: number): Promise<Ran> {
  const statement = `SELECT ${BATCH_FUNCTION}($1, $2, $3, $4)`;
  const clients = await Promise.all(
    Array.from({ length: BATCH_CLIENTS }, async (_, index) => ({
      connection: await PgConnection.open(cluster.port, statement),
      batch: new PgBatch(BATCH, ACCOUNTS, new Prng(index + 1)),
    })),
  );
  try {
    const { done, perSecond, latencyMs } = await closedLoop(
      BATCH_CLIENTS,
      { seconds: seconds + WARM_UP_SECONDS },
      async (_, worker) => {
        const { connection, batch } = clients[worker] as (typeof clients)[number];
        const created = await connection.execute(batch.next());
        if (created !== BATCH)
          throw new CodedError("peer_failed", `PostgreSQL created ${created} of ${BATCH} transfers`);
      },
    );
    return { load: { transfersPerSecond: Math.round(perSecond * BATCH), latencyMs }, acknowledged: done * BATCH };
  } finally {
    for (const { connection } of clients) connection.close();
  }
}

/** Throws `CodedError` `peer_failed` where pgbench does not say it. */
function numberIn(output: string, pattern: RegExp): number {
  const [, number] = pattern.exec(output) ?? [];
  if (number === undefined) throw new CodedError("peer_failed", `pgbench said something else: ${output}`);
  return Number(number);
}

/** Milliseconds of each transaction in a log of pgbench. */
function latenciesOf(log: string): number[] {
  const lines = log.split("\n").filter((line) => line !== "");
  return lines.map((line) => Number(line.split(" ")[LATENCY_COLUMN]) / US_PER_MS);
}
