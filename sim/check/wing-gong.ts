/**
 * Linearizability by the search of Wing and Gong, with Lowe's memory of what has been tried: is there an order of all
 * operations that respects real time (an operation that was answered before another was asked comes first) and that a
 * model can execute, one after the other, with the answers that were given?
 *
 * An operation without an answer may have happened at any time after it was asked, or never.
 */

/** When something was asked and answered, microseconds. */
export interface Timed {
  readonly askedUs: number;
  /** Infinity where no answer came. */
  readonly answeredUs: number;
}

/** One object, executed one operation at a time. States are never changed. */
export interface Model<S, O> {
  readonly initial: S;
  /** The state after the operation; undefined where it cannot have been answered so in this state. */
  step(state: S, operation: O): S | undefined;
  /** Whether an operation changes nothing, in whatever state. */
  reads(operation: O): boolean;
  /** Names a state: two states with one name are the same. */
  key(state: S): string;
}

/** `unknown`: the search was given up after its bound. */
export type Linearizability = "ok" | "violated" | "unknown";

const STEPS_MAX = 1_000_000;

/** The call or the return of an operation, in a list by time. Those of operations in the order so far are taken out. */
interface Event {
  readonly operation: number;
  readonly isCall: boolean;
  /** Of a call: its return, where there is one. */
  ret: Event | undefined;
  previous: Event | undefined;
  next: Event | undefined;
}

/** Looks for an order that explains the history of one object. */
export function linearizable<S, O extends Timed>(history: readonly O[], model: Model<S, O>): Linearizability {
  return new Search(history, model).run();
}

class Search<S, O extends Timed> {
  readonly #history: readonly O[];
  readonly #model: Model<S, O>;
  /** Before the first event. */
  readonly #head: Event = { operation: -1, isCall: false, ret: undefined, previous: undefined, next: undefined };
  /** The order so far, and the state before each of its operations. */
  readonly #order: { readonly call: Event; readonly before: S }[] = [];
  /** One bit an operation: whether it is in the order. */
  readonly #placed: Uint32Array;
  readonly #tried = new Set<string>();
  #state: S;
  #answeredLeft: number;
  /** What is tried next. */
  #event: Event | undefined;
  /** Operations without an answer are tried when all others have been: most of them explain nothing. */
  #unanswered = false;

  constructor(history: readonly O[], model: Model<S, O>) {
    this.#history = history;
    this.#model = model;
    this.#state = model.initial;
    this.#placed = new Uint32Array(Math.ceil(history.length / 32));
    this.#answeredLeft = history.filter(({ answeredUs }) => Number.isFinite(answeredUs)).length;
    this.#head.next = eventsOf(history);
    if (this.#head.next !== undefined) this.#head.next.previous = this.#head;
    this.#event = this.#head.next;
  }

  run(): Linearizability {
    for (let steps = 0; steps < STEPS_MAX; steps++) {
      if (this.#answeredLeft === 0) return "ok";
      if (this.#event?.isCall === true) this.#try(this.#event);
      else if (!this.#unanswered) {
        this.#unanswered = true;
        this.#event = this.#head.next;
      } else if (!this.#goBack()) return "violated";
    }
    return "unknown";
  }

  /** Puts an operation next in the order, if the model can execute it and this has not led nowhere before. */
  #try(call: Event): void {
    this.#event = call.next;
    if (this.#unanswered !== (call.ret === undefined)) return;
    const before = this.#state;
    const after = this.#model.step(before, this.#history[call.operation] as O);
    // What was not answered and would change nothing need not happen.
    if (after === undefined || (this.#unanswered && after === before)) return;
    this.#flip(call);
    const key = `${this.#placed.join()}:${this.#model.key(after)}`;
    if (this.#tried.has(key)) {
      this.#flip(call);
      return;
    }
    this.#tried.add(key);
    this.#order.push({ call, before });
    this.#state = after;
    takeOut(call);
    if (call.ret !== undefined) this.#answeredLeft -= 1;
    this.#event = this.#head.next;
    this.#unanswered = false;
  }

  /** A return that nothing in this order explains: takes back the newest choice that could have been another. */
  #goBack(): boolean {
    for (;;) {
      const last = this.#order.pop();
      if (last === undefined) return false;
      const { call, before } = last;
      // A read that fits may as well come first: whatever can follow later can follow now.
      const choice = !this.#model.reads(this.#history[call.operation] as O);
      putBack(call);
      this.#flip(call);
      if (call.ret !== undefined) this.#answeredLeft += 1;
      this.#state = before;
      this.#unanswered = call.ret === undefined;
      this.#event = call.next;
      if (choice) return true;
    }
  }

  #flip({ operation }: Event): void {
    const word = operation >>> 5;
    this.#placed[word] = (this.#placed[word] as number) ^ (1 << (operation & 31));
  }
}

/** The list of all calls and returns by time; at one time calls come first, so that such operations overlap. */
function eventsOf(history: readonly Timed[]): Event | undefined {
  const timed = history.flatMap(({ askedUs, answeredUs }, operation) => {
    const links = { previous: undefined, next: undefined };
    const ret: Event | undefined = Number.isFinite(answeredUs)
      ? { operation, isCall: false, ret: undefined, ...links }
      : undefined;
    const call: Event = { operation, isCall: true, ret, ...links };
    return [{ at: askedUs, event: call }, ...(ret === undefined ? [] : [{ at: answeredUs, event: ret }])];
  });
  timed.sort((a, b) => a.at - b.at || Number(b.event.isCall) - Number(a.event.isCall));
  timed.forEach(({ event }, place) => {
    event.previous = timed[place - 1]?.event;
    event.next = timed[place + 1]?.event;
  });
  return timed[0]?.event;
}

function takeOut(call: Event): void {
  for (const event of [call, call.ret]) {
    if (event?.previous !== undefined) event.previous.next = event.next;
    if (event?.next !== undefined) event.next.previous = event.previous;
  }
}

/** Undoes the newest `takeOut`. */
function putBack(call: Event): void {
  for (const event of [call.ret, call]) {
    if (event?.previous !== undefined) event.previous.next = event;
    if (event?.next !== undefined) event.next.previous = event;
  }
}
