/**
 * PostgreSQL with two streaming standbys, a commit waiting for either of them, fsync on everywhere: one double-entry
 * transfer a transaction (as statements, and inside one function), and a thousand a transaction inside one function.
 */
import { randomUUID } from "node:crypto";
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { Prng } from "../../../node/base/prng.ts";
import { type Percentiles, percentiles } from "../percentiles.ts";
import { PgConnection } from "./pg-connection.ts";
import { BATCH_FUNCTION, FUNCTION_SCRIPT, SCHEMA, STATEMENTS_SCRIPT } from "./postgres-sql.ts";
import { ensureInstalled, Servers, waitUntil } from "./servers.ts";

const BIN = "/usr/lib/postgresql/15/bin";
const READY_MS = 30_000;
const ACCOUNTS = 10_000;
const BATCH = 1_000;
const US_PER_MS = 1_000;
/** Column of the latency in pgbench's per-transaction log. */
const LATENCY_COLUMN = 2;

export interface PostgresOptions {
  readonly seconds: number;
  readonly clients: number;
  readonly batchClients: number;
  readonly note: (text: string) => void;
}

interface Load {
  readonly transfersPerSecond: number;
  /** Of one transaction. */
  readonly latencyMs: Percentiles;
}

export interface PostgresFigures {
  readonly statements: Load;
  readonly function: Load;
  readonly batch: Load;
  readonly version: string;
}

/** Starts primary and standbys, measures the three loads, checks the books on all three, and stops them. */
export async function measurePostgres(options: PostgresOptions): Promise<PostgresFigures> {
  ensureInstalled(["postgresql-15"], options.note);
  const servers = await Servers.prepare("postgres", "postgres", 3);
  try {
    const cluster = new PostgresCluster(servers);
    await cluster.start();
    const statements = await cluster.measure("statements", options, () => cluster.bench(STATEMENTS_SCRIPT, options));
    const inFunction = await cluster.measure("function", options, () => cluster.bench(FUNCTION_SCRIPT, options));
    const batch = await cluster.measure("batch", options, () => cluster.batches(options));
    const version = servers.run(`${BIN}/postgres`, ["--version"]).trim();
    return { statements, function: inFunction, batch, version };
  } finally {
    await servers.stop();
  }
}

class PostgresCluster {
  readonly #servers: Servers;

  constructor(servers: Servers) {
    this.#servers = servers;
  }

  async start(): Promise<void> {
    const { directory } = this.#servers;
    this.#servers.run(`${BIN}/initdb`, [
      "-D",
      this.#data(0),
      "-U",
      "postgres",
      "-A",
      "trust",
      "--no-sync",
      "-E",
      "UTF8",
    ]);
    appendFileSync(join(this.#data(0), "postgresql.conf"), configuration(directory));
    await this.#startServer(0);
    for (const standby of [1, 2]) {
      const source = ["-h", "127.0.0.1", "-p", `${this.#port(0)}`, "-U", "postgres"];
      this.#servers.run(`${BIN}/pg_basebackup`, [
        ...source,
        "-c",
        "fast",
        "-X",
        "stream",
        "--no-sync",
        "-R",
        "-D",
        this.#data(standby),
      ]);
      const from = `host=127.0.0.1 port=${this.#port(0)} user=postgres application_name=s${standby}`;
      appendFileSync(join(this.#data(standby), "postgresql.auto.conf"), `primary_conninfo = '${from}'\n`);
      await this.#startServer(standby);
    }
    await this.#bothSynchronous();
    this.#sql(0, SCHEMA);
  }

  /** Runs a load on fresh tables, and checks afterwards that the books balance on all three. */
  async measure(name: string, { seconds, note }: PostgresOptions, load: () => Promise<Load>): Promise<Load> {
    this.#sql(
      0,
      `TRUNCATE transfers, accounts; INSERT INTO accounts (id) SELECT g FROM generate_series(1, ${ACCOUNTS}) g;`,
    );
    this.#sql(0, "VACUUM ANALYZE accounts");
    this.#sql(0, "CHECKPOINT");
    note(`PostgreSQL: ${name}, for ${seconds} s ...`);
    const figures = await load();
    const books = (node: number): string => this.#sql(node, BOOKS).trim();
    const expected = books(0);
    await waitUntil(
      "PostgreSQL's books",
      READY_MS,
      () => expected.startsWith("t|") && books(1) === expected && books(2) === expected,
    );
    await this.#bothSynchronous();
    return figures;
  }

  /** pgbench with prepared statements and its own log of every transaction. */
  async bench(script: string, { seconds, clients }: PostgresOptions): Promise<Load> {
    const { directory } = this.#servers;
    const file = join(directory, "load.sql");
    writeFileSync(file, script.replaceAll("ACCOUNTS", `${ACCOUNTS}`));
    const log = `log-${randomUUID()}`;
    const output = await this.#servers.runAside(`${BIN}/pgbench`, [
      ...["-n", "-h", "127.0.0.1", "-p", `${this.#port(0)}`, "-U", "postgres", "-M", "prepared"],
      ...["-c", `${clients}`, "-j", "2", "-T", `${seconds}`, "-l", "--log-prefix", log, "-f", file, "postgres"],
    ]);
    const logs = readdirSync(directory).filter((name) => name.startsWith(log));
    const latencies = logs.flatMap((name) => latenciesOf(readFileSync(join(directory, name), "utf8")));
    const transfersPerSecond = Math.round(Number(/^tps = ([\d.]+)/m.exec(output)?.[1] ?? 0));
    return { transfersPerSecond, latencyMs: percentiles(latencies) };
  }

  /** Closed loops of batches of a thousand. */
  async batches({ seconds, batchClients }: PostgresOptions): Promise<Load> {
    const until = performance.now() + seconds * 1_000;
    const latencies: number[] = [];
    const startedAt = performance.now();
    const loop = async (index: number): Promise<void> => {
      const connection = await PgConnection.open(this.#port(0), `SELECT ${BATCH_FUNCTION}($1, $2, $3, $4)`);
      const random = new Prng(index + 1);
      while (performance.now() < until) {
        const parameters = batchParameters(random);
        const sentAt = performance.now();
        await connection.execute(parameters);
        latencies.push(performance.now() - sentAt);
      }
      connection.close();
    };
    await Promise.all(Array.from({ length: batchClients }, (_, index) => loop(index)));
    const elapsed = (performance.now() - startedAt) / 1_000;
    return { transfersPerSecond: Math.round((latencies.length * BATCH) / elapsed), latencyMs: percentiles(latencies) };
  }

  async #startServer(node: number): Promise<void> {
    this.#servers.start(
      `p${node}`,
      `${BIN}/postgres`,
      ["-D", this.#data(node), "-p", `${this.#port(node)}`],
      "SIGQUIT",
    );
    await waitUntil("PostgreSQL", READY_MS, () => this.#sql(node, "SELECT 1").trim() === "1");
  }

  async #bothSynchronous(): Promise<void> {
    const query = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'quorum'";
    await waitUntil("PostgreSQL's standbys", READY_MS, () => this.#sql(0, query).trim() === "2");
  }

  #sql(node: number, statements: string): string {
    const connection = ["-h", "127.0.0.1", "-p", `${this.#port(node)}`, "-U", "postgres", "-d", "postgres"];
    return this.#servers.run(
      `${BIN}/psql`,
      ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", ...connection],
      statements,
    );
  }

  #data(node: number): string {
    return join(this.#servers.directory, `p${node}`);
  }

  #port(node: number): number {
    return this.#servers.ports[node] ?? 0;
  }
}

const BOOKS = `SELECT (SELECT sum(debits_posted) FROM accounts) = (SELECT sum(credits_posted) FROM accounts)
  AND (SELECT sum(debits_posted) FROM accounts) = (SELECT sum(amount) FROM transfers), (SELECT count(*) FROM transfers)`;

function configuration(socketDirectory: string): string {
  return `
listen_addresses = '127.0.0.1'
unix_socket_directories = '${socketDirectory}'
max_connections = 200
shared_buffers = 512MB
work_mem = 16MB
wal_level = replica
fsync = on
full_page_writes = on
synchronous_commit = on
synchronous_standby_names = 'ANY 1 (s1, s2)'
max_wal_senders = 10
wal_keep_size = 1GB
wal_buffers = 64MB
max_wal_size = 8GB
min_wal_size = 1GB
checkpoint_timeout = 15min
hot_standby = on
jit = off
log_min_messages = warning
`;
}

/** Milliseconds of each transaction in a log of pgbench. */
function latenciesOf(log: string): number[] {
  const lines = log.trim().split("\n");
  return lines.map((line) => Number(line.split(" ")[LATENCY_COLUMN]) / US_PER_MS);
}

/** A thousand transfers as four array literals. */
function batchParameters(random: Prng): readonly string[] {
  const debits: number[] = [];
  const credits: number[] = [];
  const amounts: number[] = [];
  const ids: string[] = [];
  for (let i = 0; i < BATCH; i++) {
    const debit = 1 + random.below(ACCOUNTS);
    const other = 1 + random.below(ACCOUNTS - 1);
    ids.push(randomUUID());
    debits.push(debit);
    credits.push(other < debit ? other : other + 1);
    amounts.push(1 + random.below(1_000));
  }
  return [ids, debits, credits, amounts].map((values) => `{${values.join(",")}}`);
}
