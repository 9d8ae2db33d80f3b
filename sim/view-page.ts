/** A trace as one HTML page that needs nothing else: its records as data, and the script of `view/`. */
import { escapeHtml, heldText, PAGE_STYLE, scriptJson, scriptText, toneOf } from "./html.ts";
import type { TraceFile } from "./trace-file.ts";
import type { TraceRecord } from "./trace-recorder.ts";
import { isOutcome, type Outcome } from "./unavoidable.ts";
import { VIEWER_BODY, VIEWER_STYLE, VIEWER_TOOLS } from "./viewer-parts.ts";

/** The page of a trace; `script` is that of `view/main.ts`, linked. */
export function viewPage({ plan, records }: TraceFile, script: string): string {
  const outcome = outcomeOf(records);
  const { failed } = outcome;
  const verdict = failed === undefined ? heldText(outcome) : `${failed.checker}: ${failed.message}`;
  const title = `Quorate, seed ${plan.seed}${plan.mutant === undefined ? "" : ` with ${plan.mutant}`}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title>
<style>${PAGE_STYLE}${VIEWER_STYLE}</style></head><body>
<header><h1>${escapeHtml(title)}</h1>
<span class="verdict ${toneOf(outcome)}" title="${escapeHtml(verdict)}">${escapeHtml(verdict)}</span>
${VIEWER_TOOLS}</header>
${VIEWER_BODY}
<script type="application/json" id="trace">${scriptJson({ nodes: plan.options.nodes + plan.options.spares, records })}</script>
<script type="module">${scriptText(script)}</script>
</body></html>
`;
}

function outcomeOf(records: readonly TraceRecord[]): Outcome {
  const record = records.find(({ what }) => isOutcome(what));
  return record === undefined ? {} : { [record.what]: record };
}
