/**
 * The history of a run as JSON Lines, for other checkers: what clients asked and were told of each account and each transfer,
 * when. The form is that of Jepsen's histories: an operation is invoked by a process and ends `ok`, or with `info` where
 * nobody ever learned what became of it; what was refused is left out, for it has changed nothing.
 *
 * A process does one thing at a time, so overlapping operations have different ones; one that ended with `info` is not used
 * again. Each key is an object by itself: an account is a pair of counters, a transfer comes into being once.
 */
import type { AccountOperation } from "./account-search.ts";
import type { Timed } from "./wing-gong.ts";

/** What a client did to one transfer: made it, or looked for it. */
export interface TransferOperation extends Timed {
  readonly kind: "create" | "found" | "missing";
}

/** Operations by account and by transfer. */
export interface Operations {
  readonly accounts: ReadonlyMap<bigint, Iterable<AccountOperation>>;
  readonly transfers: ReadonlyMap<bigint, Iterable<TransferOperation>>;
}

interface Operation extends Timed {
  readonly f: "add" | "read" | "create" | "lookup";
  readonly key: string;
  /** What is asked for; null where that is to be told. */
  readonly asked: object | null;
  readonly told: object | boolean;
}

interface Event {
  readonly us: number;
  readonly type: "invoke" | "ok" | "info";
  readonly operation: Operation;
}

const NS_PER_US = 1_000;

/** The lines of a history, in the order of time. */
export function historyLines(operations: Operations): readonly string[] {
  const events = [...accountOperations(operations), ...transferOperations(operations)].flatMap(eventsOf);
  events.sort((a, b) => a.us - b.us || rank(a) - rank(b));
  const processes = new Processes();
  return events.map(({ us, type, operation }, index) => {
    const process = type === "invoke" ? processes.begin(operation) : processes.end(operation, type === "ok");
    const { f, key, asked, told } = operation;
    const value = type === "ok" ? told : asked;
    const time = Number.isFinite(us) ? { time: us * NS_PER_US } : {};
    return JSON.stringify({ index, ...time, process, type, f, key, value });
  });
}

function accountOperations({ accounts }: Operations): Operation[] {
  return [...accounts].flatMap(([id, operations]) =>
    [...operations].map(({ kind, debits, credits, askedUs, answeredUs }): Operation => {
      const balances = { debits, credits };
      const asked = kind === "add" ? balances : null;
      return { f: kind, key: `account ${id}`, asked, told: balances, askedUs, answeredUs };
    }),
  );
}

function transferOperations({ transfers }: Operations): Operation[] {
  return [...transfers].flatMap(([id, operations]) =>
    [...operations].map(({ kind, askedUs, answeredUs }): Operation => {
      const f = kind === "create" ? kind : "lookup";
      return { f, key: `transfer ${id}`, asked: null, told: kind !== "missing", askedUs, answeredUs };
    }),
  );
}

function eventsOf(operation: Operation): Event[] {
  const { askedUs, answeredUs } = operation;
  const type = Number.isFinite(answeredUs) ? "ok" : "info";
  return [
    { us: askedUs, type: "invoke", operation },
    { us: answeredUs, type, operation },
  ];
}

/** Of what happens at one moment the questions come first: which was before is not known, so they overlap, as in the run's own searches. */
function rank({ type }: Event): number {
  return type === "invoke" ? 0 : 1;
}

class Processes {
  readonly #busy = new Map<Operation, number>();
  readonly #idle: number[] = [];
  #count = 0;

  begin(operation: Operation): number {
    const process = this.#idle.pop() ?? this.#count++;
    this.#busy.set(operation, process);
    return process;
  }

  end(operation: Operation, isKnown: boolean): number {
    const process = this.#busy.get(operation) ?? 0;
    this.#busy.delete(operation);
    if (isKnown) this.#idle.push(process);
    return process;
  }
}
