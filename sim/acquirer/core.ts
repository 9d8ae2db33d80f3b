/**
 * The sandbox acquirer's mind: what a card network would decide, as a pure function of requests, time and a seed. The
 * sandbox process and the simulator run the same core.
 *
 * It is idempotent by key as real acquirers are: the first decision under a key stands for ever, also when its answer
 * never arrived, or another one was given since. Under a new key it does what it is asked to, even a second time: it keeps books, so that a payment
 * authorised or captured twice can be found.
 */
import type { Prng } from "../../node/base/prng.ts";
import { type AcquirerAction, type ParsedRequest, parseRequest } from "./protocol.ts";

/** How often things go wrong, in thousandths of the requests. */
export interface AcquirerRates {
  readonly declinePermille: number;
  /** Acts, and never answers. */
  readonly timeoutPermille: number;
  /** Acts, and answers after the caller has given up. */
  readonly latePermille: number;
  /** 503: does not act. */
  readonly unavailablePermille: number;
  /** Says the opposite of what was decided when it is asked once more; its books stand. */
  readonly contradictPermille: number;
}

export const DEFAULT_RATES: AcquirerRates = {
  declinePermille: 30,
  timeoutPermille: 10,
  latePermille: 10,
  unavailablePermille: 10,
  contradictPermille: 0,
};

export interface AcquirerRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

export interface AcquirerReply {
  /** `never`: the request is taken and no answer will come. */
  readonly kind: "answer" | "never";
  readonly delayMs: number;
  readonly status: number;
  readonly body: string;
}

/** A decision that stands: what a restarted acquirer must remember. */
export interface Decision {
  readonly key: string;
  readonly action: AcquirerAction;
  /** The request's body as first seen. */
  readonly body: string;
  readonly payment: string;
  readonly amount: string;
  readonly outcome: "approved" | "declined";
  readonly reason: string;
  readonly networkReference: string;
}

/** The acquirer's books, for reconciliation. */
export interface AcquirerReport {
  readonly authorized: number;
  readonly captured: number;
  readonly voided: number;
  readonly declined: number;
  /** Payments with more than one approved authorisation, or captured more than once. */
  readonly doubled: readonly string[];
  /** Sum of captures that were not voided, minor units. */
  readonly capturedAmount: string;
}

const NO_PAYMENTS: ReadonlySet<string> = new Set();
const USUAL_DELAY_MS = 5;
const LATE_DELAY_MS = 3_000;
const DECLINE_REASONS = ["insufficient_funds", "do_not_honor", "expired_card"] as const;

export class AcquirerCore {
  readonly #random: Prng;
  readonly #rates: AcquirerRates;
  readonly #onDecision: (decision: Decision) => void;
  readonly #decisions = new Map<string, Decision>();
  /** Approved authorisations by reference. */
  readonly #authorizations = new Map<string, Decision>();
  /** References of what was voided. */
  readonly #voided = new Set<string>();
  /** Payments about which it has said the opposite of what it had decided. */
  readonly #contradicted = new Set<string>();
  #contradictions = 0;

  constructor(options: {
    readonly random: Prng;
    readonly rates: AcquirerRates;
    /** Called with each new decision, before its answer. */
    readonly onDecision?: (decision: Decision) => void;
  }) {
    this.#random = options.random;
    this.#rates = options.rates;
    this.#onDecision = options.onDecision ?? ((): void => undefined);
  }

  /** Enters a decision: a new one, or one made before a restart. */
  remember(decision: Decision): void {
    this.#decisions.set(decision.key, decision);
    if (decision.outcome !== "approved") return;
    if (decision.action === "authorize") this.#authorizations.set(decision.networkReference, decision);
    if (decision.action === "void") this.#voided.add(decision.networkReference);
  }

  handle(request: AcquirerRequest): AcquirerReply {
    const parsed = parseRequest(request);
    switch (parsed.type) {
      case "refused":
        return answer(parsed.status, { error: parsed.error });
      case "report":
        return answer(200, this.report());
      case "inquiry": {
        const decision = this.#decisions.get(parsed.key);
        return decision === undefined ? answer(404, { error: "unknown" }) : this.#again(decision);
      }
      case "action":
        return this.#act(parsed);
    }
  }

  /** How often it has said the opposite of what it had decided. */
  get contradictions(): number {
    return this.#contradictions;
  }

  /** The payments about which it has. */
  get contradicted(): ReadonlySet<string> {
    return this.#contradicted;
  }

  /** The books, but for some payments; those that it has acted on twice are named in any case. */
  report(except: ReadonlySet<string> = NO_PAYMENTS): AcquirerReport {
    const all = [...this.#decisions.values()].filter((decision) => decision.outcome === "approved");
    const acted = (action: AcquirerAction): Decision[] => all.filter((decision) => decision.action === action);
    const decided = [...this.#decisions.values()].filter(({ payment }) => !except.has(payment));
    const of = (action: AcquirerAction): Decision[] => acted(action).filter(({ payment }) => !except.has(payment));
    const voided = new Set(of("void").map((decision) => decision.payment));
    const captures = of("capture").filter((decision) => !voided.has(decision.payment));
    return {
      authorized: of("authorize").length,
      captured: captures.length,
      voided: voided.size,
      declined: decided.filter(({ outcome }) => outcome === "declined").length,
      doubled: [...repeated(acted("authorize")), ...repeated(acted("capture"))],
      capturedAmount: captures.reduce((sum, { amount }) => sum + BigInt(amount), 0n).toString(),
    };
  }

  #act(request: Extract<ParsedRequest, { type: "action" }>): AcquirerReply {
    const known = this.#decisions.get(request.key);
    if (known !== undefined) {
      const same = known.action === request.action && known.body === request.body;
      if (!same) return answer(422, { error: "idempotency_key_reused" });
      return this.#again(known);
    }
    if (this.#happens(this.#rates.unavailablePermille)) return answer(503, { error: "unavailable" });
    const decision = this.#decide(request);
    this.remember(decision);
    this.#onDecision(decision);
    const reply = answer(200, publicPart(decision));
    const token = request.cardToken;
    if (token.startsWith("tok_timeout_") || this.#happens(this.#rates.timeoutPermille))
      return { ...reply, kind: "never" };
    if (token.startsWith("tok_late_") || this.#happens(this.#rates.latePermille)) {
      return { ...reply, delayMs: LATE_DELAY_MS };
    }
    return reply;
  }

  #decide(request: Extract<ParsedRequest, { type: "action" }>): Decision {
    const { key, action, body, payment, amount, cardToken } = request;
    const base = { key, action, body, payment, amount };
    const decline = (reason: string): Decision => ({ ...base, outcome: "declined", reason, networkReference: "" });
    if (action === "authorize") {
      if (cardToken.startsWith("tok_decline_")) return decline(DECLINE_REASONS[0]);
      if (this.#happens(this.#rates.declinePermille)) {
        return decline(DECLINE_REASONS[this.#random.below(DECLINE_REASONS.length)] as string);
      }
      return { ...base, outcome: "approved", reason: "", networkReference: `auth-${key.slice(0, 16)}` };
    }
    const authorization = this.#authorizations.get(request.authorization);
    if (authorization?.payment !== payment) return decline("unknown_authorization");
    if (action === "capture") {
      if (BigInt(amount) > BigInt(authorization.amount)) return decline("amount_exceeds_authorization");
      if (this.#voided.has(request.authorization)) return decline("authorization_voided");
    }
    return { ...base, outcome: "approved", reason: "", networkReference: request.authorization };
  }

  /** What was decided under a key, or, from one that contradicts itself, the opposite. */
  #again(decision: Decision): AcquirerReply {
    const { contradictPermille } = this.#rates;
    if (contradictPermille === 0 || !this.#happens(contradictPermille)) return answer(200, publicPart(decision));
    this.#contradicted.add(decision.payment);
    this.#contradictions += 1;
    return answer(200, publicPart(opposite(decision)));
  }

  #happens(permille: number): boolean {
    return this.#random.below(1_000) < permille;
  }
}

function answer(status: number, body: object): AcquirerReply {
  return { kind: "answer", delayMs: USUAL_DELAY_MS, status, body: JSON.stringify(body) };
}

function publicPart({ outcome, reason, networkReference, amount }: Decision): object {
  return { outcome, reason, networkReference, amount };
}

/** An approval bears some reference, as if it were one. */
function opposite(decision: Decision): Decision {
  if (decision.outcome === "approved")
    return { ...decision, outcome: "declined", reason: DECLINE_REASONS[0], networkReference: "" };
  return { ...decision, outcome: "approved", reason: "", networkReference: `auth-${decision.key.slice(0, 16)}` };
}

/** Payments that occur more than once. */
function repeated(decisions: readonly Decision[]): string[] {
  const counts = new Map<string, number>();
  for (const { payment } of decisions) counts.set(payment, (counts.get(payment) ?? 0) + 1);
  return [...counts].flatMap(([payment, count]) => (count > 1 ? [payment] : []));
}
