/** `quorate sim report`: campaigns, or the parts of one, as one page and one JSON object. */
import { writeFileSync } from "node:fs";
import type { CommandModule } from "yargs";
import { neverReachedLines } from "../../sim/never-reached.ts";
import { reportPage } from "../../sim/report/page.ts";
import { partsLines, programsLines, reportOf } from "../../sim/report/report.ts";
import { command } from "../command.ts";
import { EXIT } from "../output.ts";
import { openCampaign } from "../sim/campaign-file.ts";
import { countsText, unavoidableLines } from "../sim/told.ts";

export const report: CommandModule = command({
  command: "report <files..>",
  describe: "sum campaigns up in one HTML page",
  lists: ["files"],
  builder: (yargs) =>
    yargs
      .positional("files", { type: "string", array: true, demandOption: true, describe: "what `sim run --out` wrote" })
      .option("out", { type: "string", default: "report.html", describe: "where the page goes" })
      .example("$0 sim report part-*.jsonl --json", "the parts of a campaign that ran in several places"),
  handler: ({ files, out }, output) => {
    const summed = reportOf(files.map(openCampaign));
    writeFileSync(out, reportPage(summed));
    const { transactionsOfSeeds: _, simulatedMsOfSeeds: __, statesAfterSeeds: ___, ...figures } = summed;
    output.result(
      { ...figures, page: out },
      [
        `${summed.seeds} seeds, ${summed.failed.length} failed; ${summed.transactions} transactions`,
        ...unavoidableLines(summed),
        ...(summed.checkers.length === 0 ? [] : [`broken: ${countsText(Object.fromEntries(summed.checkers))}`]),
        `${summed.states.distinct} states of the protocol, ${summed.states.byNewestTenth} by the newest tenth of the seeds`,
        ...programsLines(summed),
        ...partsLines(summed),
        ...neverReachedLines(summed.neverReached),
        `the page is ${out}`,
      ].join("\n"),
    );
    return summed.neverReached.isFailure || summed.failed.length > 0 ? EXIT.failed : EXIT.done;
  },
});
