/** Records of a trace in words. */
import type { TraceRecord } from "../trace-recorder.ts";
import { haltText, lossText } from "../unavoidable.ts";

/** Who something happened to: a node, a client, or the world. */
export function nodeName(node: number): string {
  if (node === 0) return "world";
  return node > 100 ? `c${node}` : `n${node}`;
}

/** Virtual time, for people: milliseconds with three digits behind the point. */
export function timeText(us: number): string {
  return `${(us / 1000).toFixed(3)} ms`;
}

/** What happened, in a line. */
export function wordsOf(record: TraceRecord): string {
  switch (record.what) {
    case "step":
      return `${record.kind} event ${record.step}`;
    case "send":
      return `to ${nodeName(record.to)}: ${record.message}`;
    case "arrive":
      return `from ${nodeName(record.from)}: ${record.message}`;
    case "lost":
      return `to ${nodeName(record.to)}, lost (${record.why}): ${record.message}`;
    case "stand":
      return `${record.role} term=${record.term} commit=${record.commit}/${record.last} applied=${record.applied} members=${record.members}`;
    case "start":
    case "crash":
    case "pause":
    case "resume":
      return record.what;
    case "log":
      return record.text;
    case "fault":
      return `fault ${JSON.stringify(record.fault)}`;
    case "cut":
    case "heal":
      return `${record.what} ${linksText(record.links)}`;
    case "quiet":
      return "faults are over";
    case "failed":
      return `${record.checker}: ${record.message}`;
    case "unavoidableLoss":
      return lossText(record);
    case "unavoidableHalt":
      return haltText(record);
    case "end":
      return `the end, trace hash ${record.traceHash}`;
  }
}

/** Who does not hear whom: `1 2 | 3 | 4` where none of a side hears the others, `1 > 2 3` where those do not hear the first. */
export function linksText(links: readonly (readonly [number, number])[]): string {
  const keys = new Set(links.map(([from, to]) => `${from}>${to}`));
  const both = links.every(([from, to]) => keys.has(`${to}>${from}`));
  /** Those by whom the same are not heard, by whom these are. */
  const sides = new Map<string, number[]>();
  for (const from of new Set(links.map(([end]) => end))) {
    const unheardBy = sideText(links.flatMap(([end, to]) => (end === from ? [to] : [])));
    sides.set(unheardBy, [...(sides.get(unheardBy) ?? []), from]);
  }
  if (both) return [...sides.values()].map(sideText).join(" | ");
  return [...sides].map(([unheardBy, side]) => `${sideText(side)} > ${unheardBy}`).join(", ");
}

function sideText(side: readonly number[]): string {
  return side.every((end) => end > 100) ? "clients" : side.toSorted((a, b) => a - b).join(" ");
}
