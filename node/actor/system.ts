/**
 * The actor system: a deterministic run loop over all mailboxes of one node.
 *
 * Actors take turns in the order they were spawned; a turn handles the messages that were waiting when it began. So what
 * happens is a function of what arrived and in which order, on a real host and in the simulator alike.
 */
import { assert, InvariantError } from "../base/assert.ts";
import { errorCode, errorMessage } from "../base/errors.ts";
import type { Clock } from "../base/ports/clock.ts";
import type { Log } from "../base/ports/log.ts";
import type { ActorRef } from "./actor.ts";
import { type Cell, type SpawnOptions, type TraceEvent, TypedCell } from "./cell.ts";

const RESTART_DELAY_MIN_MS = 100;
const RESTART_DELAY_MAX_MS = 30_000;
/** An actor that has run this long since its last restart starts again with the shortest pause. */
const RESTART_FORGIVE_MS = 60_000;

/** Why a node stopped, for its operator. */
export interface FatalReport {
  readonly actor: string;
  /** Of the error; `internal` where it has none. */
  readonly code: string;
  readonly reason: string;
  readonly stack: string;
}

export interface ActorSystemOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Called once; no actor runs afterwards. */
  readonly onFatal: (report: FatalReport) => void;
  readonly trace?: (event: TraceEvent) => void;
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
    const { name } = options;
    assert(!this.#cells.some((cell) => cell.name === name), `two actors are called ${name}`);
    const cell = new TypedCell<M>(options, {
      clock: this.#clock,
      wake: () => this.#wake(),
      trace: this.#trace,
      stopped: () => this.#stopped,
      fail: (error) => this.fail(name, error),
    });
    this.#cells.push(cell);
    this.#start(cell);
    return cell;
  }

  /** Of each actor, the most messages that have ever waited for it. */
  depthsReached(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#cells.map(({ name, depthReached }) => [name, depthReached]));
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
    this.#onFatal({ actor, code: errorCode(error), reason: errorMessage(error), stack });
  }

  #wake(): void {
    if (this.#wakeScheduled || this.#stopped) return;
    this.#wakeScheduled = true;
    this.#clock.defer(() => this.#run());
  }

  #run(): void {
    let busy = true;
    while (busy && !this.#stopped) {
      busy = false;
      for (const cell of this.#cells) {
        if (cell.depth === 0 || this.#stopped) continue;
        busy = true;
        this.#turn(cell);
      }
    }
    this.#wakeScheduled = false;
  }

  #turn(cell: Cell): void {
    try {
      cell.turn();
    } catch (error) {
      this.#failed(cell, error);
    }
  }

  #start(cell: Cell): void {
    try {
      cell.start();
    } catch (error) {
      this.#failed(cell, error);
    }
  }

  #failed(cell: Cell, error: unknown): void {
    if (cell.supervision === "stop_node" || error instanceof InvariantError) this.fail(cell.name, error);
    else this.#restartLater(cell, error);
  }

  #restartLater(cell: Cell, error: unknown): void {
    const now = this.#clock.monotonicMs();
    const forgiven = now - cell.startedAtMs > RESTART_FORGIVE_MS;
    const delay = forgiven ? RESTART_DELAY_MIN_MS : Math.max(cell.restartDelayMs, RESTART_DELAY_MIN_MS);
    cell.restartDelayMs = Math.min(delay * 2, RESTART_DELAY_MAX_MS);
    this.#log.error("actor.restarting", { actor: cell.name, reason: errorMessage(error), delayMs: delay });
    cell.crash();
    this.#clock.setTimer(delay, () => {
      if (!this.#stopped) this.#start(cell);
    });
  }
}
