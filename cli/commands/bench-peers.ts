/**
 * `quorate bench-peers`: the same machine, the same minutes, equal durability: Quorate beside etcd, PostgreSQL and Redis.
 */
import { tmpdir } from "node:os";
import type { CommandModule } from "yargs";
import { CodedError } from "../../node/base/errors.ts";
import { assertOnDisk } from "../bench/file-system.ts";
import { WARM_UP_SECONDS } from "../bench/loops.ts";
import { describeMachine, machineText } from "../bench/machine.ts";
import { ETCD_SETTINGS, type EtcdFigures, etcdVersion, measureEtcd } from "../bench/peers/etcd.ts";
import { measureOwn, type OwnFigures } from "../bench/peers/own.ts";
import { ensureInstalled } from "../bench/peers/packages.ts";
import { measurePostgres, POSTGRES_SETTINGS, type PostgresFigures } from "../bench/peers/postgres.ts";
import { postgresPrograms, postgresVersion } from "../bench/peers/postgres-cluster.ts";
import { measureRedis, type RedisFigures, redisSettings, redisVersion } from "../bench/peers/redis.ts";
import { median } from "../bench/percentiles.ts";
import { DURABILITY } from "../bench/report.ts";
import { command } from "../command.ts";
import { interruption } from "../interruption.ts";
import { whole } from "../numbers.ts";
import { type Output, table } from "../output.ts";
import { softwareVersion } from "../software.ts";

interface Round {
  readonly own: OwnFigures;
  readonly etcd: EtcdFigures;
  readonly postgres: PostgresFigures;
  readonly redis: RedisFigures;
}

interface PeerArguments {
  readonly seconds: number;
  readonly rounds: number;
  readonly transfers: number;
  readonly payments: number;
}

/** All that a comparison needs, before anything is measured; throws `CodedError` `peer_missing`. */
function installPeers(output: Output): void {
  // Debian's package `postgresql` brings the version that this release of Debian has.
  const postgres = postgresPrograms() === undefined ? ["postgresql"] : [];
  ensureInstalled(["etcd-server", "etcd-client", "redis-server", ...postgres], (text) => output.note(text));
  if (postgresPrograms() === undefined) throw new CodedError("peer_missing", "PostgreSQL's package lacks a program");
}

interface Setup {
  readonly [name: string]: { readonly version: string; readonly settings: string };
}

/** Whom we compare, and under what conditions. */
function describeSetup({ transfers, payments }: PeerArguments): Setup {
  const own = `3 nodes, ${transfers} transfers in the bulk load, ${payments} payments in the signed load; ${DURABILITY}`;
  return {
    quorate: { version: softwareVersion(), settings: own },
    etcd: { version: etcdVersion(), settings: ETCD_SETTINGS },
    postgres: { version: postgresVersion(), settings: POSTGRES_SETTINGS },
    redis: { version: redisVersion(), settings: redisSettings() },
  };
}

const CONDITIONS =
  `all on the loopback address of one machine, the clients on it, too; the first ${WARM_UP_SECONDS} s of each load of ` +
  "single payments, puts and peers, at most a fifth of it, are a warm-up and are not measured";

async function measureRound(args: PeerArguments, stopped: Promise<void>, output: Output): Promise<Round> {
  const options = { ...args, stopped, note: (text: string) => output.note(text) };
  const etcd = await measureEtcd(options);
  const own = await measureOwn(options);
  const postgres = await measurePostgres(options);
  const redis = await measureRedis(options);
  return { own, etcd, postgres, redis };
}

/** The faster of its two ways. */
function redisBest({ redis }: Round): number {
  return Math.max(redis.pipelined.transfersPerSecond, redis.batch.transfersPerSecond);
}

/** Medians over the rounds, and what we are a multiple of. */
function compare(rounds: readonly Round[]): Readonly<Record<string, number>> {
  const of = (pick: (round: Round) => number): number => Math.round(median(rounds.map(pick)) * 100) / 100;
  return {
    bulkTransfersPerSecond: of(({ own }) => own.bulk.transfersPerSecond),
    postgresBatchTransfersPerSecond: of(({ postgres }) => postgres.batch.transfersPerSecond),
    bulkToPostgresBatch: of(({ own, postgres }) => own.bulk.transfersPerSecond / postgres.batch.transfersPerSecond),
    redisPipelinedTransfersPerSecond: of(({ redis }) => redis.pipelined.transfersPerSecond),
    redisBatchTransfersPerSecond: of(({ redis }) => redis.batch.transfersPerSecond),
    bulkToRedis: of((round) => round.own.bulk.transfersPerSecond / redisBest(round)),
    signedPaymentsPerSecond: of(({ own }) => own.signed.paymentsPerSecond),
    etcdPutsPerSecond: of(({ etcd }) => etcd.putsPerSecond),
    signedToEtcdPuts: of(({ own, etcd }) => own.signed.paymentsPerSecond / etcd.putsPerSecond),
    signedHalfRateP99Ms: of(({ own }) => own.halfRate.latencyMs.p99),
    etcdHalfRateP99Ms: of(({ etcd }) => etcd.halfRateLatencyMs.p99),
    halfRateP99ToEtcd: of(({ own, etcd }) => own.halfRate.latencyMs.p99 / etcd.halfRateLatencyMs.p99),
    postgresStatementsPerSecond: of(({ postgres }) => postgres.statements.transfersPerSecond),
    signedToPostgresStatements: of(
      ({ own, postgres }) => own.signed.paymentsPerSecond / postgres.statements.transfersPerSecond,
    ),
    postgresFunctionPerSecond: of(({ postgres }) => postgres.function.transfersPerSecond),
    signedToPostgresFunction: of(
      ({ own, postgres }) => own.signed.paymentsPerSecond / postgres.function.transfersPerSecond,
    ),
  };
}

export const benchPeers: CommandModule = command({
  command: "bench-peers",
  describe:
    "compare with etcd, PostgreSQL and Redis on this machine; installs them from Debian's packages when run as root",
  builder: (yargs) =>
    yargs
      .option("rounds", {
        type: "number",
        default: 3,
        coerce: whole("rounds", 1, 1_000),
        describe: "interleaved rounds; medians are told",
      })
      .option("seconds", {
        type: "number",
        default: 10,
        coerce: whole("seconds", 1, 3_600),
        describe: `of each peer's loads and of our open one, after ${WARM_UP_SECONDS} of warm-up`,
      })
      .option("transfers", {
        type: "number",
        default: 1_000_000,
        coerce: whole("transfers", 1, 1_000_000_000),
        describe: "of our bulk load",
      })
      .option("payments", {
        type: "number",
        default: 150_000,
        coerce: whole("payments", 1, 10_000_000),
        describe: `of our signed load, warm-up included: ${WARM_UP_SECONDS} s, at most a fifth`,
      })
      .example("$0 bench-peers --rounds 1 --json", "one JSON object as the last line"),
  handler: async (args, output) => {
    const { rounds: count, seconds, transfers, payments } = args;
    assertOnDisk(tmpdir());
    const { stopped } = interruption();
    installPeers(output);
    const machine = describeMachine(tmpdir());
    const setup = describeSetup(args);
    output.note(machineText(machine));
    for (const [name, { version, settings }] of Object.entries(setup)) output.note(`${name} ${version}: ${settings}`);
    output.note(CONDITIONS);
    const rounds: Round[] = [];
    for (let round = 1; round <= count; round++) {
      output.note(`Round ${round} of ${count}`);
      rounds.push(await measureRound(args, stopped, output));
    }
    const medians = compare(rounds);
    const rows = Object.entries(medians).map(([name, value]) => [name, value] as const);
    const settings = { rounds: count, seconds, transfers, payments, warmUpSeconds: WARM_UP_SECONDS };
    output.result(
      { machine, peers: setup, conditions: CONDITIONS, settings, medians, rounds },
      table([["figure (median)", "value"], ...rows]),
    );
  },
});
