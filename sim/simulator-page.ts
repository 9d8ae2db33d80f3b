/**
 * The simulator as one HTML page that needs nothing else and may load nothing: the whole of it is the script of a worker,
 * which the page (`browser/main.ts`) starts for each run.
 */
import { GIVE_UP_LAST_COPY } from "./asked.ts";
import { escapeHtml, PAGE_STYLE, scriptText } from "./html.ts";
import { PLANTED } from "./run.ts";
import { VIEWER_BODY, VIEWER_STYLE, VIEWER_TOOLS } from "./viewer-parts.ts";

/** The scripts of `browser/main.ts` and `browser/worker.ts`, linked. */
export interface SimulatorScripts {
  readonly page: string;
  readonly worker: string;
}

/** How much virtual time is seen in a second: what stands in the page, and milliseconds for each. */
const PACES = [
  ["as fast as it goes", "Infinity"],
  ["real time", "1"],
  ["10 times slower", "0.1"],
  ["100 times slower", "0.01"],
];

/** Not even from where it lies may the page load anything. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline' blob:; worker-src blob:";

const STYLE = `
header { flex-direction: column; gap: 8px; }
header form { display: flex; gap: 10px; align-items: center; flex: 1; margin: 0; white-space: nowrap; }
header form label { color: var(--faint); display: flex; gap: 6px; align-items: center; }
header .row { display: flex; flex-wrap: wrap; gap: 8px 14px; align-items: center; width: 100%; min-width: 0; }
#seed { width: 118px; } #give-up { width: auto; height: auto; margin: 0; accent-color: var(--accent); } #filter { width: 210px; }
select { font: inherit; height: 28px; color: var(--ink); background: var(--back); border: 1px solid var(--line); border-radius: 6px;
  max-width: 210px; } select:focus { outline: 2px solid var(--accent); outline-offset: -1px; }
button:disabled { opacity: 0.45; cursor: default; border-color: var(--line); }
#run { min-width: 64px; font-weight: 600; color: #fff; background: var(--accent); border-color: var(--accent); }
#run.stop { background: var(--bad); border-color: var(--bad); }
@media (prefers-color-scheme: dark) { #run { color: var(--back); } }
button, #found { white-space: nowrap; } #which { font-weight: 600; white-space: nowrap; }
#figures { position: absolute; left: 12px; bottom: 6px; font-size: 12px; font-variant-numeric: tabular-nums; }
#hash { user-select: all; } header .verdict { min-width: 120px; }
#empty { position: absolute; inset: 0; display: grid; place-content: center; justify-items: center; gap: 6px; padding: 24px;
  text-align: center; background: var(--back); } #empty b { font-size: 17px; } #empty p { margin: 0; max-width: 560px; }
#empty.bad b { color: var(--bad); } #empty[hidden] { display: none; }
@media (max-width: 1300px) { header h1, #found, #legend { display: none; } #filter { width: 150px; }
  #seed { width: 96px; } #mutant { max-width: 120px; } }
body.dropping #view { outline: 2px dashed var(--accent); outline-offset: -10px; }
`;

export function simulatorPage({ page, worker }: SimulatorScripts): string {
  const body = VIEWER_BODY.replace(
    "</canvas>",
    '</canvas><div id="figures" class="faint"></div><div id="empty"><b></b><p></p></div>',
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>Quorate simulator</title>
<style>${PAGE_STYLE}${VIEWER_STYLE}${STYLE}</style></head><body>
<header><div class="row"><h1>Quorate simulator</h1><form id="asked" autocomplete="off">
<label>seed<input id="seed" inputmode="numeric" spellcheck="false" value="1"></label>
<label>bug<select id="mutant">${option(["none", ""])}${PLANTED.map((name) => option([name])).join("")}</select></label>
<label title="${escapeHtml(GIVE_UP_LAST_COPY)}"><input id="give-up" type="checkbox">give up the last copy</label>
<label>pace<select id="pace">${PACES.map(option).join("")}</select></label>
<button id="run">run</button></form>
<span class="group"><button id="open" title="run a plan file; it may also be dropped anywhere">open a plan</button>
<input id="file" type="file" hidden><button id="save-plan" disabled title="the plan of this run, for sim replay, sim shrink and this page">save the plan</button>
<button id="save-trace" disabled title="everything that happened, for sim view and sim diff">save the trace</button></span></div>
<div class="row"><span id="which"></span><span id="verdict" class="verdict" role="status"></span>
<code id="hash" title="the trace hash; sim replay prints the same"></code>${VIEWER_TOOLS}</div></header>
${body}
<script type="text/plain" id="worker">${scriptText(worker)}</script>
<script type="module">${scriptText(page)}</script>
</body></html>
`;
}

function option([text = "", value = text]: readonly string[]): string {
  return `<option value="${escapeHtml(value)}">${escapeHtml(text)}</option>`;
}
