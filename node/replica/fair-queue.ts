/** Items of many owners, who take turns: whoever has put in a thousand is served no more often than whoever has put in one. */
export class FairQueue<Item> {
  /** Nobody's is empty. The first owner is next, and goes behind all others when it was served. */
  readonly #items = new Map<number, Item[]>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(owner: number, item: Item): void {
    this.#count += 1;
    const items = this.#items.get(owner);
    if (items === undefined) this.#items.set(owner, [item]);
    else items.push(item);
  }

  /** The oldest item of the owner whose turn it is. */
  take(): Item | undefined {
    for (const [owner, items] of this.#items) {
      const item = items.shift();
      this.#count -= 1;
      this.#items.delete(owner);
      if (items.length > 0) this.#items.set(owner, items);
      return item;
    }
    return undefined;
  }

  /** Drops items; the turns of those who have others stay. */
  drop(isDropped: (item: Item) => boolean): void {
    for (const [owner, items] of this.#items) {
      const left = items.filter((item) => !isDropped(item));
      this.#count -= items.length - left.length;
      if (left.length > 0) this.#items.set(owner, left);
      else this.#items.delete(owner);
    }
  }
}
