/** Deadlines in order: a binary heap of (time, slot) pairs; equal times come out by slot, so every node agrees. */
export interface Deadline {
  readonly at: bigint;
  readonly slot: number;
}

export class DeadlineHeap {
  readonly #items: Deadline[] = [];

  peek(): Deadline | undefined {
    return this.#items[0];
  }

  push(deadline: Deadline): void {
    const items = this.#items;
    let at = items.length;
    items.push(deadline);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(deadline, items[parent] as Deadline)) break;
      items[at] = items[parent] as Deadline;
      at = parent;
    }
    items[at] = deadline;
  }

  pop(): Deadline | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (first === undefined || last === undefined || items.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && before(items[child + 1] as Deadline, items[child] as Deadline)) child += 1;
      if (!before(items[child] as Deadline, last)) break;
      items[at] = items[child] as Deadline;
      at = child;
    }
    items[at] = last;
    return first;
  }
}

function before(a: Deadline, b: Deadline): boolean {
  return a.at < b.at || (a.at === b.at && a.slot < b.slot);
}
