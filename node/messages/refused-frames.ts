/** Counts the frames of peers that were refused, and logs few of them. */
import type { NodeId } from "../base/ids.ts";
import type { Log } from "../base/ports/log.ts";

export class RefusedFrames {
  readonly #log: Log;
  readonly #event: string;
  #count = 0;

  constructor(log: Log, event: string) {
    this.#log = log;
    this.#event = event;
  }

  get count(): number {
    return this.#count;
  }

  /** Logs the first, second, fourth, eighth, ...: no peer shall fill our log with its nonsense. */
  refuse(from: NodeId, reason: string): void {
    this.#count += 1;
    if ((this.#count & (this.#count - 1)) === 0) this.#log.warn(this.#event, { from, reason, count: this.#count });
  }
}
