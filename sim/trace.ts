/**
 * The trace of a run: a rolling hash over everything that happens, always, and one aligned line an event for whoever
 * listens. Two runs of one seed have the same hash or something in the code depends on more than the seed.
 */

/** What an event is; part of the hash. */
const KIND_NUMBERS = {
  timer: 1,
  start: 2,
  peer: 3,
  client: 4,
  disk: 5,
  store: 6,
  verify: 7,
  outside: 8,
  fault: 9,
  answer: 10,
} as const;
export type EventKind = keyof typeof KIND_NUMBERS;
export const EVENT_KINDS: readonly EventKind[] = Object.keys(KIND_NUMBERS) as EventKind[];

/** One line of the trace, without its end. */
export type TraceListener = (line: string) => void;

/** Hears of an event as it is folded in, and its number. */
export type EventListener = (step: number, node: number, kind: EventKind) => void;

export class TraceHash {
  readonly #listener: EventListener | undefined;
  #a = 0x811c9dc5;
  #b = 0x9e3779b9;
  #steps = 0;

  constructor(listener?: EventListener) {
    this.#listener = listener;
  }

  /** Events so far. */
  get steps(): number {
    return this.#steps;
  }

  /** Folds in one event: when, where (0 for the world) and what. */
  event(atUs: number, node: number, kind: EventKind): void {
    this.#steps += 1;
    this.#fold(atUs % 0x1_0000_0000);
    this.#fold(node * 16 + KIND_NUMBERS[kind]);
    this.#listener?.(this.#steps, node, kind);
  }

  /** Folds in what the event carried. */
  bytes(bytes: Uint8Array): void {
    let hash = bytes.length;
    for (let at = 0; at < bytes.length; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
    this.#fold(hash);
  }

  /** 16 hexadecimal digits. */
  digest(): string {
    return hex32(this.#a) + hex32(this.#b);
  }

  #fold(value: number): void {
    this.#a = Math.imul(this.#a ^ value, 0x01000193);
    this.#a ^= this.#a >>> 13;
    this.#b = Math.imul((this.#b + value) | 0, 0x85ebca6b);
    this.#b ^= this.#b >>> 16;
  }
}

function hex32(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}
