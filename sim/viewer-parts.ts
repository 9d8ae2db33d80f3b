/** What all pages that show lanes have in them, for the viewer (`view/viewer.ts`) to fill. */

/** Colours of messages, as `view/draw.ts` has them. */
const LEGEND = [
  ...[
    ["accent", "entries"],
    ["warm", "elections"],
    ["good", "clients"],
    ["faint", "heartbeats and others"],
    ["bad", "lost"],
  ],
]
  .map(([colour, what]) => `<i style="background: var(--${colour})"></i>${what}`)
  .join("");

/** The style of a page that shows lanes. */
export const VIEWER_STYLE: string = `
html, body { height: 100%; overflow: hidden; }
body { display: grid; grid-template: auto 1fr / 1fr 400px; }
header { grid-column: 1 / 3; display: flex; gap: 14px; align-items: center; padding: 10px 16px; background: var(--panel);
  border-bottom: 1px solid var(--line); }
header h1 { font-size: 15px; white-space: nowrap; } header .verdict { overflow: hidden; text-overflow: ellipsis;
  white-space: nowrap; flex: 1; } .verdict.bad { color: var(--bad); } .verdict.good { color: var(--good); }
  .verdict.warm { color: var(--warm); }
button { font: inherit; color: var(--ink); background: var(--back); border: 1px solid var(--line); border-radius: 6px;
  min-width: 32px; height: 28px; padding: 0 8px; cursor: pointer; } button:hover { border-color: var(--faint); }
.group { display: flex; gap: 4px; }
input { font: inherit; width: 230px; height: 28px; padding: 0 10px; color: var(--ink); background: var(--back);
  border: 1px solid var(--line); border-radius: 6px; }
input:focus, button:focus-visible { outline: 2px solid var(--accent); outline-offset: -1px; }
#view { position: relative; min-width: 0; min-height: 0; padding-top: 10px; }
#lanes { width: 100%; height: 100%; display: block; cursor: crosshair; touch-action: none; }
#legend { position: absolute; right: 12px; bottom: 6px; font-size: 11px; }
#legend i { display: inline-block; width: 16px; height: 2px; margin: 0 5px 3px 14px; }
#tip { position: absolute; pointer-events: none; max-width: 330px; padding: 5px 9px; border-radius: 6px; font-size: 12px;
  background: var(--ink); color: var(--panel); overflow-wrap: anywhere; }
aside { background: var(--panel); border-left: 1px solid var(--line); overflow: hidden; min-height: 0; padding: 14px 16px;
  display: flex; flex-direction: column; }
#title b, #title span { display: block; overflow-wrap: anywhere; } #title { margin-bottom: 12px; }
table { border-collapse: collapse; width: 100%; font-size: 12.5px; font-variant-numeric: tabular-nums; margin-bottom: 14px; }
th { text-align: left; font-weight: 500; color: var(--faint); } td, th { padding: 4px 6px 4px 0; white-space: nowrap; }
td { border-top: 1px solid var(--line); } td:first-child { border-left: 3px solid var(--node); padding-left: 8px; }
tr.leader td { font-weight: 600; }
#list { list-style: none; margin: 0; padding: 0; overflow: auto; flex: 1; font: 11.5px/1.45 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
#list li { display: grid; grid-template-columns: 74px 62px 1fr; gap: 6px; padding: 2px 6px; border-left: 3px solid var(--node);
  cursor: pointer; overflow-wrap: anywhere; } #list li:hover { background: var(--back); }
#list li.current { background: color-mix(in srgb, var(--accent) 18%, transparent); }
`;

/** The filter, and the buttons for time and records. */
export const VIEWER_TOOLS: string = `<input id="filter" placeholder="filter: n2 append -heartbeat   ( / )" aria-label="filter"><span id="found" class="faint"></span>
<span class="group"><button id="farther" title="farther (-)">−</button><button id="closer" title="closer (+)">+</button>
<button id="whole" title="the whole run (0)">whole</button></span>
<span class="group"><button id="first" title="first (Home)">|◀</button><button id="back" title="back (left)">◀</button>
<button id="forward" title="forward (right)">▶</button><button id="last" title="last (End)">▶|</button></span>`;

/** The lanes, and the panel beside them. */
export const VIEWER_BODY: string = `<div id="view"><canvas id="lanes"></canvas><div id="legend" class="faint">${LEGEND}</div><div id="tip" hidden></div></div>
<aside><div id="title"></div><table id="nodes"></table><ol id="list"></ol></aside>`;
