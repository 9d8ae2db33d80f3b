/**
 * The risk actor: watches what the rules in the log decide. It counts verdicts and reasons since the node has started,
 * and raises an alert when too large a share of the newest payments is not simply accepted.
 */
import type { Actor, ActorContext } from "../actor/actor.ts";
import type { Log } from "../base/ports/log.ts";
import type { ReactorMessage } from "../messages/reactor.ts";
import type { StatusBoard } from "../messages/status.ts";
import type { StateEvent } from "../state/events.ts";
import type { Verdict } from "../state/risk/rules.ts";

/** Newest payments that the share is taken of. */
const SAMPLE = 1_000;
/** Share of them, in thousandths, from which an alert is raised. */
const ALERT_PERMILLE = 200;

export type RiskMessage = ReactorMessage;

export interface RiskDeps {
  readonly log: Log;
  readonly status: StatusBoard;
}

type PaymentChanged = Extract<StateEvent, { type: "paymentChanged" }>;

export class RiskActor implements Actor<RiskMessage> {
  readonly #log: Log;
  readonly #counts: Record<Verdict, number> = { accept: 0, review: 0, decline: 0 };
  readonly #reasons = new Map<string, number>();
  /** Ring of the newest decisions: 1 where the payment was not accepted. */
  readonly #sample = new Uint8Array(SAMPLE);
  #decided = 0;
  #flagged = 0;
  #alerting = false;

  constructor(_context: ActorContext<RiskMessage>, deps: RiskDeps) {
    this.#log = deps.log;
    deps.status.post("risk", () => ({
      ...this.#counts,
      reasons: Object.fromEntries([...this.#reasons].sort(([a], [b]) => (a < b ? -1 : 1))),
      alerting: this.#alerting,
    }));
  }

  receive(message: RiskMessage): void {
    if (message.type !== "applied") return;
    for (const event of message.events) if (event.type === "paymentChanged") this.#changed(event);
  }

  #changed({ created, verdict, reasons }: PaymentChanged): void {
    if (!created) return;
    this.#counts[verdict] += 1;
    for (const reason of reasons) this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1);
    this.#judge(verdict !== "accept");
  }

  #judge(flagged: boolean): void {
    const place = this.#decided % SAMPLE;
    this.#flagged += (flagged ? 1 : 0) - (this.#sample[place] as number);
    this.#sample[place] = flagged ? 1 : 0;
    this.#decided += 1;
    const alerting = this.#decided >= SAMPLE && this.#flagged * 1_000 >= SAMPLE * ALERT_PERMILLE;
    if (alerting && !this.#alerting) {
      this.#log.warn("risk.alert", { flagged: this.#flagged, of: SAMPLE, thresholdPermille: ALERT_PERMILLE });
    }
    this.#alerting = alerting;
  }
}
