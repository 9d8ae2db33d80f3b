/** The file that a campaign writes, and goes on with when it is there already. */
import { closeSync, existsSync, fstatSync, openSync, readFileSync, statSync, truncateSync, writeSync } from "node:fs";
import { CodedError } from "../../node/base/errors.ts";
import { type CampaignHead, type CampaignResult, campaignHead, campaignLine } from "../../sim/campaign.ts";
import { openCampaign } from "./campaign-file.ts";
import { wholeBytes } from "./whole-lines.ts";

export class CampaignOut {
  readonly #file: number;

  /**
   * Opens or makes the file; `before` is told what it has already. Throws `CodedError` `campaign_mismatch` where it holds
   * another campaign, or another program's, and `campaign_invalid` where it is damaged.
   */
  constructor(path: string, head: CampaignHead, before: (result: CampaignResult) => void) {
    if (existsSync(path)) resume(path, head, before);
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

/** Tells what was done of this campaign, and takes away a line that was cut off. What is refused is left as it is. */
function resume(path: string, head: CampaignHead, before: (result: CampaignResult) => void): void {
  const whole = wholeBytes(path);
  if (whole === 0) checkBegun(path, head);
  else {
    const { results, ...own } = openCampaign(path);
    checkSame(path, own, head);
    for (const result of results) before(result);
  }
  truncateSync(path, whole);
}

/** A file without a whole line must be the beginning of this campaign's head. */
function checkBegun(path: string, head: CampaignHead): void {
  const own = campaignHead(head);
  if (statSync(path).size <= own.length && own.startsWith(readFileSync(path, "utf8"))) return;
  throw new CodedError("campaign_invalid", `${path} is no campaign, and is left as it is`);
}

function checkSame(path: string, own: CampaignHead, head: CampaignHead): void {
  if (own.program !== head.program) {
    const why = `${path} was made by the program ${own.program}, and this is ${head.program}`;
    throw new CodedError("campaign_mismatch", `${why}: name another file, or remove this one to begin again`);
  }
  if (campaignHead(own) !== campaignHead(head)) {
    throw new CodedError("campaign_mismatch", `${path} holds ${campaignHead(own)}, not ${campaignHead(head)}`);
  }
}
