/** The file that a campaign writes, and goes on with when it is there already. */
import { closeSync, existsSync, fstatSync, openSync, readFileSync, truncateSync, writeSync } from "node:fs";
import { CodedError } from "../../node/base/errors.ts";
import {
  type CampaignHead,
  type CampaignResult,
  campaignHead,
  campaignLine,
  decodeCampaign,
} from "../../sim/campaign.ts";

export class CampaignOut {
  /** What the file had from before. */
  readonly before: readonly CampaignResult[];
  readonly #file: number;

  /** Opens or makes the file. Throws `CodedError` `campaign_mismatch` where it holds another campaign, or another program's. */
  constructor(path: string, head: CampaignHead) {
    this.before = existsSync(path) ? resumed(path, head) : [];
    this.#file = openSync(path, "a");
    if (fstatSync(this.#file).size === 0) writeSync(this.#file, `${campaignHead(head)}\n`);
  }

  add(result: CampaignResult): void {
    writeSync(this.#file, `${campaignLine(result)}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** What was done of this campaign; a line that was cut off is taken away, and so is a head, if it is this campaign's. */
function resumed(path: string, head: CampaignHead): readonly CampaignResult[] {
  const text = readFileSync(path, "utf8");
  if (campaignHead(head).startsWith(text)) {
    truncateSync(path, 0);
    return [];
  }
  if (!text.includes("\n")) throw new CodedError("campaign_invalid", `${path} is no campaign, and is left as it is`);
  const { results, whole, ...own } = decodeCampaign(text);
  if (own.program !== head.program) {
    const why = `${path} was made by the program ${own.program}, and this is ${head.program}`;
    throw new CodedError("campaign_mismatch", `${why}: name another file, or remove this one to begin again`);
  }
  if (campaignHead(own) !== campaignHead(head)) {
    throw new CodedError("campaign_mismatch", `${path} holds ${campaignHead(own)}, not ${campaignHead(head)}`);
  }
  truncateSync(path, Buffer.byteLength(text.slice(0, whole)));
  return results;
}
