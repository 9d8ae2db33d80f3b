/**
 * One incarnation of a node's process: everything that reaches the node's code passes through `run`. A killed process
 * never runs again. A paused one (a virtual machine that was stopped) runs all that came meanwhile when it goes on: what
 * came by one way in the order it came, but by which way first is chance, as with the sockets and timers of an event loop.
 */
import type { NodeId } from "../node/base/ids.ts";
import type { Random } from "../node/base/ports/random.ts";
import { shuffled } from "./draw.ts";
import type { Scheduler } from "./scheduler.ts";
import type { EventKind, TraceHash } from "./trace.ts";

interface Held {
  readonly kind: EventKind;
  readonly action: () => void;
}

export interface ProcessDeps {
  readonly scheduler: Scheduler;
  readonly trace: TraceHash;
  readonly random: Random;
  /** Called after everything the node did. */
  readonly observe: () => void;
  /** Called when the node's code throws past its own supervisor. */
  readonly crashed: (error: unknown) => void;
}

export class Process {
  readonly node: NodeId;
  readonly #deps: ProcessDeps;
  #alive = true;
  #paused = false;
  #handling = false;
  #held: Held[] = [];
  /** What the node's code wants to do as soon as it has returned. */
  #deferred: (() => void)[] = [];

  constructor(node: NodeId, deps: ProcessDeps) {
    this.node = node;
    this.#deps = deps;
  }

  get alive(): boolean {
    return this.#alive;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Runs something in the node's code, or later when it is paused, or never when it is dead. */
  run(kind: EventKind, action: () => void): void {
    if (!this.#alive) return;
    if (this.#paused) {
      this.#held.push({ kind, action });
      return;
    }
    this.#handle(() => this.#event(kind, action));
  }

  /** Runs something once what runs now has returned, as part of the same event; as an event of its own where nothing runs. */
  defer(action: () => void): void {
    if (this.#handling) this.#deferred.push(action);
    else this.#deps.scheduler.after(0, () => this.run("timer", action));
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused || !this.#alive) return;
    this.#paused = false;
    const held = this.#held;
    this.#held = [];
    const ways = shuffled(this.#deps.random, [...new Set(held.map(({ kind }) => kind))]);
    const events = ways.flatMap((way) => held.filter(({ kind }) => kind === way));
    this.#handle(() => {
      for (const { kind, action } of events) this.#event(kind, action);
    });
  }

  kill(): void {
    this.#alive = false;
    this.#held = [];
    this.#deferred = [];
  }

  #event(kind: EventKind, action: () => void): void {
    if (!this.#alive) return;
    this.#deps.trace.event(this.#deps.scheduler.nowUs, this.node, kind);
    action();
  }

  /** What came together, then what it has put off, as an event loop does it. */
  #handle(events: () => void): void {
    this.#handling = true;
    try {
      events();
      for (let next = 0; next < this.#deferred.length; next++) this.#deferred[next]?.();
      this.#deferred.length = 0;
    } catch (error) {
      this.#deps.crashed(error);
      return;
    } finally {
      this.#handling = false;
    }
    // An error of whoever looks on is none of the node.
    if (this.#alive) this.#deps.observe();
  }
}
