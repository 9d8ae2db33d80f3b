/**
 * The settlement actor: makes log time pass. Deadlines of the replicated state (window ends, expiries) are met by blocks,
 * so on the leader it asks for an empty block when one is due and nobody pays; windows themselves close in the state
 * machine, on every node alike.
 */
import type { Actor, ActorContext } from "../actor/actor.ts";
import type { LogTime } from "../base/ids.ts";
import type { Clock, Timer } from "../base/ports/clock.ts";
import type { Log } from "../base/ports/log.ts";
import type { ReactorMessage } from "../messages/reactor.ts";
import type { StatusBoard } from "../messages/status.ts";
import type { StateEvent } from "../state/events.ts";

/** Least time between two pulses. */
const PULSE_INTERVAL_MS = 50;
/** The clock is looked at again at least this often: wall time may jump. */
const CHECK_INTERVAL_MS = 1_000;
const NS_PER_MS = 1_000_000n;

export type SettlementMessage = ReactorMessage | { readonly type: "check" };

export interface SettlementDeps {
  readonly log: Log;
  /** Asks consensus for an empty block. */
  readonly pulse: () => boolean;
  /** Whether this node leads now; asked when the actor is made anew. */
  readonly leading: () => boolean;
  /** The earliest deadline of the state; asked when the actor is made anew. */
  readonly nextDeadline: () => LogTime | undefined;
  readonly status: StatusBoard;
}

type WindowClosed = Extract<StateEvent, { type: "windowClosed" }>;

export class SettlementActor implements Actor<SettlementMessage> {
  readonly #context: ActorContext<SettlementMessage>;
  readonly #clock: Clock;
  readonly #deps: SettlementDeps;
  #leading: boolean;
  #deadline: LogTime | undefined;
  #timer: Timer | undefined;
  #pulses = 0;
  #lastWindow: WindowClosed | undefined;

  constructor(context: ActorContext<SettlementMessage>, deps: SettlementDeps) {
    this.#context = context;
    this.#clock = context.clock;
    this.#deps = deps;
    this.#leading = deps.leading();
    this.#deadline = deps.nextDeadline();
    deps.status.post("settlement", () => ({
      nextDeadline: this.#deadline ?? 0n,
      pulses: this.#pulses,
      lastWindow: this.#lastWindow?.window ?? 0,
    }));
    this.#check();
  }

  receive(message: SettlementMessage): void {
    switch (message.type) {
      case "applied":
        this.#deadline = message.nextDeadline;
        for (const event of message.events) if (event.type === "windowClosed") this.#report(event);
        break;
      case "lead":
        this.#leading = true;
        break;
      case "follow":
        this.#leading = false;
        break;
      case "check":
        this.#timer = undefined;
        break;
    }
    this.#check();
  }

  /** Pulses when the deadline has passed; otherwise sees to it that it is looked at again. */
  #check(): void {
    if (!this.#leading || this.#deadline === undefined) {
      this.#timer?.cancel();
      this.#timer = undefined;
      return;
    }
    if (this.#timer !== undefined) return;
    const untilMs = Number(this.#deadline / NS_PER_MS) + 1 - this.#clock.wallMs();
    if (untilMs > 0) {
      this.#timer = this.#context.after(Math.min(untilMs, CHECK_INTERVAL_MS), { type: "check" });
      return;
    }
    if (this.#deps.pulse()) this.#pulses += 1;
    this.#timer = this.#context.after(PULSE_INTERVAL_MS, { type: "check" });
  }

  #report(event: WindowClosed): void {
    this.#lastWindow = event;
    const { ledger, window, gross, net } = event;
    if (event.failed) this.#deps.log.warn("settlement.window_failed", { ledger, window, gross, net });
    else this.#deps.log.info("settlement.window_closed", { ledger, window, gross, net });
  }
}
