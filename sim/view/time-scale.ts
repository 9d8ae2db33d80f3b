/** Which stretch of time is seen, and where a moment lies on the screen. */

const SHORTEST_US = 50;

export class TimeScale {
  #endUs: number;
  #left = 0;
  #width = 1;
  fromUs = 0;
  toUs: number;

  constructor(endUs: number) {
    this.#endUs = Math.max(1, endUs);
    this.toUs = this.#endUs;
  }

  /** The run has got to a moment; what is seen stays the same. */
  reach(endUs: number): void {
    this.#endUs = Math.max(1, endUs);
  }

  /** Shows what happened last, so much time of it. */
  showLast(lengthUs: number): void {
    this.show(this.#endUs - lengthUs, lengthUs);
  }

  /** The screen's part that shows time, in pixels. */
  place(left: number, width: number): void {
    this.#left = left;
    this.#width = Math.max(1, width);
  }

  x(us: number): number {
    return this.#left + ((us - this.fromUs) / (this.toUs - this.fromUs)) * this.#width;
  }

  us(x: number): number {
    return this.fromUs + ((x - this.#left) / this.#width) * (this.toUs - this.fromUs);
  }

  /** Shows `factor` times as much time, with a moment staying where it is. */
  zoom(factor: number, aroundUs: number): void {
    const length = Math.min(this.#endUs, Math.max(SHORTEST_US, (this.toUs - this.fromUs) * factor));
    const share = (aroundUs - this.fromUs) / (this.toUs - this.fromUs);
    this.show(aroundUs - share * length, length);
  }

  pan(byUs: number): void {
    this.show(this.fromUs + byUs, this.toUs - this.fromUs);
  }

  /** Shows so much time from a moment on, kept within the run. */
  show(fromUs: number, lengthUs: number): void {
    const length = Math.min(this.#endUs, lengthUs);
    this.fromUs = Math.min(Math.max(0, fromUs), this.#endUs - length);
    this.toUs = this.fromUs + length;
  }

  /** Moves only if a moment is not well within sight. */
  reveal(us: number): void {
    const length = this.toUs - this.fromUs;
    const margin = length / 10;
    if (us < this.fromUs + margin || us > this.toUs - margin) this.show(us - length / 2, length);
  }
}
