/** `quorate bench-peers`: the same machine, the same minutes, equal durability: Quorate beside etcd and PostgreSQL. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { CommandModule } from "yargs";
import { CodedError } from "../../node/base/errors.ts";
import { type EtcdFigures, measureEtcd } from "../bench/peers/etcd.ts";
import { measurePostgres, type PostgresFigures } from "../bench/peers/postgres.ts";
import { median, type Percentiles } from "../bench/percentiles.ts";
import { command } from "../command.ts";
import { type Output, table } from "../output.ts";

const run = promisify(execFile);
const OUTPUT_BYTES_MAX = 1 << 20;

interface OwnFigures {
  readonly bulk: { readonly transfersPerSecond: number; readonly batchLatencyMs: Percentiles };
  readonly signed: { readonly paymentsPerSecond: number; readonly latencyMs: Percentiles };
  /** At half of that rate, each payment counted from when it was due. */
  readonly halfRate: { readonly latencyMs: Percentiles };
}

interface Round {
  readonly own: OwnFigures;
  readonly etcd: EtcdFigures;
  readonly postgres: PostgresFigures;
}

interface PeerArguments {
  readonly seconds: number;
  readonly rounds: number;
  readonly transfers: number;
  readonly payments: number;
}

/** Our own loads run as the command that anybody would run, in a process of their own. */
async function ownLoad(args: readonly string[]): Promise<Record<string, unknown>> {
  const script = process.argv[1] ?? "";
  const { stdout } = await run(process.execPath, [script, "bench", "--json", ...args], { maxBuffer: OUTPUT_BYTES_MAX });
  const result = JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}") as { readonly figures?: Record<string, unknown> };
  if (result.figures === undefined) throw new CodedError("bench_wrong_result", "quorate bench printed no figures");
  return result.figures;
}

async function measureOwn({ seconds, transfers, payments }: PeerArguments, output: Output): Promise<OwnFigures> {
  output.note("Quorate: bulk ...");
  const bulk = await ownLoad(["--load", "bulk", "--transfers", `${transfers}`]);
  output.note("Quorate: signed payments ...");
  const signed = await ownLoad(["--load", "signed", "--payments", `${payments}`]);
  const rate = Math.floor((signed as unknown as OwnFigures["signed"]).paymentsPerSecond / 2);
  output.note(`Quorate: ${rate} signed payments a second ...`);
  const halfRate = await ownLoad(["--load", "open", "--rate", `${rate}`, "--payments", `${rate * seconds}`]);
  return { bulk, signed, halfRate } as unknown as OwnFigures;
}

async function measureRound(args: PeerArguments, output: Output): Promise<Round> {
  const note = output.note.bind(output);
  const etcd = await measureEtcd({ seconds: args.seconds, connections: 16, inFlight: 512, note });
  const own = await measureOwn(args, output);
  const postgres = await measurePostgres({ seconds: args.seconds, clients: 64, batchClients: 4, note });
  return { own, etcd, postgres };
}

/** Medians over the rounds, and what we are a multiple of. */
function compare(rounds: readonly Round[]): Readonly<Record<string, number>> {
  const of = (pick: (round: Round) => number): number => Math.round(median(rounds.map(pick)) * 100) / 100;
  return {
    bulkTransfersPerSecond: of(({ own }) => own.bulk.transfersPerSecond),
    postgresBatchTransfersPerSecond: of(({ postgres }) => postgres.batch.transfersPerSecond),
    bulkToPostgresBatch: of(({ own, postgres }) => own.bulk.transfersPerSecond / postgres.batch.transfersPerSecond),
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
  describe: "compare with etcd and PostgreSQL on this machine; installs them from Debian's packages when run as root",
  builder: (yargs) =>
    yargs
      .option("rounds", { type: "number", default: 3, describe: "interleaved rounds; medians are told" })
      .option("seconds", { type: "number", default: 10, describe: "of each peer's load" })
      .option("transfers", { type: "number", default: 1_000_000, describe: "of our bulk load" })
      .option("payments", { type: "number", default: 50_000, describe: "of our signed load" })
      .example("$0 bench-peers --rounds 1 --json", "one JSON object as the last line"),
  handler: async (args, output) => {
    const rounds: Round[] = [];
    for (let round = 1; round <= args.rounds; round++) {
      output.note(`Round ${round} of ${args.rounds}`);
      rounds.push(await measureRound(args, output));
    }
    const medians = compare(rounds);
    const rows = Object.entries(medians).map(([name, value]) => [name, value] as const);
    output.result({ medians, rounds }, table([["figure (median)", "value"], ...rows]));
  },
});
