/**
 * The actor system: a deterministic run loop over all mailboxes of one node.
 *
 * Actors take turns in the order they were spawned; a turn handles the messages that were waiting when it began. So what
 * happens is a function of what arrived and in which order, on a real host and in the simulator alike.
 */
import { assert, InvariantError } from "../base/assert.ts";
import { errorMessage } from "../base/errors.ts";
import { MAILBOX_DEPTH } from "../base/limits.ts";
import type { Clock, Timer } from "../base/ports/clock.ts";
import type { Log } from "../base/ports/log.ts";
import type { Actor, ActorContext, ActorRef, Supervision } from "./actor.ts";
import { Mailbox } from "./mailbox.ts";

const RESTART_DELAY_MIN_MS = 100;
const RESTART_DELAY_MAX_MS = 30_000;
/** Room above the bound for messages that cannot be refused, so that a flood of others never keeps them out. */
const DELIVERY_HEADROOM = 2;
/** An actor that has run this long since its last restart starts again with the shortest pause. */
const RESTART_FORGIVE_MS = 60_000;

/** Why a node stopped, for its operator. */
export interface FatalReport {
  readonly actor: string;
  readonly reason: string;
  readonly stack: string;
}

/** One handled message, for whoever switched the trace on. */
export interface TraceEvent {
  readonly actor: string;
  readonly message: unknown;
}

export interface ActorSystemOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Called once; no actor runs afterwards. */
  readonly onFatal: (report: FatalReport) => void;
  readonly trace?: (event: TraceEvent) => void;
}

export interface SpawnOptions<M> {
  readonly name: string;
  readonly supervision: Supervision;
  readonly mailboxDepth?: number;
  readonly create: (context: ActorContext<M>) => Actor<M>;
}

export class ActorSystem {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onFatal: (report: FatalReport) => void;
  readonly #trace: ((event: TraceEvent) => void) | undefined;
  readonly #cells: Cell[] = [];
  #wakeScheduled = false;
  #stopped = false;

  constructor(options: ActorSystemOptions) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#onFatal = options.onFatal;
    this.#trace = options.trace;
  }

  /** Adds an actor; the order of spawning is the order of turns. */
  spawn<M>(options: SpawnOptions<M>): ActorRef<M> {
    assert(!this.#cells.some((cell) => cell.name === options.name), `two actors are called ${options.name}`);
    const cell = new TypedCell<M>(options, {
      clock: this.#clock,
      wake: () => this.#wake(),
      trace: this.#trace,
      stopped: () => this.#stopped,
    });
    this.#cells.push(cell);
    this.#guard(cell, () => cell.start());
    return cell;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Ends all actors; what is still in their mailboxes is dropped. */
  stop(): void {
    this.#stopped = true;
    for (const cell of this.#cells) cell.clear();
  }

  /** Stops the node for a reason found outside any actor's turn, such as a failed disk. */
  fail(actor: string, error: unknown): void {
    if (this.#stopped) return;
    this.stop();
    const stack = error instanceof Error && error.stack !== undefined ? error.stack : "";
    this.#onFatal({ actor, reason: errorMessage(error), stack });
  }

  /** Mailbox depths by actor, for status. */
  depths(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#cells.map((cell) => [cell.name, cell.depth]));
  }

  #wake(): void {
    if (this.#wakeScheduled || this.#stopped) return;
    this.#wakeScheduled = true;
    this.#clock.defer(() => this.#run());
  }

  #run(): void {
    this.#wakeScheduled = false;
    let busy = true;
    while (busy && !this.#stopped) {
      busy = false;
      for (const cell of this.#cells) {
        if (cell.depth === 0 || this.#stopped) continue;
        busy = true;
        this.#guard(cell, () => cell.turn());
      }
    }
  }

  #guard(cell: Cell, action: () => void): void {
    try {
      action();
    } catch (error) {
      if (cell.supervision === "stop_node" || error instanceof InvariantError) this.fail(cell.name, error);
      else this.#restartLater(cell, error);
    }
  }

  #restartLater(cell: Cell, error: unknown): void {
    const now = this.#clock.monotonicMs();
    const delay = now - cell.startedAtMs > RESTART_FORGIVE_MS ? RESTART_DELAY_MIN_MS : cell.restartDelayMs;
    cell.restartDelayMs = Math.min(delay * 2, RESTART_DELAY_MAX_MS);
    this.#log.error("actor.restarting", { actor: cell.name, reason: errorMessage(error), delayMs: delay });
    cell.crash();
    this.#clock.setTimer(delay, () => {
      if (!this.#stopped) this.#guard(cell, () => cell.start());
    });
  }
}

/** What the system needs of an actor's cell, whatever its messages. */
interface Cell {
  readonly name: string;
  readonly supervision: Supervision;
  readonly depth: number;
  readonly startedAtMs: number;
  restartDelayMs: number;
  start(): void;
  crash(): void;
  turn(): void;
  clear(): void;
}

interface CellEnvironment {
  readonly clock: Clock;
  readonly wake: () => void;
  readonly trace: ((event: TraceEvent) => void) | undefined;
  readonly stopped: () => boolean;
}

/** An actor with its mailbox. While it is down between a crash and its restart, it refuses messages. */
class TypedCell<M> implements Cell, ActorRef<M> {
  readonly name: string;
  readonly supervision: Supervision;
  readonly #create: (context: ActorContext<M>) => Actor<M>;
  readonly #environment: CellEnvironment;
  readonly #mailbox = new Mailbox<M>();
  readonly #depthMax: number;
  #actor: Actor<M> | undefined;
  #incarnation = 0;
  restartDelayMs: number = RESTART_DELAY_MIN_MS;
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

  tell(message: M): boolean {
    if (this.#down() || !this.#mailbox.offer(message, this.#depthMax)) return false;
    this.#environment.wake();
    return true;
  }

  deliver(message: M): void {
    if (this.#down()) return;
    const taken = this.#mailbox.offer(message, this.#depthMax * DELIVERY_HEADROOM);
    assert(taken, `mailbox of ${this.name} overflowed with a message that cannot be refused`);
    this.#environment.wake();
  }

  start(): void {
    this.#incarnation += 1;
    const incarnation = this.#incarnation;
    const { clock } = this.#environment;
    this.startedAtMs = clock.monotonicMs();
    const after = (delayMs: number, message: M): Timer =>
      clock.setTimer(delayMs, () => {
        if (this.#incarnation === incarnation && this.#actor !== undefined) this.deliver(message);
      });
    this.#actor = this.#create({ self: this, clock, after });
  }

  crash(): void {
    this.#actor = undefined;
    this.#mailbox.clear();
  }

  turn(): void {
    const actor = this.#actor;
    if (actor === undefined) return;
    const { trace, stopped } = this.#environment;
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
    return this.#environment.stopped() || (this.#actor === undefined && this.#incarnation > 0);
  }
}
