import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type CampaignHead, campaignHead } from "../../sim/campaign.ts";
import { CampaignOut } from "./campaign-out.ts";

const DIRECTORY = mkdtempSync(join(tmpdir(), "quorate-campaign-"));
const FILE = join(DIRECTORY, "campaign");
const OWN: CampaignHead = {
  program: "0123456789abcdef",
  giveUpLastCopy: false,
  seeds: { first: 3, last: 9, shard: 0, shards: 1 },
};
const HEAD = campaignHead(OWN);

afterAll(() => rmSync(DIRECTORY, { recursive: true }));

describe("the file of a campaign", () => {
  test.each([0, 9, HEAD.length])("of whose head %d characters were written is begun again", (length) => {
    writeFileSync(FILE, HEAD.slice(0, length));
    const out = new CampaignOut(FILE, OWN);
    out.close();
    expect(out.before).toEqual([]);
    expect(readFileSync(FILE, "utf8")).toBe(`${HEAD}\n`);
  });

  test("that is not there is made", () => {
    const file = join(DIRECTORY, "new");
    expect(existsSync(file)).toBe(false);
    new CampaignOut(file, OWN).close();
    expect(readFileSync(file, "utf8")).toBe(`${HEAD}\n`);
  });

  test.each([
    ["something else without a line's end", "my notes", "campaign_invalid"],
    ["more than a head", `${HEAD}x`, "campaign_invalid"],
    ["the head of other seeds, cut off", HEAD.replace("[3,9]", "[3,4]").slice(0, -2), "campaign_invalid"],
    ["something else", "my notes\n", "campaign_invalid"],
    ["other seeds", `${HEAD.replace("[3,9]", "[3,4]")}\n`, "campaign_mismatch"],
    ["another program's seeds", `${HEAD.replace("0123", "3210")}\n`, "campaign_mismatch"],
  ])("with %s is refused, and left as it is", (_, text, code) => {
    writeFileSync(FILE, text);
    expect(() => new CampaignOut(FILE, OWN)).toThrow(expect.objectContaining({ code }));
    expect(readFileSync(FILE, "utf8")).toBe(text);
  });
});
