/**
 * Actors: private state, one `receive`, no waiting. Everything an actor may touch is handed to it; every slow thing is
 * started through the host and comes back as a message.
 */
import type { Clock, Timer } from "../base/ports/clock.ts";

/** Where messages for an actor are put. */
export interface ActorRef<M> {
  readonly name: string;
  /** Puts the message in the mailbox; false when it is full, and the sender must say so upstream. */
  tell(message: M): boolean;
  /**
   * For what cannot be refused: completions and other messages whose number is bounded by construction. It has room
   * above the bound of `tell`; when that is full, too, a bound is broken and the node stops. An actor that is down
   * between a crash and its restart misses the message.
   */
  deliver(message: M): void;
}

/** An actor's view of its system. */
export interface ActorContext<M> {
  /** The actor's own address; it reaches this incarnation and, after a crash, none that follows. */
  readonly self: ActorRef<M>;
  readonly clock: Clock;
  /** Delivers the message to `self`, once, later. */
  after(delayMs: number, message: M): Timer;
  /** Delivers the message to `self`, once, as soon as what has come from outside meanwhile is handled: a pause without idling. */
  later(message: M): void;
}

/** The behaviour of one actor. */
export interface Actor<M> {
  /** Handles one message. A throw is the supervisor's business. */
  receive(message: M): void;
  /** Called when the mailbox has run empty after at least one message: the place to act once for many. */
  drained?(): void;
}

/**
 * What a throw means: `stop_node` for an actor that owns replicated state, whose state can no longer be believed;
 * `restart` for a connector, which is made anew after a pause that doubles up to a bound.
 */
export type Supervision = "stop_node" | "restart";
