/** How often files were made durable, and how long that took: for people who look, never an input to a decision. */

export class SyncCount {
  readonly #nowMs: () => number;
  #syncs = 0;
  #ms = 0;

  /** `nowMs` never goes back. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Notes that one begins; call what comes back when it has succeeded. */
  begin(): () => void {
    const begunAt = this.#nowMs();
    return () => {
      this.#syncs += 1;
      this.#ms += this.#nowMs() - begunAt;
    };
  }

  /** `syncMs` is a sum: of two at once both count. */
  fields(): { readonly syncs: number; readonly syncMs: number } {
    return { syncs: this.#syncs, syncMs: Math.round(this.#ms) };
  }
}
