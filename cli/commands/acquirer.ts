/** `quorate acquirer`: the sandbox card network. */
import type { CommandModule } from "yargs";
import { U32_MAX } from "../../node/base/bytes.ts";
import { DEFAULT_RATES } from "../../sim/acquirer/core.ts";
import { startAcquirer } from "../../sim/acquirer/server.ts";
import { command } from "../command.ts";
import { untilStopped } from "../interruption.ts";
import { U16_MAX, whole } from "../numbers.ts";

export const acquirer: CommandModule = command({
  command: "acquirer",
  describe: "run the sandbox card acquirer: approves, declines, times out and answers late, and keeps books",
  builder: (yargs) =>
    yargs
      .option("port", {
        type: "number",
        default: 7_300,
        coerce: whole("port", 0, U16_MAX),
        describe: "port on the loopback address; 0 for any",
      })
      .option("journal", {
        type: "string",
        demandOption: true,
        describe: "file of its decisions, continued if it exists",
      })
      .option("seed", { type: "number", default: 1, coerce: whole("seed", 0, U32_MAX), describe: "of its luck" })
      .example(
        "$0 acquirer --port 7300 --journal ./acquirer.jsonl",
        "for nodes with --card-endpoint http://127.0.0.1:7300",
      )
      .epilogue("The protocol is in docs/acquirer.md; GET /v1/report shows its books."),
  handler: async ({ port, journal, seed }, output) => {
    const running = await startAcquirer({ port, seed, journalPath: journal, rates: DEFAULT_RATES });
    output.result({ port: running.port }, `acquirer on http://127.0.0.1:${running.port}`);
    await untilStopped();
    await running.close();
  },
});
