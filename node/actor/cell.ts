/**
 * An actor's cell: the actor of the moment, its mailbox, and which incarnation it is. While the actor is down between a
 * crash and its restart, the cell refuses messages.
 */
import { InvariantError, must } from "../base/assert.ts";
import { MAILBOX_DEPTH } from "../base/limits.ts";
import type { Clock, Timer } from "../base/ports/clock.ts";
import type { Actor, ActorContext, ActorRef, Supervision } from "./actor.ts";
import { Mailbox } from "./mailbox.ts";

/** Room above the bound for messages that cannot be refused, so that a flood of others never keeps them out. */
const DELIVERY_HEADROOM = 2;

/** One handled message, for whoever switched the trace on. */
export interface TraceEvent {
  readonly actor: string;
  readonly message: unknown;
}

export interface SpawnOptions<M> {
  readonly name: string;
  readonly supervision: Supervision;
  readonly mailboxDepth?: number;
  readonly create: (context: ActorContext<M>) => Actor<M>;
}

/** What the system needs of a cell, whatever its messages. */
export interface Cell {
  readonly name: string;
  readonly supervision: Supervision;
  readonly depth: number;
  /** The greatest depth so far. */
  readonly depthReached: number;
  readonly startedAtMs: number;
  /** The pause before the next restart; 0 before the first. */
  restartDelayMs: number;
  start(): void;
  crash(): void;
  turn(): void;
  clear(): void;
}

export interface CellEnvironment {
  readonly clock: Clock;
  /** Somebody has mail. */
  readonly wake: () => void;
  readonly trace: ((event: TraceEvent) => void) | undefined;
  readonly stopped: () => boolean;
  readonly fail: (error: InvariantError) => void;
}

export class TypedCell<M> implements Cell, ActorRef<M> {
  readonly name: string;
  readonly supervision: Supervision;
  readonly #create: (context: ActorContext<M>) => Actor<M>;
  readonly #environment: CellEnvironment;
  readonly #mailbox = new Mailbox<M>();
  readonly #depthMax: number;
  #actor: Actor<M> | undefined;
  /** Takes messages: from the moment the actor is being made until it crashes. */
  #up = false;
  #incarnation = 0;
  restartDelayMs = 0;
  startedAtMs = 0;

  constructor(options: SpawnOptions<M>, environment: CellEnvironment) {
    this.name = options.name;
    this.supervision = options.supervision;
    this.#create = options.create;
    this.#environment = environment;
    this.#depthMax = options.mailboxDepth ?? MAILBOX_DEPTH;
  }

  get depth(): number {
    return this.#mailbox.length;
  }

  get depthReached(): number {
    return this.#mailbox.most;
  }

  tell(message: M): boolean {
    if (this.#down() || !this.#mailbox.offer(message, this.#depthMax)) return false;
    this.#environment.wake();
    return true;
  }

  deliver(message: M): void {
    if (this.#down()) return;
    const { wake, fail } = this.#environment;
    // Not thrown: the message may come from a timer or a disk, and above those nobody would catch it.
    if (this.#mailbox.offer(message, this.#depthMax * DELIVERY_HEADROOM)) wake();
    else fail(new InvariantError(`the mailbox of ${this.name} overflowed with messages that cannot be refused`));
  }

  start(): void {
    const { clock } = this.#environment;
    this.#incarnation += 1;
    this.#up = true;
    this.startedAtMs = clock.monotonicMs();
    const self = this.#addressOf(this.#incarnation);
    const after = (delayMs: number, message: M): Timer => clock.setTimer(delayMs, () => self.deliver(message));
    const later = (message: M): void => clock.defer(() => self.deliver(message));
    this.#actor = this.#create({ self, clock, after, later });
  }

  crash(): void {
    this.#up = false;
    this.#actor = undefined;
    this.#mailbox.clear();
  }

  turn(): void {
    const { trace, stopped } = this.#environment;
    const actor = must(this.#actor, `${this.name} has mail and is not there`);
    for (let waiting = this.#mailbox.length; waiting > 0 && !stopped(); waiting--) {
      const message = this.#mailbox.take();
      trace?.({ actor: this.name, message });
      actor.receive(message);
    }
    if (this.#mailbox.length === 0 && !stopped()) actor.drained?.();
  }

  clear(): void {
    this.#mailbox.clear();
  }

  #down(): boolean {
    return !this.#up || this.#environment.stopped();
  }

  /** Where one incarnation is reached: what an earlier one started never comes back to a later one. */
  #addressOf(incarnation: number): ActorRef<M> {
    const current = (): boolean => this.#incarnation === incarnation;
    return {
      name: this.name,
      tell: (message) => current() && this.tell(message),
      deliver: (message) => {
        if (current()) this.deliver(message);
      },
    };
  }
}
