/**
 * A node from one start to the next, in this process: it starts again by itself on a peer's checkpoint, or to mend its log.
 * There is never more than one of its lives, and none begins any more when it has been ended: the data of a node that has
 * stopped itself is left as it is.
 */

interface Closable {
  /** Closes all that was opened for it, when nothing is on its way to the disk any more. */
  close(): Promise<void>;
}

export class Lives<L extends Closable> {
  readonly #open: () => Promise<L>;
  #current: L | undefined;
  #isOver = false;
  /** Ends with the last restart that was begun. */
  #restarted: Promise<void> = Promise.resolve();

  constructor(open: () => Promise<L>) {
    this.#open = open;
  }

  /** Undefined between two lives, and when the last one is closed. */
  get current(): L | undefined {
    return this.#current;
  }

  async begin(): Promise<L> {
    const life = await this.#open();
    this.#current = life;
    return life;
  }

  /** Closes the current life and begins the next; rejects where that fails. */
  restart(): Promise<void> {
    const restarted = this.#again();
    this.#restarted = restarted.catch(() => undefined);
    return restarted;
  }

  /** No life begins any more. */
  end(): void {
    this.#isOver = true;
  }

  /** Resolves when no restart is under way. */
  async settled(): Promise<void> {
    await this.#restarted;
  }

  async close(): Promise<void> {
    await this.#current?.close();
    this.#current = undefined;
  }

  async #again(): Promise<void> {
    if (this.#isOver) return;
    await this.close();
    // Closing takes as long as its disk does.
    if (!this.#isOver) await this.begin();
  }
}
