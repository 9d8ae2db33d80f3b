/** The simulator's page in a browser: what runs there is what runs in Node, event for event. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { Script } from "node:vm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PLANTED, runSeed } from "../../sim/run.ts";
import { Spawned } from "../spawned.contract.ts";
import { BrowserPage, needsChromium } from "./browser.test-support.ts";

const DIRECTORY = mkdtempSync(join(tmpdir(), "quorate-page-"));
const READY = 'document.body?.dataset.ready === "yes"';
const ENDED = 'document.body.dataset.ended === "yes"';
/** A run with a planted bug that is found soon. */
const BROKEN = { seed: 6, mutant: "readByDeposedLeader" } as const;

const file = join(DIRECTORY, "simulator.html");
const address = pathToFileURL(file).href;

async function quorate(...args: readonly string[]): Promise<string> {
  const spawned = new Spawned(["sim", ...args]);
  await spawned.code();
  return spawned.out;
}

/** What `quorate sim replay` says of a run. */
async function replayed(...which: readonly string[]): Promise<{ traceHash: string; failed: unknown }> {
  return JSON.parse(await quorate("replay", ...which, "--json")) as { traceHash: string; failed: unknown };
}

/** The first seed of which the faults, when they may destroy the last copy of something, come to this end. */
function firstToLose(): number {
  for (let seed = 1; ; seed++) {
    if (runSeed(seed, { giveUpLastCopy: true }).unavoidableLoss !== undefined) return seed;
  }
}

function text(id: string): string {
  return `document.getElementById("${id}").textContent`;
}

/** Opens a file as if it was dropped or chosen. */
function giveFile(how: "drop" | "choose", name: string, content: string): string {
  const transfer = `const transfer = new DataTransfer(); transfer.items.add(new File([${JSON.stringify(content)}], "${name}"));`;
  return how === "drop"
    ? `(() => { ${transfer} window.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, cancelable: true })); })()`
    : `(() => { ${transfer} const file = document.getElementById("file"); file.files = transfer.files; file.dispatchEvent(new Event("change")); })()`;
}

/** What the page saves under a name when a button is pressed. */
async function saved(page: BrowserPage, button: string, name: string): Promise<string> {
  const to = join(DIRECTORY, "saved", name);
  await page.value(`document.getElementById("${button}").click()`);
  // Under another name until it is whole.
  while (!existsSync(to)) await sleep(20);
  return readFileSync(to, "utf8");
}

beforeAll(async () => {
  expect(await quorate("page", "--out", file)).toContain(file);
});
afterAll(() => rmSync(DIRECTORY, { recursive: true }));

describe("the simulator's page", () => {
  test("has all of its scripts in it, and may load nothing", () => {
    const page = readFileSync(file, "utf8");
    expect(page).toContain("default-src 'none'");
    for (const pattern of [
      /<script type="module">([\s\S]*?)<\/script>/,
      /<script type="text\/plain"[^>]*>([\s\S]*?)<\/script>/,
    ]) {
      const [, script = ""] = pattern.exec(page) ?? [];
      expect(script.length).toBeGreaterThan(10_000);
      expect(script).not.toMatch(/^(import|export) /m);
      expect(() => new Script(script)).not.toThrow();
    }
    for (const name of PLANTED) expect(page).toContain(`value="${name}"`);
  });

  test("runs a seed as the command line does, draws it, and saves its trace and its plan", async (context) => {
    needsChromium(context);
    const trace = join(DIRECTORY, "5.trace");
    const plan = join(DIRECTORY, "5.plan");
    const { traceHash } = await replayed("--seed", "5", "--trace-file", trace, "--write-plan", plan);
    const page = await BrowserPage.open(address);
    await page.until(READY);
    await page.value('document.getElementById("seed").value = "5"; document.getElementById("run").click()');
    await page.until(ENDED);
    expect(await page.value(text("hash"))).toBe(traceHash);
    expect(await page.value(text("verdict"))).toBe("all rules held");
    expect(await page.value(text("which"))).toBe("seed 5");
    expect(await page.value("location.hash")).toMatch(/^#seed=5&/);
    await page.saveTo(join(DIRECTORY, "saved"));
    expect(await saved(page, "save-trace", "seed-5.trace")).toBe(readFileSync(trace, "utf8"));
    // No page knows which program it is.
    const unsigned = readFileSync(plan, "utf8").replace(/^ {2}"program": .*\n/m, "");
    expect(await saved(page, "save-plan", "seed-5.plan")).toBe(unsigned);
    expect(page.errors).toEqual([]);
    await page.close();
  });

  test("a link plants a bug and leads to an event; the plan of that run is saved, and run again in both places", async (context) => {
    needsChromium(context);
    const page = await BrowserPage.open(`${address}#seed=${BROKEN.seed}&mutant=${BROKEN.mutant}&step=500`);
    await page.until(READY);
    await page.until(ENDED);
    expect(await page.value(text("title"))).toContain("event 500");
    expect(await page.value("location.hash")).toBe(`#seed=${BROKEN.seed}&mutant=${BROKEN.mutant}&step=500`);
    const [hash, verdict] = [await page.value(text("hash")), await page.value(text("verdict"))];
    await page.saveTo(join(DIRECTORY, "saved"));
    const plan = await saved(page, "save-plan", `seed-${BROKEN.seed}.plan`);
    const { traceHash, failed } = await replayed("--plan", join(DIRECTORY, `saved/seed-${BROKEN.seed}.plan`));
    const { checker, message, atMs, step } = failed as { checker: string; message: string; atMs: number; step: number };
    expect(hash).toBe(traceHash);
    expect(verdict).toBe(`${checker} at event ${step}, ${atMs} ms: ${message}`);
    for (const how of ["drop", "choose"] as const) {
      await page.value(giveFile(how, "mine.plan", plan));
      await page.until(`!(${ENDED})`);
      await page.until(ENDED);
      expect(await page.value(text("which"))).toBe(`mine.plan, seed ${BROKEN.seed} with ${BROKEN.mutant}`);
      expect(await page.value(text("hash"))).toBe(traceHash);
      expect(await page.value(text("verdict"))).toBe(verdict);
    }
    // It ends where the rule was broken.
    expect(await page.value(text("title"))).toContain(`${checker}: ${message}`);
    expect(page.errors).toEqual([]);
    await page.close();
  });

  test("lets the last copy be given up where that is wanted, and says what was lost as the command line does", async (context) => {
    needsChromium(context);
    const page = await BrowserPage.open(address);
    await page.until(READY);
    const seed = firstToLose();
    const plan = join(DIRECTORY, "lost.plan");
    const printed = await quorate("replay", "--seed", `${seed}`, "--give-up-last-copy", "--write-plan", plan);
    const [, told = "nothing", traceHash] = /^(unavoidable: .*)\ntrace hash (\w+)/m.exec(printed) ?? [];
    await page.value(
      `document.getElementById("give-up").checked = true; document.getElementById("seed").value = "${seed}"; document.getElementById("run").click()`,
    );
    await page.until(`${text("which")} === "seed ${seed}, the last copy given up" && ${ENDED}`);
    expect(await page.value(text("verdict"))).toBe(`all rules held; ${told}`);
    expect(await page.value('document.getElementById("verdict").className')).toBe("verdict warm");
    expect(await page.value(text("hash"))).toBe(traceHash);
    // It ends where that is said, in full.
    expect(await page.value(text("title"))).toContain(told);
    expect(await page.value("location.hash")).toMatch(new RegExp(`^#seed=${seed}&giveUpLastCopy=true&record=\\d+$`));
    // A plan says itself whether it may be so, whatever is chosen for seeds.
    await page.value('document.getElementById("give-up").checked = false');
    await page.value(giveFile("drop", "lost.plan", readFileSync(plan, "utf8")));
    await page.until(`${text("which")} === "lost.plan, seed ${seed}, the last copy given up" && ${ENDED}`);
    expect(await page.value(text("verdict"))).toBe(`all rules held; ${told}`);
    // So does a link.
    await page.value(`location.hash = "#seed=${seed}&giveUpLastCopy=true"`);
    await page.until(`${text("which")} === "seed ${seed}, the last copy given up" && ${ENDED}`);
    expect(await page.value('document.getElementById("give-up").checked')).toBe(true);
    expect(page.errors).toEqual([]);
    await page.close();
  });

  test("refuses what is no run, in the words of the command line", async (context) => {
    needsChromium(context);
    const page = await BrowserPage.open(`${address}#seed=25&mutant=nothing`);
    const plan = join(DIRECTORY, "refused.plan");
    await quorate("replay", "--seed", "5", "--write-plan", plan);
    const good = readFileSync(plan, "utf8");
    const wrong = [
      good.replace('"seed": 5,', '"seed": 5,,'),
      good.replace('"seed": 5,', '"seed": 5, "sed": 6,'),
      good.replace(/"clockRates": \[/, '"clockRates": [1000, '),
    ];
    await page.until(`${text("empty")}.includes('no bug "nothing" is planted; there are')`);
    for (const content of wrong) {
      expect(content).not.toBe(good);
      writeFileSync(plan, content);
      const spawned = new Spawned(["sim", "replay", "--plan", plan]);
      expect(await spawned.code()).not.toBe(0);
      // The command line names the file first; where there is no JSON, the browser's own words end what is said.
      const why =
        /^error: .*?: (line \d+: (?:no JSON: |.*\(plan_invalid\)$))/m.exec(spawned.err)?.[1] ??
        "nothing that was expected";
      await page.value(giveFile("drop", "wrong.plan", content));
      await page.until(`${text("empty")}.includes(${JSON.stringify(why)})`);
      expect(await page.value(text("verdict"))).toBe("refused");
      expect(await page.value(text("run"))).toBe("run");
    }
    await page.value('document.getElementById("seed").value = "x"; document.getElementById("run").click()');
    await page.until(`${text("empty")}.includes('"x" is not a seed')`);
    expect(page.errors).toEqual([]);
    await page.close();
  });

  test("shows a run while it goes on, at the pace that is wanted, and stops it", async (context) => {
    needsChromium(context);
    const page = await BrowserPage.open(address);
    await page.until(READY);
    await page.value('document.getElementById("pace").value = "0.1"; document.getElementById("run").click()');
    await page.until(`parseFloat(${text("figures")}) > 0`);
    expect(await page.value(text("run"))).toBe("stop");
    expect(await page.value(text("verdict"))).toBe("running");
    const shown = (): Promise<unknown> =>
      page.value('Number(/of (\\d+)/.exec(document.getElementById("found").textContent)[1])');
    const before = Number(await shown());
    await page.until(`Number(/of (\\d+)/.exec(document.getElementById("found").textContent)[1]) > ${before}`);
    await page.value('document.getElementById("run").click()');
    expect(await page.value(text("run"))).toBe("run");
    expect(await page.value(text("verdict"))).toBe("stopped");
    const stopped = await shown();
    await page.value("new Promise((done) => setTimeout(done, 200))");
    expect(await shown()).toBe(stopped);
    // Another run may take the place of one that goes on; the address is that of the new one.
    await page.value('document.getElementById("run").click()');
    await page.until(`parseFloat(${text("figures")}) > 0`);
    await page.value('document.getElementById("pace").value = "Infinity"; location.hash = "#seed=2"');
    await page.until(`${text("which")} === "seed 2"`);
    await page.until(ENDED);
    expect(await page.value("location.hash")).toMatch(/^#seed=2&record=\d+$/);
    expect(await page.value(text("title"))).toContain(String(await page.value(text("hash"))));
    expect(page.errors).toEqual([]);
    await page.close();
  });
});
