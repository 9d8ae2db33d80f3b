/** `quorate sim report`: campaigns, or the parts of one, as one page and one JSON object. */
import { existsSync, writeFileSync } from "node:fs";
import type { CommandModule } from "yargs";
import { CodedError } from "../../node/base/errors.ts";
import { type CampaignRead, type CampaignResult, readCampaign } from "../../sim/campaign.ts";
import { neverReachedLines } from "../../sim/never-reached.ts";
import { reportPage } from "../../sim/report/page.ts";
import { partsLines, programsLines, reportOf } from "../../sim/report/report.ts";
import { command } from "../command.ts";
import { EXIT } from "../output.ts";
import { countsText, unavoidableLines } from "../sim/told.ts";
import { wholeLines } from "../sim/whole-lines.ts";

/** Begins to read a file; what is wrong with it is told with its name. Throws `CodedError` `usage` where there is none. */
function openCampaign(file: string): CampaignRead {
  if (!existsSync(file)) throw new CodedError("usage", `there is no file ${file}`);
  const campaign = naming(file, () => readCampaign(wholeLines(file)));
  return { ...campaign, results: resultsOf(file, campaign) };
}

function* resultsOf(file: string, { results }: CampaignRead): Generator<CampaignResult> {
  const rest = results[Symbol.iterator]();
  for (let next = naming(file, () => rest.next()); next.done !== true; next = naming(file, () => rest.next()))
    yield next.value;
}

function naming<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof CodedError) throw new CodedError(error.code, `${file}: ${error.message}`, error.facts, error);
    throw error;
  }
}

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
