/** The page of a trace in a browser: it shows what the trace says, and stays quick with a hundred thousand records. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Script } from "node:vm";
import { afterAll, describe, expect, test } from "vitest";
import { type RunPlan, runPlan, runSeed } from "../../sim/run.ts";
import { scenarioPlan } from "../../sim/scenario.ts";
import { traceHead, traceLine } from "../../sim/trace-file.ts";
import type { TraceRecord } from "../../sim/trace-recorder.ts";
import { unavoidableText } from "../../sim/unavoidable.ts";
import { Spawned } from "../spawned.contract.ts";
import { BrowserPage, needsChromium } from "./browser.test-support.ts";
import { readScenario } from "./scenario-file.ts";

const DIRECTORY = mkdtempSync(join(tmpdir(), "quorate-view-"));
const MANY = 100_000;
const READY = 'document.body?.dataset.ready === "yes"';
const DRAWN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))";
/** Pixels of the canvas that are not empty. */
const INKED = `(() => {
  const canvas = document.getElementById("lanes");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.filter((alpha, at) => at % 4 === 3 && alpha > 0).length;
})()`;

afterAll(() => rmSync(DIRECTORY, { recursive: true }));

const records: TraceRecord[] = [];
const { plan } = runSeed(5, { record: (record) => records.push(record) });
/** A trace without it is cut off. */
const END = records.at(-1) as TraceRecord;

/** Writes a trace and has `quorate sim view` make its page; the page's address. */
async function pageOf(name: string, of: readonly TraceRecord[], by: RunPlan = plan): Promise<string> {
  const trace = join(DIRECTORY, name);
  writeFileSync(trace, [traceHead(by), ...of.map(traceLine), ""].join("\n"));
  const spawned = new Spawned(["sim", "view", trace]);
  expect(await spawned.code(), spawned.err).toBe(0);
  return pathToFileURL(`${trace}.html`).href;
}

describe("the page of a trace", () => {
  test("has all of its script in it", async () => {
    const page = readFileSync(fileURLToPath(await pageOf("script.trace", [...records.slice(0, 9), END])), "utf8");
    const [, script = ""] = /<script type="module">([\s\S]*)<\/script>/.exec(page) ?? [];
    expect(script).not.toMatch(/^(import|export) /m);
    expect(() => new Script(script)).not.toThrow();
    expect(page).not.toMatch(/src=|https?:/);
  });

  test("leads to a step, steps on and back, filters, and draws", async (context) => {
    needsChromium(context);
    const at = records.findIndex((record) => record.what === "step" && record.step === 500);
    const page = await BrowserPage.open(`${await pageOf("run.trace", records)}#step=500`);
    await page.until(READY);
    const title = (): Promise<unknown> => page.value('document.getElementById("title").textContent');
    expect(await title()).toContain(`event 500`);
    expect(await title()).toContain(`record ${records[at]?.id} of ${records.length}`);
    await page.press("ArrowRight");
    expect(await title()).toContain(`record ${(records[at]?.id ?? 0) + 1} of`);
    await page.press("ArrowLeft");
    expect(await page.value("location.hash")).toBe("#step=500");
    await page.value(
      'document.getElementById("filter").value = "crash"; document.getElementById("filter").dispatchEvent(new Event("input"))',
    );
    await page.press("ArrowRight");
    const crash = records.find((record, place) => place > at && JSON.stringify(record).includes("crash"));
    expect(await title()).toContain(`record ${crash?.id} of`);
    await page.value(DRAWN);
    expect(await page.value(INKED)).toBeGreaterThan(10_000);
    const rows = await page.value('document.querySelectorAll("#nodes tr").length');
    expect(rows).toBe(plan.options.nodes + plan.options.spares + 1);
    expect(page.errors).toEqual([]);
    await page.close();
  });

  test("says what a run has lost that nothing could have kept, and leads there", async (context) => {
    needsChromium(context);
    const lost = scenarioPlan(await readScenario("sim/scenarios/last-copy-lost.yaml"), 1);
    const told: TraceRecord[] = [];
    const result = runPlan(lost, { record: (record) => told.push(record) });
    const page = await BrowserPage.open(await pageOf("lost.trace", told, lost));
    await page.until(READY);
    const said = unavoidableText(result) ?? "nothing";
    expect(said).toMatch(/^unavoidable: blocks were lost: 1 to \d+, from /);
    const verdict = 'document.querySelector(".verdict.warm").textContent';
    expect(await page.value(verdict)).toBe(`all rules held; ${said}`);
    expect(await page.value('document.getElementById("title").textContent')).toContain(said);
    expect(page.errors).toEqual([]);
    await page.close();
  });

  test(`with ${MANY} records it is there in seconds, and draws the whole run at once`, async (context) => {
    needsChromium(context);
    const endUs = END.us;
    const many = Array.from({ length: MANY }, (_, index): TraceRecord => {
      const record = index === MANY - 1 ? END : (records[index % records.length] as TraceRecord);
      const round = Math.floor(index / records.length);
      const frame = "frame" in record ? { frame: record.frame + round * records.length } : {};
      return { ...record, ...frame, id: index + 1, us: record.us + round * endUs };
    });
    const page = await BrowserPage.open(await pageOf("many.trace", many));
    await page.until(READY);
    expect(await page.value("performance.now()")).toBeLessThan(10_000);
    const drawMs = await page.value(`(async () => {
      const startedAt = performance.now();
      for (let round = 0; round < 5; round++) {
        document.getElementById("farther").click();
        await ${DRAWN};
      }
      return (performance.now() - startedAt) / 5;
    })()`);
    expect(drawMs).toBeLessThan(1_000);
    expect(page.errors).toEqual([]);
    await page.close();
  });
});
