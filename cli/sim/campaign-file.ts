/** The file of a campaign, read line by line, since it may be larger than memory. */
import { existsSync } from "node:fs";
import { CodedError } from "../../node/base/errors.ts";
import { type CampaignRead, type CampaignResult, readCampaign } from "../../sim/campaign.ts";
import { naming } from "./naming.ts";
import { wholeLines } from "./whole-lines.ts";

/** Begins to read a file; what is wrong with it is told with its name. Throws `CodedError` `usage` where there is none. */
export function openCampaign(file: string): CampaignRead {
  if (!existsSync(file)) throw new CodedError("usage", `there is no file ${file}`);
  const campaign = naming(file, () => readCampaign(wholeLines(file)));
  return { ...campaign, results: resultsOf(file, campaign) };
}

function* resultsOf(file: string, { results }: CampaignRead): Generator<CampaignResult> {
  const rest = results[Symbol.iterator]();
  for (let next = naming(file, () => rest.next()); next.done !== true; next = naming(file, () => rest.next()))
    yield next.value;
}
