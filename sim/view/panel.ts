/** The panel beside the lanes: the record that is looked at, how each node stood then, and what happened around it. */
import { type Model, standAt } from "./model.ts";
import { nodeColour } from "./scene.ts";
import { nodeName, timeText, wordsOf } from "./words.ts";

const AROUND = 14;

export interface PanelParts {
  readonly title: HTMLElement;
  readonly nodes: HTMLElement;
  readonly list: HTMLElement;
}

/** Fills the panel for the record at a place; `shows` tells which records the filter lets through. */
export function fillPanel(
  { title, nodes, list }: PanelParts,
  model: Model,
  selected: number,
  shows: (at: number) => boolean,
): void {
  const record = model.records[selected];
  if (record === undefined) {
    for (const part of [title, nodes, list]) part.replaceChildren();
    return;
  }
  title.replaceChildren(
    element("b", `${nodeName(record.node)} ${wordsOf(record)}`),
    element("span", `${timeText(record.us)} · record ${record.id} of ${model.records.length}`, "faint"),
  );
  nodes.replaceChildren(
    tableRow("th", ["", "role", "term", "commit", "log", "state", "members"]),
    ...model.lanes.map((lane) => {
      const stand = standAt(lane, selected);
      const name = nodeName(lane.node);
      const cells =
        stand === undefined
          ? [name, "down", "", "", "", "", ""]
          : [name, stand.role, ...[stand.term, stand.commit, stand.last, stand.applied].map(String), stand.members];
      const row = tableRow("td", cells);
      row.style.setProperty("--node", nodeColour(lane.node));
      if (stand?.role === "leader") row.className = "leader";
      return row;
    }),
  );
  list.replaceChildren(...around(model, selected, shows).map((at) => listItem(model, at, at === selected)));
  list.querySelector(".current")?.scrollIntoView({ block: "center" });
}

/** Places of the records before and behind one that the filter lets through. */
function around(model: Model, selected: number, shows: (at: number) => boolean): readonly number[] {
  const before: number[] = [];
  const behind: number[] = [];
  for (let at = selected - 1; at >= 0 && before.length < AROUND; at--) if (shows(at)) before.unshift(at);
  for (let at = selected + 1; at < model.records.length && behind.length < AROUND; at++) if (shows(at)) behind.push(at);
  return [...before, selected, ...behind];
}

function listItem(model: Model, at: number, current: boolean): HTMLElement {
  const record = model.records[at];
  const item = element("li", "", current ? "current" : "");
  if (record === undefined) return item;
  item.dataset["at"] = String(at);
  item.style.setProperty("--node", record.node >= 1 && record.node <= 100 ? nodeColour(record.node) : "transparent");
  item.append(
    element("span", (record.us / 1000).toFixed(3), "faint"),
    element("span", nodeName(record.node)),
    element("span", wordsOf(record)),
  );
  return item;
}

function tableRow(cell: "td" | "th", texts: readonly string[]): HTMLElement {
  const row = document.createElement("tr");
  row.append(...texts.map((text) => element(cell, text)));
  return row;
}

function element(name: string, text: string, className = ""): HTMLElement {
  const made = document.createElement(name);
  made.textContent = text;
  if (className !== "") made.className = className;
  return made;
}
