/** What the pages that the simulator writes have in common: each is one file that needs nothing else. */
import { type Outcome, type Unavoidable, unavoidableText } from "./unavoidable.ts";

/** The colour in which pages say how a run has ended. */
export type Tone = "good" | "warm" | "bad";

export function toneOf({ failed, ...unavoidable }: Outcome): Tone {
  if (failed !== undefined) return "bad";
  return unavoidableText(unavoidable) === undefined ? "good" : "warm";
}

/** What they say of a run in which all rules held. */
export function heldText(unavoidable: Unavoidable): string {
  return ["all rules held", unavoidableText(unavoidable)].filter(Boolean).join("; ");
}

/** Text as HTML shows it. */
export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** Data for a script in a page: JSON that cannot end the script. */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}

/** A script in a page, in which nothing may look like its end or like a comment of HTML; in texts and patterns both stay the same. */
export function scriptText(script: string): string {
  return script.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");
}

/** Colours and type, light and dark as the reader's system is. */
export const PAGE_STYLE = `
:root { color-scheme: light dark; --back: #fbfbfa; --panel: #fff; --ink: #1c1e21; --faint: #6b7078; --line: #e3e4e6;
  --accent: #2f6fde; --good: #23844f; --bad: #c8372d; --warm: #d98a1f; --bar: #9dbcf0; }
@media (prefers-color-scheme: dark) { :root { --back: #15171a; --panel: #1c1f23; --ink: #e6e7e9; --faint: #959ba4;
  --line: #30343a; --accent: #6ea2ff; --good: #58c08a; --bad: #ff7a6e; --warm: #f0b256; --bar: #35568f; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink); font: 14px/1.45 system-ui, sans-serif; }
h1 { font-size: 20px; font-weight: 600; margin: 0; } h2 { font-size: 15px; font-weight: 600; margin: 0 0 12px; }
code, .mono { font: 12px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
.faint { color: var(--faint); }
`;
