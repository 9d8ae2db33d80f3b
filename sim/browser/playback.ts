/**
 * What a run has told, at the pace at which somebody wants to see it: as fast as it comes, or so much virtual time in each
 * second. The run itself goes on ahead.
 */
import type { Told } from "./messages.ts";

const US_PER_MS = 1_000;

export class Playback {
  /** How many virtual milliseconds pass in one on the screen; infinite for as fast as it goes. */
  pace: number = Number.POSITIVE_INFINITY;
  readonly #waiting: Told[] = [];
  /** Virtual time: up to where the run has told, and up to where it is seen. */
  #toldUs = 0;
  #seenUs = 0;
  #lastMs: number | undefined;

  get empty(): boolean {
    return this.#waiting.length === 0;
  }

  add(told: Told): void {
    this.#waiting.push(told);
    if (told.what === "went") this.#toldUs = told.records.at(-1)?.us ?? this.#toldUs;
  }

  /** What is to be seen now, when the screen's clock shows so many milliseconds. */
  take(nowMs: number): readonly Told[] {
    const passedMs = nowMs - (this.#lastMs ?? nowMs);
    this.#lastMs = nowMs;
    // Where the run is slower than the pace, virtual time waits for it.
    const fast = this.pace === Number.POSITIVE_INFINITY;
    this.#seenUs = fast ? this.#toldUs : Math.min(this.#seenUs + passedMs * this.pace * US_PER_MS, this.#toldUs);
    const whole = this.#waiting.findIndex(
      (told) => told.what === "went" && (told.records.at(-1)?.us ?? 0) > this.#seenUs,
    );
    if (whole < 0) return this.#waiting.splice(0);
    return [...this.#waiting.splice(0, whole), ...this.#part()];
  }

  /** What has come of the piece that comes in part. */
  #part(): readonly Told[] {
    const told = this.#waiting[0];
    if (told?.what !== "went") return [];
    const { records } = told;
    const later = records.findIndex(({ us }) => us > this.#seenUs);
    this.#waiting[0] = { ...told, records: records.slice(later) };
    return later === 0 ? [] : [{ ...told, records: records.slice(0, later) }];
  }
}
