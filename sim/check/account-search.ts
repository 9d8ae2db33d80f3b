/**
 * Linearizability of one account, judged from what clients saw and when: the search of wing-gong.ts, made short by what is
 * known of accounts. Is there an order of all operations that respects real time and explains every balance that was read?
 * The cluster's own order is never consulted.
 *
 * The posted balances of an account only grow. So a read that fits the state may be put first without loss, and an order
 * that has passed the balance of a read still to come is given up at once; this keeps the search short. A transfer whose
 * outcome nobody learned may have happened at any time after it was asked, or never.
 */

import type { Linearizability, Timed } from "./wing-gong.ts";

/** Posted balances of an account. */
export interface Balances {
  readonly debits: number;
  readonly credits: number;
}

/** What a client did to one account: added to its balances, or read them. */
export interface AccountOperation extends Balances, Timed {
  readonly kind: "add" | "read";
}

/** A second or two. */
const STEPS_MAX = 200_000;

interface Choice {
  /** Operations put in order so far, to undo the choice. */
  readonly placed: number;
  /** Adds that could come next, by index. */
  readonly candidates: readonly number[];
  next: number;
}

/** Looks for an order that explains the history. */
export function accountIsLinearizable(history: readonly AccountOperation[]): Linearizability {
  const search = new Search(history);
  return search.run();
}

class Search {
  readonly #operations: readonly AccountOperation[];
  readonly #placed: Uint8Array;
  /** Indexes in the order chosen so far. */
  readonly #order: number[] = [];
  readonly #visited = new Set<string>();
  /** Reads by rising balance, which is the only order in which they can be explained. */
  readonly #reads: readonly number[];
  /** All of `#reads` before this place are placed. */
  #nextRead = 0;
  #debits = 0;
  #credits = 0;
  #answeredLeft: number;
  /** All operations before this index are placed. */
  #first = 0;

  constructor(history: readonly AccountOperation[]) {
    const operations = [...history].sort((a, b) => a.askedUs - b.askedUs);
    this.#operations = operations;
    this.#placed = new Uint8Array(history.length);
    this.#answeredLeft = history.filter((operation) => Number.isFinite(operation.answeredUs)).length;
    this.#reads = operations
      .flatMap((operation, index) => (operation.kind === "read" ? [index] : []))
      .sort((a, b) => total(this.#at(a)) - total(this.#at(b)));
  }

  run(): Linearizability {
    const choices: Choice[] = [];
    for (let steps = 0; steps < STEPS_MAX; steps++) {
      const candidates = this.#advance();
      if (this.#answeredLeft === 0) return "ok";
      if (candidates.length > 0) choices.push({ placed: this.#order.length, candidates, next: 0 });
      if (!this.#choose(choices)) return "violated";
    }
    return "unknown";
  }

  #at(index: number): AccountOperation {
    return this.#operations[index] as AccountOperation;
  }

  /** Takes the next choice that is left, going back where there is none. */
  #choose(choices: Choice[]): boolean {
    for (;;) {
      const choice = choices.at(-1);
      if (choice === undefined) return false;
      this.#undo(choice.placed);
      const candidate = choice.candidates[choice.next];
      choice.next += 1;
      if (candidate === undefined) {
        choices.pop();
        continue;
      }
      this.#place(candidate);
      const key = this.#key();
      if (this.#visited.has(key)) continue;
      this.#visited.add(key);
      return true;
    }
  }

  /** Places what can only come now; returns the adds that could come next, the largest first. */
  #advance(): number[] {
    for (;;) {
      const { adds, reads } = this.#minimal();
      const fitting = reads.filter((index) => this.#fits(this.#at(index)));
      for (const index of fitting) this.#place(index);
      if (fitting.length > 0) continue;
      // Adds commute: those that must precede the next read may as well come first.
      const before = this.#nextReadAsked();
      const forced = adds.filter((index) => this.#at(index).answeredUs < before);
      if (forced.some((index) => !this.#leadsToNextRead(this.#at(index)))) return [];
      const first = forced[0];
      if (first === undefined) {
        return adds
          .filter((index) => this.#leadsToNextRead(this.#at(index)))
          .sort((a, b) => total(this.#at(b)) - total(this.#at(a)));
      }
      this.#place(first);
    }
  }

  /** Operations that nothing unplaced must precede. */
  #minimal(): { adds: number[]; reads: number[] } {
    const operations = this.#operations;
    while (this.#first < operations.length && this.#placed[this.#first] === 1) this.#first += 1;
    const adds: number[] = [];
    const reads: number[] = [];
    let earliestAnswer = Number.POSITIVE_INFINITY;
    for (let index = this.#first; index < operations.length; index++) {
      const operation = this.#at(index);
      if (operation.askedUs > earliestAnswer) break;
      if (this.#placed[index] === 1) continue;
      (operation.kind === "add" ? adds : reads).push(index);
      earliestAnswer = Math.min(earliestAnswer, operation.answeredUs);
    }
    return { adds, reads };
  }

  #fits(read: Balances): boolean {
    return read.debits === this.#debits && read.credits === this.#credits;
  }

  /** Whether an add leaves the balances within those of the next read. */
  #leadsToNextRead(add: Balances): boolean {
    const read = this.#nextUnplacedRead();
    if (read === undefined) return true;
    return this.#debits + add.debits <= read.debits && this.#credits + add.credits <= read.credits;
  }

  #nextReadAsked(): number {
    return this.#nextUnplacedRead()?.askedUs ?? Number.POSITIVE_INFINITY;
  }

  /** The lowest read that is still to be explained. */
  #nextUnplacedRead(): AccountOperation | undefined {
    while (this.#nextRead < this.#reads.length && this.#placed[this.#reads[this.#nextRead] as number] === 1) {
      this.#nextRead += 1;
    }
    const index = this.#reads[this.#nextRead];
    return index === undefined ? undefined : this.#at(index);
  }

  #place(index: number): void {
    const { kind, debits, credits, answeredUs } = this.#at(index);
    this.#placed[index] = 1;
    this.#order.push(index);
    if (Number.isFinite(answeredUs)) this.#answeredLeft -= 1;
    if (kind === "read") return;
    this.#debits += debits;
    this.#credits += credits;
  }

  #undo(to: number): void {
    if (this.#order.length > to) this.#nextRead = 0;
    while (this.#order.length > to) {
      const index = this.#order.pop() as number;
      const { kind, debits, credits, answeredUs } = this.#at(index);
      this.#placed[index] = 0;
      this.#first = Math.min(this.#first, index);
      if (Number.isFinite(answeredUs)) this.#answeredLeft += 1;
      if (kind === "read") continue;
      this.#debits -= debits;
      this.#credits -= credits;
    }
  }

  /** Which adds are placed; reads follow from them. Nothing that was asked after the first gap was answered is. */
  #key(): string {
    const late: number[] = [];
    const limit = this.#operations[this.#first]?.answeredUs ?? 0;
    for (let index = this.#first; index < this.#operations.length; index++) {
      const { kind, askedUs } = this.#at(index);
      if (askedUs > limit) break;
      if (this.#placed[index] === 1 && kind === "add") late.push(index);
    }
    return `${this.#first}:${late.join(",")}`;
  }
}

function total({ debits, credits }: Balances): number {
  return debits + credits;
}
