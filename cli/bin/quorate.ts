#!/usr/bin/env node
/**
 * The `quorate` command: one executable for operators, researchers and clients. Exit code 0 for done, 1 for failed, 2 for
 * wrong use.
 */
import yargs from "yargs";
import { hideBin } from "yargs/helpers";
import { CodedError } from "../../node/base/errors.ts";
import { account } from "../commands/account.ts";
import { acquirer } from "../commands/acquirer.ts";
import { authority } from "../commands/authority.ts";
import { bench } from "../commands/bench.ts";
import { benchLedger } from "../commands/bench-ledger.ts";
import { benchPeers } from "../commands/bench-peers.ts";
import { configure } from "../commands/configure.ts";
import { day } from "../commands/day.ts";
import { dev } from "../commands/dev.ts";
import { importPayments } from "../commands/import.ts";
import { init } from "../commands/init.ts";
import { keys } from "../commands/keys.ts";
import { pay } from "../commands/pay.ts";
import { payment } from "../commands/payment.ts";
import { receipt } from "../commands/receipt.ts";
import { risk } from "../commands/risk.ts";
import { settlement } from "../commands/settlement.ts";
import { sim } from "../commands/sim.ts";
import { start } from "../commands/start.ts";
import { status } from "../commands/status.ts";
import { transfer } from "../commands/transfer.ts";
import { verify } from "../commands/verify.ts";
import { EXIT, Output } from "../output.ts";

const commands = [
  [day, dev, init, start, status, verify],
  [keys, authority, configure, risk],
  [account, transfer, pay, payment, importPayments, settlement, receipt],
  [bench, benchLedger, benchPeers, sim, acquirer],
].flat();

const args = hideBin(process.argv);
const parser = yargs(args)
  .scriptName("quorate")
  .usage("$0 <command>\n\nA replicated payment ledger: run a cluster, pay, and prove what became of each payment.")
  .strict()
  .recommendCommands()
  .demandCommand(1, "say what to do; --help lists the commands")
  .parserConfiguration({ "parse-numbers": false, "parse-positional-numbers": false })
  .wrap(Math.min(110, process.stdout.columns ?? 110))
  .epilogue("Set-up and examples: README.md. Errors and what to do about them: docs/errors.md.")
  .version()
  .help()
  .alias("h", "help")
  .fail((message, error) => {
    if (error !== undefined && error !== null && !(error instanceof Error && error.name === "YError")) throw error;
    const reason = `${message ?? error?.message ?? "wrong use"}; --help shows how`;
    new Output(args.includes("--json")).error(new CodedError("usage", reason));
    process.exit(EXIT.usage);
  });
for (const command of commands) parser.command(command);
await parser.parseAsync();
