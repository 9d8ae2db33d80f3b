/**
 * The `quorate` command as a function: arguments in, text and an exit code out. Everything that is wrong with the arguments
 * ends here as one error with the code `usage`.
 */
import yargs from "yargs";
import { CodedError, errorMessage } from "../node/base/errors.ts";
import { Invocation } from "./command.ts";
import { account } from "./commands/account.ts";
import { acquirer } from "./commands/acquirer.ts";
import { asset } from "./commands/asset.ts";
import { audit } from "./commands/audit.ts";
import { authority } from "./commands/authority.ts";
import { backup } from "./commands/backup.ts";
import { bench } from "./commands/bench.ts";
import { benchLedger } from "./commands/bench-ledger.ts";
import { benchPeers } from "./commands/bench-peers.ts";
import { checkpoint } from "./commands/checkpoint.ts";
import { configure } from "./commands/configure.ts";
import { dataKey } from "./commands/data-key.ts";
import { day } from "./commands/day.ts";
import { dev } from "./commands/dev.ts";
import { events } from "./commands/events.ts";
import { exportTable } from "./commands/export.ts";
import { importPayments } from "./commands/import.ts";
import { init } from "./commands/init.ts";
import { keys } from "./commands/keys.ts";
import { leader } from "./commands/leader.ts";
import { log } from "./commands/log.ts";
import { member } from "./commands/member.ts";
import { pay } from "./commands/pay.ts";
import { payment } from "./commands/payment.ts";
import { query } from "./commands/query.ts";
import { receipt } from "./commands/receipt.ts";
import { recover } from "./commands/recover.ts";
import { restore } from "./commands/restore.ts";
import { risk } from "./commands/risk.ts";
import { scrub } from "./commands/scrub.ts";
import { settlement } from "./commands/settlement.ts";
import { sim } from "./commands/sim.ts";
import { start } from "./commands/start.ts";
import { statement } from "./commands/statement.ts";
import { status } from "./commands/status.ts";
import { transfer } from "./commands/transfer.ts";
import { trialBalance } from "./commands/trial-balance.ts";
import { tx } from "./commands/tx.ts";
import { verify } from "./commands/verify.ts";
import { EXIT, Output, type Streams } from "./output.ts";

const COMMANDS = [
  ...[day, dev, init, start, status, leader, member, verify, scrub, log],
  ...[backup, restore, recover],
  ...[keys, dataKey, authority, configure, risk],
  ...[account, asset, transfer, tx, query, events, pay, payment, importPayments, settlement],
  ...[receipt, checkpoint, audit],
  ...[statement, trialBalance, exportTable],
  ...[bench, benchLedger, benchPeers, sim, acquirer],
];

const NO_SUCH_COMMAND = "Did you mean";
/** The parser's own words where they do not help; it wants the plural, too. */
const TOO_FEW = { one: "too few arguments: %s given, %s needed", other: "too few arguments: %s given, %s needed" };
const STRINGS: Record<string, never> = {
  "Not enough non-option arguments: got %s, need at least %s": TOO_FEW as never,
};

/** What the parser says, for people who have not read its source. */
function reasonOf(message: string): string {
  return message.startsWith(NO_SUCH_COMMAND) ? `there is no such command; ${message.toLowerCase()}` : message;
}

/** Runs one command; resolves with its exit code: 0 done, 1 failed, 2 wrong use. */
export async function runQuorate(args: readonly string[], streams: Streams): Promise<number> {
  const invocation = new Invocation(streams);
  const parser = yargs([...args])
    .scriptName("quorate")
    .usage("$0 <command>\n\nA replicated payment ledger: run a cluster, pay, and prove what became of each payment.")
    .strict()
    .recommendCommands()
    .demandCommand(1, "say what to do")
    .parserConfiguration({ "parse-numbers": false, "parse-positional-numbers": false })
    .locale("en")
    .updateStrings(STRINGS)
    .wrap(streams.columns)
    .epilogue("Set-up and examples: README.md. Errors and what to do about them: docs/errors.md.")
    .version()
    .help()
    .alias("h", "help")
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new CodedError("usage", reasonOf(message));
    });
  for (const command of COMMANDS) parser.command(command);
  try {
    await parser.parseAsync(args, { invocation }, (_error, _args, help) => {
      if (help !== "") streams.out(`${help}\n`);
    });
    return invocation.exitCode;
  } catch (error) {
    const wrongUse = error instanceof Error && (error.name === "YError" || error instanceof CodedError);
    if (!wrongUse) throw error;
    new Output(args.includes("--json"), streams).error(
      new CodedError("usage", `${errorMessage(error)}; --help shows how`),
    );
    return EXIT.usage;
  }
}
