/**
 * What is under way to a disk, and how much of that has come back: who waits for a disk sees whether it is slow or hangs.
 */
export class DiskCalls {
  #underWay = 0;
  #completed = 0;
  #unseen = 0;

  /** No thread is in the middle of a call. */
  get isIdle(): boolean {
    return this.#underWay === 0;
  }

  /** So many have come back, with an error or without. */
  get completed(): number {
    return this.#completed;
  }

  /** Something is under way of which nothing comes back before all of it is done, however much is written meanwhile. */
  get isUnseen(): boolean {
    return this.#unseen > 0;
  }

  async unseen<T>(act: () => Promise<T>): Promise<T> {
    this.#unseen += 1;
    try {
      return await act();
    } finally {
      this.#unseen -= 1;
    }
  }

  begin(): void {
    this.#underWay += 1;
  }

  end(): void {
    this.#underWay -= 1;
    this.#completed += 1;
  }
}
