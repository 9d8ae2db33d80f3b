/** A trace as one HTML page that needs nothing else: its records as data, and the script of `view/`. */
import { escapeHtml, PAGE_STYLE, scriptJson, scriptText } from "./html.ts";
import type { TraceFile } from "./trace-file.ts";
import { VIEWER_BODY, VIEWER_STYLE, VIEWER_TOOLS } from "./viewer-parts.ts";

/** The page of a trace; `script` is that of `view/main.ts`, linked. */
export function viewPage({ plan, records }: TraceFile, script: string): string {
  const failed = records.find((record) => record.what === "failed");
  const verdict = failed === undefined ? "all rules held" : `${failed.checker}: ${failed.message}`;
  const title = `Quorate, seed ${plan.seed}${plan.mutant === undefined ? "" : ` with ${plan.mutant}`}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title>
<style>${PAGE_STYLE}${VIEWER_STYLE}</style></head><body>
<header><h1>${escapeHtml(title)}</h1>
<span class="verdict ${failed === undefined ? "good" : "bad"}" title="${escapeHtml(verdict)}">${escapeHtml(verdict)}</span>
${VIEWER_TOOLS}</header>
${VIEWER_BODY}
<script type="application/json" id="trace">${scriptJson({ nodes: plan.options.nodes + plan.options.spares, records })}</script>
<script type="module">${scriptText(script)}</script>
</body></html>
`;
}
