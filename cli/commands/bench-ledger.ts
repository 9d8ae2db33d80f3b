/** `quorate bench-ledger`: the ledger by itself, on one core. */
import type { CommandModule } from "yargs";
import { measureLedger } from "../bench/ledger/measure.ts";
import { command } from "../command.ts";
import { table } from "../output.ts";

export const benchLedger: CommandModule = command({
  command: "bench-ledger",
  describe: "measure the ledger by itself: speed, memory, lookups and queries, on one core",
  builder: (yargs) =>
    yargs
      .option("accounts", { type: "number", default: 10_000, describe: "accounts that pay each other" })
      .option("many-accounts", { type: "number", default: 1_000_000, describe: "for memory of accounts" })
      .option("transfers", { type: "number", default: 10_000_000, describe: "for memory, lookups and queries" })
      .option("sample", { type: "number", default: 2_000_000, describe: "transfers of each other load" })
      .option("seed", { type: "number", default: 42, describe: "of the random pairs and ids" })
      .example("$0 bench-ledger --json", "one JSON object as the last line"),
  handler: ({ accounts, manyAccounts, transfers, sample, seed }, output) => {
    const onStep = (what: string): void => output.note(`${what} ...`);
    const figures = measureLedger({ accounts, manyAccounts, transfers, sample, seed, onStep });
    output.result(figures, table([["figure", "value"], ...Object.entries(figures)]));
  },
});
