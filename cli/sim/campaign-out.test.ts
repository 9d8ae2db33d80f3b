import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type CampaignHead, type CampaignResult, campaignHead, campaignLine } from "../../sim/campaign.ts";
import { CampaignOut } from "./campaign-out.ts";

const DIRECTORY = mkdtempSync(join(tmpdir(), "quorate-campaign-"));
const FILE = join(DIRECTORY, "campaign");
const OWN: CampaignHead = {
  program: "0123456789abcdef",
  giveUpLastCopy: false,
  seeds: { first: 3, last: 9, shard: 0, shards: 1 },
};
const HEAD = campaignHead(OWN);

/** The lines of the first seeds. */
const LINES = [3, 4, 5].map((seed) => `${campaignLine(result(seed))}\n`);

function result(seed: number): CampaignResult {
  const counts = { faults: {}, skipped: {}, reached: {} };
  const failed = { checker: "durability", message: "verloren: \u00fcber", atMs: 3, step: 4 };
  const figures = { simulatedMs: 10, transactions: 2, stateCount: 1, newStates: [seed] };
  return { seed, failed, traceHash: "0".repeat(16), ...figures, ...counts };
}

/** Opens the file; the seeds that it has are put behind `before`. */
function opened(before: number[] = [], file = FILE): CampaignOut {
  return new CampaignOut(file, OWN, ({ seed }) => before.push(seed));
}

afterAll(() => rmSync(DIRECTORY, { recursive: true }));

describe("the file of a campaign", () => {
  test.each([0, 9, HEAD.length])("of whose head %d characters were written is begun again", (length) => {
    writeFileSync(FILE, HEAD.slice(0, length));
    const before: number[] = [];
    opened(before).close();
    expect(before).toEqual([]);
    expect(readFileSync(FILE, "utf8")).toBe(`${HEAD}\n`);
  });

  test("that is not there is made", () => {
    const file = join(DIRECTORY, "new");
    expect(existsSync(file)).toBe(false);
    opened([], file).close();
    expect(readFileSync(file, "utf8")).toBe(`${HEAD}\n`);
  });

  test("cut off within its last line goes on behind the one before, wherever that was", () => {
    const whole = [`${HEAD}\n`, ...LINES].join("");
    const bytes = Buffer.from(whole);
    const last = Buffer.byteLength(LINES[2] ?? "");
    for (let cut = 0; cut <= last; cut++) {
      writeFileSync(FILE, bytes.subarray(0, bytes.length - cut));
      const before: number[] = [];
      const out = opened(before);
      expect(before).toEqual(cut === 0 ? [3, 4, 5] : [3, 4]);
      if (cut > 0) out.add(result(5));
      out.close();
      expect(readFileSync(FILE, "utf8")).toBe(whole);
    }
  });

  test("with a bad line in its middle is refused with the line, as it is read, and left as it is", () => {
    const text = [`${HEAD}\n`, LINES[0], "{\n", LINES[2]].join("");
    writeFileSync(FILE, text);
    const before: number[] = [];
    const refusal = {
      code: "campaign_invalid",
      facts: { line: 3 },
      message: expect.stringMatching(/: line 3: /) as string,
    };
    expect(() => opened(before)).toThrow(expect.objectContaining(refusal));
    // What stands before it was told already: nobody had all of it at once.
    expect(before).toEqual([3]);
    expect(readFileSync(FILE, "utf8")).toBe(text);
  });

  test.each([
    ["something else without a line's end", "my notes", "campaign_invalid"],
    ["more than a head", `${HEAD}x`, "campaign_invalid"],
    ["more than a head, and long", `${HEAD}${"x".repeat(3_000_000)}`, "campaign_invalid"],
    ["the head of other seeds, cut off", HEAD.replace("[3,9]", "[3,4]").slice(0, -2), "campaign_invalid"],
    ["something else", "my notes\n", "campaign_invalid"],
    ["other seeds", `${HEAD.replace("[3,9]", "[3,4]")}\n`, "campaign_mismatch"],
    ["another program's seeds", `${HEAD.replace("0123", "3210")}\n`, "campaign_mismatch"],
  ])("with %s is refused, and left as it is", (_, text, code) => {
    writeFileSync(FILE, text);
    expect(() => opened()).toThrow(expect.objectContaining({ code }));
    expect(readFileSync(FILE, "utf8")).toBe(text);
  });
});
