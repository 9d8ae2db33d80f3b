/** Faults as stretches of time. */
import type { TraceRecord } from "../trace-recorder.ts";
import type { Band } from "./lane.ts";
import { linksText } from "./words.ts";

/** Faults that are seen as cut links. */
const CUTS: ReadonlySet<string> = new Set(["partition", "bridge", "isolate", "isolateClients"]);

/** Cuts from their beginning until they are healed, and faults that say how long they last; none outlasts the time with faults. */
export class FaultBands {
  readonly bands: Band[] = [];
  /** When each ends if nothing ends it before. */
  readonly #untilUs: number[] = [];
  /** Cuts that are not healed, by their texts, as places of bands. */
  readonly #open = new Map<string, number[]>();
  #quietUs = Number.POSITIVE_INFINITY;

  add(record: TraceRecord): void {
    const { us } = record;
    if (record.what === "quiet") this.#quietUs = us;
    else if (record.what === "fault") {
      const lastsMs = "forMs" in record.fault ? record.fault.forMs : 0;
      if (!CUTS.has(record.fault.kind)) this.#begin(us, us + 1000 * lastsMs, faultText(record));
    } else if (record.what === "cut") {
      const text = linksText(record.links);
      const place = this.#begin(us, Number.POSITIVE_INFINITY, text);
      this.#open.set(text, [...(this.#open.get(text) ?? []), place]);
    } else if (record.what === "heal") {
      const place = this.#open.get(linksText(record.links))?.shift();
      if (place !== undefined) this.#untilUs[place] = us;
    }
  }

  reach(endUs: number): void {
    const latestUs = Math.min(endUs, this.#quietUs);
    this.bands.forEach((band, place) => {
      band.toUs = Math.max(band.fromUs, Math.min(this.#untilUs[place] as number, latestUs));
    });
  }

  /** The place of the new band. */
  #begin(fromUs: number, untilUs: number, text: string): number {
    this.#untilUs.push(untilUs);
    return this.bands.push({ fromUs, toUs: fromUs, text }) - 1;
  }
}

function faultText({ fault }: Extract<TraceRecord, { readonly what: "fault" }>): string {
  const { kind } = fault;
  if (!("target" in fault)) return kind;
  return `${kind} ${fault.target === "leader" ? "leader" : `n${fault.target}`}`;
}
