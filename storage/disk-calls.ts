/**
 * What is under way to a disk, and how much of that has come back: who waits for a disk sees whether it is slow or hangs.
 */
export class DiskCalls {
  #underWay = 0;
  #completed = 0;

  /** No thread is in the middle of a call. */
  get isIdle(): boolean {
    return this.#underWay === 0;
  }

  /** So many have come back, with an error or without. */
  get completed(): number {
    return this.#completed;
  }

  begin(): void {
    this.#underWay += 1;
  }

  end(): void {
    this.#underWay -= 1;
    this.#completed += 1;
  }
}
