/**
 * The channels actor: while this node leads, it carries out the intents of the outbox at external networks and reports
 * the answers to the log.
 *
 * It owns nothing that matters: after a crash, a restart or a change of leader the outbox tells what is open, and the
 * idempotency key makes a request that was made before the same request. It never gives up, and never guesses.
 */
import type { Actor, ActorContext } from "../actor/actor.ts";
import type { LogTime } from "../base/ids.ts";
import type { Crypto } from "../base/ports/crypto.ts";
import type { Log } from "../base/ports/log.ts";
import type { Outside, OutsideRequest, OutsideResponse } from "../base/ports/outside.ts";
import { type Perturb, unperturbed } from "../base/ports/perturb.ts";
import type { Random } from "../base/ports/random.ts";
import type { ReactorMessage } from "../messages/reactor.ts";
import type { StatusBoard } from "../messages/status.ts";
import type { StateEvent } from "../state/events.ts";
import type { Intent } from "../state/outbox.ts";
import { actionRequest, inquiryRequest, interpret, type NetworkOutcome, refusedOutcome } from "./connectors/card.ts";
import { OwnSession } from "./own-session.ts";

/** Intents that are being asked or reported at a time; the others wait their turn. */
const INTENTS_ACTIVE_MAX = 64;
const BACK_OFF_MS = 100;
const BACK_OFF_MAX_MS = 10_000;
/** A report that has not closed its intent by then is made again. */
const REPORT_INTERVAL_MS = 1_000;
/** After so many reports of one outcome in vain, a new session is opened: the old one may be forgotten, or out of step. */
const REPORTS_PER_SESSION = 5;
/** From this attempt on, every other one inquires first. */
const INQUIRE_FROM = 2;
const NS_PER_MS = 1_000_000n;

type AnswerContradicted = Extract<StateEvent, { readonly type: "answerContradicted" }>;
type VoidDeclined = Extract<StateEvent, { readonly type: "voidDeclined" }>;

export type ChannelsMessage =
  | ReactorMessage
  | {
      readonly type: "response";
      readonly reign: number;
      readonly intent: bigint;
      readonly request: OutsideRequest;
      readonly response: OutsideResponse;
    }
  | { readonly type: "retry"; readonly reign: number; readonly intent: bigint }
  | { readonly type: "report"; readonly reign: number; readonly intent: bigint };

export interface ChannelsDeps {
  readonly clusterId: Uint8Array;
  readonly crypto: Crypto;
  readonly random: Random;
  readonly outside: Outside;
  readonly log: Log;
  /** Hands a signed transaction to the gateway; false when it is busy. */
  readonly submit: (transaction: Uint8Array) => boolean;
  /** The outbox, asked when the actor is made anew. */
  readonly openIntents: () => readonly Intent[];
  /** Whether this node leads now; asked when the actor is made anew. */
  readonly leading: () => boolean;
  readonly status: StatusBoard;
  readonly perturb?: Perturb | undefined;
}

/** An intent that this node sees to. */
interface Job {
  readonly intent: Intent;
  /** Requests made so far. */
  attempts: number;
  /** Why the network would not take a request; an inquiry must confirm that it has taken none before. */
  refusal: string | undefined;
  outcome: NetworkOutcome | undefined;
  /** The signed outcome; the same bytes each time, so that it takes one sequence number. */
  report: Uint8Array | undefined;
  /** How often it was submitted. */
  reports: number;
}

export class ChannelsActor implements Actor<ChannelsMessage> {
  readonly #context: ActorContext<ChannelsMessage>;
  readonly #deps: ChannelsDeps;
  /** A job is in one of these: it waits for its turn, is asked or reported, or rests until it is asked again. */
  readonly #waiting = new Map<bigint, Job>();
  readonly #active = new Map<bigint, Job>();
  readonly #resting = new Map<bigint, Job>();
  #session: OwnSession;
  /** Whether the session's opening has been submitted. */
  #opened = false;
  #leading = false;
  /** Counts the times this node has led: what an earlier reign started concerns nobody. */
  #reign = 0;
  #logTime: LogTime = 0n;
  #requests = 0;
  #retries = 0;
  #contradictions = 0;
  #voidsDeclined = 0;

  constructor(context: ActorContext<ChannelsMessage>, deps: ChannelsDeps) {
    this.#context = context;
    this.#deps = deps;
    this.#session = this.#newSession();
    deps.status.post("channels", () => ({
      waiting: this.#waiting.size,
      active: this.#active.size,
      resting: this.#resting.size,
      requests: this.#requests,
      retries: this.#retries,
      contradictions: this.#contradictions,
      voidsDeclined: this.#voidsDeclined,
    }));
    if (deps.leading()) this.#lead(deps.openIntents());
  }

  receive(message: ChannelsMessage): void {
    switch (message.type) {
      case "lead":
        this.#lead(message.openIntents);
        break;
      case "follow":
        this.#leading = false;
        this.#forget();
        break;
      case "applied":
        this.#logTime = message.timestamp;
        for (const event of message.events) {
          if (event.type === "intentClosed") this.#drop(event.id);
          else if (event.type === "answerContradicted") this.#contradicted(event);
          else if (event.type === "voidDeclined") this.#voidDeclined(event);
          else if (event.type === "intentOpened" && this.#leading) this.#take(event.intent);
        }
        this.#startWaiting();
        break;
      case "response":
        this.#answered(message);
        break;
      case "retry":
        this.#rested(message);
        break;
      case "report":
        if (message.reign === this.#reign) this.#report(this.#active.get(message.intent));
        break;
    }
  }

  #lead(openIntents: readonly Intent[]): void {
    this.#leading = true;
    this.#reign += 1;
    this.#forget();
    for (const intent of openIntents) this.#take(intent);
    this.#startWaiting();
  }

  #forget(): void {
    for (const jobs of [this.#waiting, this.#active, this.#resting]) jobs.clear();
  }

  #take(intent: Intent): void {
    const nothing = { attempts: 0, refusal: undefined, outcome: undefined, report: undefined, reports: 0 };
    this.#waiting.set(intent.id, { intent, ...nothing });
  }

  /** The intent is closed, by our report or by another's. */
  #drop(id: bigint): void {
    for (const jobs of [this.#waiting, this.#active, this.#resting]) jobs.delete(id);
  }

  /** The first answer stands; whoever runs the cluster must ask the network which is true. */
  #contradicted({ id, payment, counted, other }: AnswerContradicted): void {
    this.#contradictions += 1;
    this.#deps.log.error("channels.contradicted", { intent: id, payment, counted, other });
  }

  #voidDeclined({ id, payment, reason }: VoidDeclined): void {
    this.#voidsDeclined += 1;
    this.#deps.log.error("channels.void_declined", { intent: id, payment, reason });
  }

  #startWaiting(): void {
    for (const [id, job] of this.#waiting) {
      if (this.#active.size >= INTENTS_ACTIVE_MAX) return;
      this.#waiting.delete(id);
      this.#active.set(id, job);
      this.#request(job);
    }
  }

  #request(job: Job): void {
    const { intent, attempts, refusal } = job;
    const inquire = refusal !== undefined || (attempts >= INQUIRE_FROM && attempts % 2 === 0);
    const request = inquire ? inquiryRequest(intent) : actionRequest(intent);
    const reign = this.#reign;
    job.attempts += 1;
    this.#requests += 1;
    const { self } = this.#context;
    this.#deps.outside.request(request, (response) =>
      self.deliver({ type: "response", reign, intent: intent.id, request, response }),
    );
  }

  #answered({ reign, intent, request, response }: Extract<ChannelsMessage, { type: "response" }>): void {
    const job = reign === this.#reign ? this.#active.get(intent) : undefined;
    if (job === undefined || job.outcome !== undefined) return;
    const said = interpret(request, response);
    if (said.type === "decided") this.#decided(job, said.outcome);
    else if (said.type === "unknown" && job.refusal !== undefined) this.#refused(job, job.refusal);
    else if (said.type === "silent") this.#rest(job);
    else {
      // A refusal is inquired about, and what an inquiry does not know is asked for, both at once.
      if (said.type === "refused") job.refusal = said.reason;
      this.#request(job);
    }
  }

  /** Nothing was done, and nothing will be under this key. What was to be taken back is there still: that is asked for again. */
  #refused(job: Job, reason: string): void {
    const { id, action, payment } = job.intent;
    if (action !== "void") {
      this.#decided(job, refusedOutcome(reason));
      return;
    }
    job.refusal = undefined;
    this.#deps.log.error("channels.void_refused", { intent: id, payment, reason });
    this.#rest(job);
  }

  #decided(job: Job, outcome: NetworkOutcome): void {
    job.outcome = outcome;
    this.#report(job);
    const { perturb = unperturbed } = this.#deps;
    if (!perturb("reportedTwice")) return;
    this.#renewSession();
    this.#report(job);
  }

  /** Nothing was learnt: the job makes room for others, and is asked again after a pause. */
  #rest(job: Job): void {
    const { intent, attempts } = job;
    this.#active.delete(intent.id);
    this.#resting.set(intent.id, job);
    this.#retries += 1;
    const backOff = Math.min(BACK_OFF_MS * 2 ** Math.min(attempts, 10), BACK_OFF_MAX_MS);
    const delayMs = Math.floor(backOff / 2) + this.#deps.random.below(Math.ceil(backOff / 2) + 1);
    this.#context.after(delayMs, { type: "retry", reign: this.#reign, intent: intent.id });
    const { id, action } = intent;
    if (attempts % 5 === 0) this.#deps.log.warn("channels.no_answer", { intent: id, action, attempts });
    this.#startWaiting();
  }

  #rested({ reign, intent }: Extract<ChannelsMessage, { type: "retry" }>): void {
    const job = reign === this.#reign ? this.#resting.get(intent) : undefined;
    if (job === undefined) return;
    this.#resting.delete(intent);
    this.#waiting.set(intent, job);
    this.#startWaiting();
  }

  /** Puts the network's answer into the log, again and again until the intent is seen to be closed. */
  #report(job: Job | undefined): void {
    if (job?.outcome === undefined) return;
    if (job.reports === REPORTS_PER_SESSION) this.#renewSession();
    const now = this.#now();
    // Again with each repetition: nothing tells us whether the session still stands.
    if (!this.#opened || job.reports > 0) this.#opened = this.#deps.submit(this.#session.opening(now));
    const body = { intent: job.intent.id, ...job.outcome };
    job.report ??= this.#session.sign({ kind: "channelOutcome", body }, now);
    job.reports += 1;
    this.#deps.submit(job.report);
    this.#context.after(REPORT_INTERVAL_MS, { type: "report", reign: this.#reign, intent: job.intent.id });
  }

  #newSession(): OwnSession {
    const { crypto, clusterId, random } = this.#deps;
    return new OwnSession(crypto, clusterId, random);
  }

  #renewSession(): void {
    this.#session = this.#newSession();
    this.#opened = false;
    for (const job of this.#active.values()) {
      job.report = undefined;
      job.reports = 0;
    }
    this.#deps.log.warn("channels.session_renewed", { reports: this.#active.size });
  }

  /** Log time as the next block will have it, roughly: the clock, where the log lags behind it. */
  #now(): LogTime {
    const wall = BigInt(this.#context.clock.wallMs()) * NS_PER_MS;
    return wall > this.#logTime ? wall : this.#logTime;
  }
}
