/** The script of a trace's page: its data, which is in its HTML (`view-page.ts`), to be looked at. */
import type { TraceRecord } from "../trace-recorder.ts";
import { part, Viewer } from "./viewer.ts";

interface PageData {
  readonly nodes: number;
  readonly records: readonly TraceRecord[];
}

const { nodes, records } = JSON.parse(part("trace", HTMLScriptElement).textContent) as PageData;
const viewer = new Viewer();
viewer.begin(nodes);
viewer.follow(Number.POSITIVE_INFINITY);
viewer.add(records);
if (!viewer.followLink()) viewer.end("first");
window.addEventListener("hashchange", () => viewer.followLink());
document.body.dataset["ready"] = "yes";
