/** How long the disk takes: the newest time, and the longest in the last one to two minutes. */
const SPAN_MS = 60_000;

export class DiskLatency {
  last = 0;
  #max = 0;
  #maxBefore = 0;
  #spanEnd: number;

  constructor(nowMs: number) {
    this.#spanEnd = nowMs + SPAN_MS;
  }

  add(tookMs: number, nowMs: number): void {
    this.#turn(nowMs);
    this.last = tookMs;
    this.#max = Math.max(this.#max, tookMs);
  }

  longest(nowMs: number): number {
    this.#turn(nowMs);
    return Math.max(this.#max, this.#maxBefore);
  }

  #turn(nowMs: number): void {
    if (nowMs < this.#spanEnd) return;
    this.#maxBefore = nowMs < this.#spanEnd + SPAN_MS ? this.#max : 0;
    this.#max = 0;
    this.#spanEnd = nowMs + SPAN_MS;
  }
}
