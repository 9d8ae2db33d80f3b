/** A primary of PostgreSQL with two streaming standbys, a commit waiting for either of them, fsync on everywhere. */
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { must } from "../../../node/base/assert.ts";
import { CodedError } from "../../../node/base/errors.ts";
import { SCHEMA } from "./postgres-sql.ts";
import type { Servers } from "./servers.ts";

/** Where Debian's packages put each major version. */
const VERSIONS = "/usr/lib/postgresql";
const PROGRAMS = ["initdb", "pg_basebackup", "pgbench", "postgres", "psql"] as const;
export const POSTGRES_NODES = 3;

/** The directory with all programs of the newest version that is there. */
export function postgresPrograms(): string | undefined {
  const versions = existsSync(VERSIONS) ? readdirSync(VERSIONS).map(Number) : [];
  const directories = versions.toSorted((a, b) => b - a).map((version) => join(VERSIONS, `${version}`, "bin"));
  return directories.find((directory) => PROGRAMS.every((name) => existsSync(join(directory, name))));
}

export function postgresVersion(): string {
  return execFileSync(pathOf("postgres"), ["--version"]).toString().trim().replace("postgres (PostgreSQL) ", "");
}

function pathOf(program: (typeof PROGRAMS)[number]): string {
  return join(must(postgresPrograms(), "PostgreSQL is installed"), program);
}

export class PostgresCluster {
  readonly #servers: Servers;

  constructor(servers: Servers) {
    this.#servers = servers;
  }

  get directory(): string {
    return this.#servers.directory;
  }

  get port(): number {
    return this.#port(0);
  }

  async start(): Promise<void> {
    const initial = ["-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8"];
    await this.#servers.run(pathOf("initdb"), ["-D", this.#data(0), ...initial]);
    appendFileSync(join(this.#data(0), "postgresql.conf"), configuration(this.#servers.directory));
    await this.#startServer(0);
    for (let standby = 1; standby < POSTGRES_NODES; standby++) {
      const copy = ["-c", "fast", "-X", "stream", "--no-sync", "-R", "-D", this.#data(standby)];
      await this.#servers.run(pathOf("pg_basebackup"), [...this.#address(0), ...copy]);
      const from = `host=127.0.0.1 port=${this.port} user=postgres application_name=s${standby}`;
      appendFileSync(join(this.#data(standby), "postgresql.auto.conf"), `primary_conninfo = '${from}'\n`);
      await this.#startServer(standby);
    }
    await this.#synchronous();
    await this.#sql(0, SCHEMA);
  }

  /** Empty tables with `accounts` accounts, and nothing left over from the load before. */
  async fresh(accounts: number): Promise<void> {
    await this.#sql(0, "TRUNCATE transfers, accounts");
    await this.#sql(0, `INSERT INTO accounts (id) SELECT g FROM generate_series(1, ${accounts}) g`);
    await this.#sql(0, "VACUUM ANALYZE accounts");
    await this.#sql(0, "CHECKPOINT");
  }

  async pgbench(args: readonly string[]): Promise<string> {
    return await this.#servers.run(pathOf("pgbench"), [...this.#address(0), ...args, "postgres"]);
  }

  /** Throws unless the books balance with exactly so many transfers, on all three, and both standbys follow. */
  async check(transfers: number): Promise<void> {
    const books = (await this.#sql(0, BOOKS)).trim();
    if (books !== `t|${transfers}`) {
      throw new CodedError("peer_failed", `PostgreSQL has books "${books}" after ${transfers} acknowledged transfers`);
    }
    for (let standby = 1; standby < POSTGRES_NODES; standby++) {
      await this.#servers.until(
        "PostgreSQL's books on a standby",
        async () => (await this.#sql(standby, BOOKS)).trim() === books,
      );
    }
    await this.#synchronous();
  }

  async #startServer(node: number): Promise<void> {
    const args = ["-D", this.#data(node), "-p", `${this.#port(node)}`];
    this.#servers.start(`log-${node}`, pathOf("postgres"), args, "SIGQUIT");
    await this.#servers.until("a connection to PostgreSQL", async () => {
      const answer = await this.#sql(node, "SELECT 1");
      return answer.trim() === "1";
    });
  }

  async #synchronous(): Promise<void> {
    const query = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'quorum'";
    await this.#servers.until("PostgreSQL's synchronous standbys", async () => {
      const answer = await this.#sql(0, query);
      return answer.trim() === "2";
    });
  }

  async #sql(node: number, statements: string): Promise<string> {
    const quiet = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"];
    return await this.#servers.run(pathOf("psql"), [...quiet, ...this.#address(node), "-d", "postgres"], statements);
  }

  #address(node: number): readonly string[] {
    return ["-h", "127.0.0.1", "-p", `${this.#port(node)}`, "-U", "postgres"];
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
maintenance_work_mem = 128MB
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
