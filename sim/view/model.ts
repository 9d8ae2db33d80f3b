/**
 * A trace as what can be drawn: messages as arrows, stretches of time as bands, and how each node stood at any moment. Made
 * once from the records; everything is in the order of time.
 */
import type { NodeStand, TraceRecord } from "../trace-recorder.ts";
import { linksText } from "./words.ts";

/** A frame on its way; places are those of records. */
export interface Arrow {
  readonly from: number;
  readonly to: number;
  readonly message: string;
  readonly sentUs: number;
  readonly sentAt: number;
  /** When it arrived or was lost; where the trace ends, when it was still on its way. */
  endUs: number;
  endAt: number;
  fate: "arrived" | "lost" | "open";
}

/** A stretch of time. */
export interface Band {
  readonly fromUs: number;
  toUs: number;
  readonly text: string;
}

/** What is known of one node. */
export interface Lane {
  readonly node: number;
  readonly leading: readonly Band[];
  readonly campaigning: readonly Band[];
  readonly down: readonly Band[];
  readonly paused: readonly Band[];
  /** Its records, by place. */
  readonly records: readonly number[];
  /** How it stood, and from which record on; undefined while it is down. */
  readonly stands: readonly { readonly at: number; readonly us: number; readonly stand: NodeStand | undefined }[];
}

export interface Model {
  readonly records: readonly TraceRecord[];
  readonly lanes: readonly Lane[];
  readonly arrows: readonly Arrow[];
  /** How long the longest frame was on its way. */
  readonly longestUs: number;
  /** Cut links, and other faults with the time that they last. */
  readonly faults: readonly Band[];
  readonly endUs: number;
  /** The greatest log index. */
  readonly lastIndex: number;
}

/** Makes the model of a trace of so many nodes. */
export function modelOf(records: readonly TraceRecord[], nodes: number): Model {
  const endUs = records.at(-1)?.us ?? 0;
  const lanes = Array.from({ length: nodes }, (_, index) => new LaneBuilder(index + 1));
  const arrows: Arrow[] = [];
  const byFrame = new Map<number, Arrow>();
  records.forEach((record, at) => {
    lanes[record.node - 1]?.add(record, at);
    if (record.what === "send") {
      const { node: from, to, message, us: sentUs } = record;
      const arrow: Arrow = { from, to, message, sentUs, sentAt: at, endUs, endAt: at, fate: "open" };
      arrows.push(arrow);
      byFrame.set(record.frame, arrow);
    } else if (record.what === "arrive" || record.what === "lost") end(byFrame.get(record.frame), record, at);
  });
  const built = lanes.map((lane) => lane.build(endUs));
  const lastIndex = Math.max(1, ...built.flatMap(({ stands }) => stands.map(({ stand }) => stand?.last ?? 0)));
  const longestUs = arrows.reduce((longest, arrow) => Math.max(longest, arrow.endUs - arrow.sentUs), 0);
  return { records, lanes: built, arrows, longestUs, faults: faultBands(records, endUs), endUs, lastIndex };
}

/** The first time that a frame comes counts, or is lost. */
function end(arrow: Arrow | undefined, { us, what }: TraceRecord, at: number): void {
  if (arrow === undefined || arrow.fate !== "open") return;
  arrow.endUs = us;
  arrow.endAt = at;
  arrow.fate = what === "lost" ? "lost" : "arrived";
}

class LaneBuilder {
  readonly #node: number;
  readonly #bands = { leading: [], campaigning: [], down: [], paused: [] } as {
    readonly [Name in "leading" | "campaigning" | "down" | "paused"]: Band[];
  };
  readonly #open = new Map<keyof Lane, { readonly fromUs: number; readonly text: string }>();
  readonly #records: number[] = [];
  readonly #stands: { at: number; us: number; stand: NodeStand | undefined }[] = [];

  constructor(node: number) {
    this.#node = node;
  }

  add(record: TraceRecord, at: number): void {
    this.#records.push(at);
    const { us } = record;
    if (record.what === "stand") {
      const { role, term, commit, last, applied, members } = record;
      this.#stands.push({ at, us, stand: { role, term, commit, last, applied, members } });
      this.#set("leading", role === "leader" ? `term ${term}` : undefined, us);
      this.#set("campaigning", role === "candidate" || role === "preCandidate" ? `term ${term}` : undefined, us);
    } else if (record.what === "crash") {
      this.#stands.push({ at, us, stand: undefined });
      for (const name of ["leading", "campaigning", "paused"] as const) this.#set(name, undefined, us);
      this.#set("down", "down", us);
    } else if (record.what === "start") this.#set("down", undefined, us);
    else if (record.what === "pause") this.#set("paused", "paused", us);
    else if (record.what === "resume") this.#set("paused", undefined, us);
  }

  build(endUs: number): Lane {
    for (const name of ["leading", "campaigning", "down", "paused"] as const) this.#set(name, undefined, endUs);
    return { node: this.#node, ...this.#bands, records: this.#records, stands: this.#stands };
  }

  /** A band goes on while its text is the same. */
  #set(name: "leading" | "campaigning" | "down" | "paused", text: string | undefined, us: number): void {
    const open = this.#open.get(name);
    if (open?.text === text) return;
    if (open !== undefined) this.#bands[name].push({ ...open, toUs: us });
    if (text === undefined) this.#open.delete(name);
    else this.#open.set(name, { fromUs: us, text });
  }
}

/** Cuts from their beginning until they are healed, and faults that say how long they last. */
function faultBands(records: readonly TraceRecord[], endUs: number): readonly Band[] {
  const bands: Band[] = [];
  const open = new Map<string, Band[]>();
  let quietUs = endUs;
  for (const record of records) {
    if (record.what === "quiet") quietUs = record.us;
    if (record.what === "fault") {
      const { kind } = record.fault;
      const lastsMs = "forMs" in record.fault ? record.fault.forMs : 0;
      if (!CUTS.has(kind)) bands.push({ fromUs: record.us, toUs: record.us + 1000 * lastsMs, text: faultText(record) });
    }
    if (record.what !== "cut" && record.what !== "heal") continue;
    const text = linksText(record.links);
    const same = open.get(text) ?? [];
    if (record.what === "heal") {
      const band = same.shift();
      if (band !== undefined) band.toUs = record.us;
      continue;
    }
    const band = { fromUs: record.us, toUs: endUs, text };
    bands.push(band);
    open.set(text, [...same, band]);
  }
  for (const band of bands) band.toUs = Math.max(band.fromUs, Math.min(band.toUs, quietUs));
  return bands;
}

/** Faults that are seen as cut links. */
const CUTS: ReadonlySet<string> = new Set(["partition", "bridge", "isolate", "isolateClients"]);

function faultText({ fault }: Extract<TraceRecord, { readonly what: "fault" }>): string {
  const { kind } = fault;
  if (!("target" in fault)) return kind;
  return `${kind} ${fault.target === "leader" ? "leader" : `n${fault.target}`}`;
}

/** How a node stood after the record at this place; undefined while it was down. */
export function standAt({ stands }: Lane, at: number): NodeStand | undefined {
  return stands[lastUpTo(stands.length, (place) => (stands[place] as { at: number }).at <= at)]?.stand;
}

/** The last place of `count` that is still within; -1 when none is. Places within come first. */
export function lastUpTo(count: number, within: (place: number) => boolean): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (within(middle)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
