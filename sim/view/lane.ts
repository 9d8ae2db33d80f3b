/** What is known of one node over time: what it did as bands, how it stood, and its records. */
import type { NodeStand, TraceRecord } from "../trace-recorder.ts";

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

type BandName = "leading" | "campaigning" | "down" | "paused";

export class GrowingLane implements Lane {
  readonly node: number;
  readonly leading: Band[] = [];
  readonly campaigning: Band[] = [];
  readonly down: Band[] = [];
  readonly paused: Band[] = [];
  readonly records: number[] = [];
  readonly stands: { readonly at: number; readonly us: number; readonly stand: NodeStand | undefined }[] = [];
  /** Bands that go on. */
  readonly #open = new Map<BandName, Band>();

  constructor(node: number) {
    this.node = node;
  }

  add(record: TraceRecord, at: number): void {
    this.records.push(at);
    const { us } = record;
    if (record.what === "stand") {
      const { role, term, commit, last, applied, members } = record;
      this.stands.push({ at, us, stand: { role, term, commit, last, applied, members } });
      this.#set("leading", role === "leader" ? `term ${term}` : undefined, us);
      this.#set("campaigning", role === "candidate" || role === "preCandidate" ? `term ${term}` : undefined, us);
    } else if (record.what === "crash") {
      this.stands.push({ at, us, stand: undefined });
      for (const name of ["leading", "campaigning", "paused"] as const) this.#set(name, undefined, us);
      this.#set("down", "down", us);
    } else if (record.what === "start") this.#set("down", undefined, us);
    else if (record.what === "pause") this.#set("paused", "paused", us);
    else if (record.what === "resume") this.#set("paused", undefined, us);
  }

  /** What goes on goes on until then. */
  reach(endUs: number): void {
    for (const band of this.#open.values()) band.toUs = endUs;
  }

  /** A band goes on while its text is the same. */
  #set(name: BandName, text: string | undefined, us: number): void {
    const open = this.#open.get(name);
    if (open?.text === text) return;
    if (open !== undefined) open.toUs = us;
    if (text === undefined) this.#open.delete(name);
    else {
      const band = { fromUs: us, toUs: us, text };
      this[name].push(band);
      this.#open.set(name, band);
    }
  }
}
