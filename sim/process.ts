/**
 * One incarnation of a node's process: everything that reaches the node's code passes through `run`. A killed process
 * never runs again; a paused one (a virtual machine that was stopped) runs all that came meanwhile when it goes on, in
 * the order it came.
 */
import type { NodeId } from "../node/base/ids.ts";
import type { Scheduler } from "./scheduler.ts";
import type { EventKind, TraceHash } from "./trace.ts";

interface Held {
  readonly kind: EventKind;
  readonly action: () => void;
}

export interface ProcessDeps {
  readonly scheduler: Scheduler;
  readonly trace: TraceHash;
  /** Called after everything the node did. */
  readonly observe: (kind: EventKind) => void;
  /** Called when the node's code throws past its own supervisor. */
  readonly crashed: (error: unknown) => void;
}

export class Process {
  readonly node: NodeId;
  readonly #deps: ProcessDeps;
  #alive = true;
  #paused = false;
  #held: Held[] = [];

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
    const { scheduler, trace, observe, crashed } = this.#deps;
    trace.event(scheduler.nowUs, this.node, kind);
    try {
      action();
      if (this.#alive) observe(kind);
    } catch (error) {
      crashed(error);
    }
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused || !this.#alive) return;
    this.#paused = false;
    const held = this.#held;
    this.#held = [];
    for (const { kind, action } of held) this.run(kind, action);
  }

  kill(): void {
    this.#alive = false;
    this.#held = [];
  }
}
