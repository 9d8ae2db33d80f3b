/**
 * A trace as what can be drawn: messages as arrows, stretches of time as bands, and how each node stood at any moment. Made
 * once from the records; everything is in the order of time.
 */
import type { NodeStand, TraceRecord } from "../trace-recorder.ts";
import { FaultBands } from "./fault-bands.ts";
import { type Band, GrowingLane, type Lane } from "./lane.ts";

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

/** What was recorded so far; more may come. */
export class Model {
  readonly records: TraceRecord[] = [];
  readonly arrows: Arrow[] = [];
  /** How long the longest frame was on its way. */
  longestUs = 0;
  endUs = 0;
  /** The greatest log index. */
  lastIndex = 1;
  readonly #lanes: readonly GrowingLane[];
  readonly #faults = new FaultBands();
  /** Frames that are on their way. */
  readonly #open = new Map<number, Arrow>();

  constructor(nodes: number) {
    this.#lanes = Array.from({ length: nodes }, (_, index) => new GrowingLane(index + 1));
  }

  get lanes(): readonly Lane[] {
    return this.#lanes;
  }

  /** Cut links, and other faults with the time that they last. */
  get faults(): readonly Band[] {
    return this.#faults.bands;
  }

  add(records: readonly TraceRecord[]): void {
    for (const record of records) this.#add(record);
    const { endUs } = this;
    for (const lane of this.#lanes) lane.reach(endUs);
    this.#faults.reach(endUs);
    for (const arrow of this.#open.values()) this.#lengthen(arrow, endUs);
  }

  #add(record: TraceRecord): void {
    const at = this.records.push(record) - 1;
    const { us } = record;
    this.endUs = us;
    this.#lanes[record.node - 1]?.add(record, at);
    this.#faults.add(record);
    if (record.what === "stand") this.lastIndex = Math.max(this.lastIndex, record.last);
    else if (record.what === "send") {
      const { node: from, to, message } = record;
      const arrow: Arrow = { from, to, message, sentUs: us, sentAt: at, endUs: us, endAt: at, fate: "open" };
      this.arrows.push(arrow);
      this.#open.set(record.frame, arrow);
    } else if (record.what === "arrive" || record.what === "lost") {
      // The first time that a frame comes counts, or is lost.
      const arrow = this.#open.get(record.frame);
      if (arrow === undefined) return;
      this.#open.delete(record.frame);
      arrow.endAt = at;
      arrow.fate = record.what === "lost" ? "lost" : "arrived";
      this.#lengthen(arrow, us);
    }
  }

  #lengthen(arrow: Arrow, endUs: number): void {
    arrow.endUs = endUs;
    this.longestUs = Math.max(this.longestUs, endUs - arrow.sentUs);
  }
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
