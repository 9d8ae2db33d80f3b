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
import type { Random } from "../base/ports/random.ts";
import type { ReactorMessage } from "../messages/reactor.ts";
import type { StatusBoard } from "../messages/status.ts";
import type { Intent } from "../state/outbox.ts";
import { actionRequest, inquiryRequest, interpret, type NetworkOutcome } from "./connectors/card.ts";
import { OwnSession } from "./own-session.ts";

/** Intents worked on at a time; the others wait their turn. */
const INTENTS_ACTIVE_MAX = 64;
const BACK_OFF_MS = 100;
const BACK_OFF_MAX_MS = 10_000;
/** A report that has not closed its intent by then is made again. */
const REPORT_INTERVAL_MS = 1_000;
/** From this attempt on, every other one only inquires. */
const INQUIRE_FROM = 2;
const NS_PER_MS = 1_000_000n;

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
}

interface Job {
  readonly intent: Intent;
  attempts: number;
  outcome: NetworkOutcome | undefined;
}

export class ChannelsActor implements Actor<ChannelsMessage> {
  readonly #context: ActorContext<ChannelsMessage>;
  readonly #deps: ChannelsDeps;
  readonly #session: OwnSession;
  readonly #active = new Map<bigint, Job>();
  readonly #waiting = new Map<bigint, Intent>();
  #leading = false;
  /** Counts the times this node has led: what an earlier reign started concerns nobody. */
  #reign = 0;
  #sessionOpen = false;
  #logTime: LogTime = 0n;
  #requests = 0;
  #retries = 0;

  constructor(context: ActorContext<ChannelsMessage>, deps: ChannelsDeps) {
    this.#context = context;
    this.#deps = deps;
    this.#session = new OwnSession(deps.crypto, deps.clusterId, deps.random);
    deps.status.post("channels", () => ({
      active: this.#active.size,
      waiting: this.#waiting.size,
      requests: this.#requests,
      retries: this.#retries,
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
        this.#active.clear();
        this.#waiting.clear();
        break;
      case "applied":
        this.#logTime = message.timestamp;
        for (const event of message.events) {
          if (event.type === "intentClosed") this.#close(event.id);
          else if (event.type === "intentOpened" && this.#leading) this.#waiting.set(event.intent.id, event.intent);
        }
        this.#startWaiting();
        break;
      case "response":
        this.#answered(message);
        break;
      case "retry":
        this.#withJob(message, (job) => this.#request(job));
        break;
      case "report":
        this.#withJob(message, (job) => this.#report(job));
        break;
    }
  }

  #lead(openIntents: readonly Intent[]): void {
    this.#leading = true;
    this.#reign += 1;
    this.#active.clear();
    this.#waiting.clear();
    for (const intent of openIntents) this.#waiting.set(intent.id, intent);
    this.#startWaiting();
  }

  #startWaiting(): void {
    for (const [id, intent] of this.#waiting) {
      if (this.#active.size >= INTENTS_ACTIVE_MAX) return;
      this.#waiting.delete(id);
      const job: Job = { intent, attempts: 0, outcome: undefined };
      this.#active.set(id, job);
      this.#request(job);
    }
  }

  #close(id: bigint): void {
    this.#waiting.delete(id);
    const job = this.#active.get(id);
    if (job === undefined) return;
    this.#active.delete(id);
    // A report of ours has come through, so the session stands.
    if (job.outcome !== undefined) this.#sessionOpen = true;
  }

  #withJob(message: { readonly reign: number; readonly intent: bigint }, act: (job: Job) => void): void {
    const job = message.reign === this.#reign ? this.#active.get(message.intent) : undefined;
    if (job !== undefined) act(job);
  }

  #request(job: Job): void {
    const { intent, attempts } = job;
    const inquire = attempts >= INQUIRE_FROM && attempts % 2 === 0;
    const request = inquire ? inquiryRequest(intent) : actionRequest(intent);
    const reign = this.#reign;
    job.attempts += 1;
    this.#requests += 1;
    const { self } = this.#context;
    this.#deps.outside.request(request, (response) =>
      self.deliver({ type: "response", reign, intent: intent.id, request, response }),
    );
  }

  #answered(message: Extract<ChannelsMessage, { type: "response" }>): void {
    this.#withJob(message, (job) => {
      if (job.outcome !== undefined) return;
      const outcome = interpret(message.request, message.response);
      if (outcome === undefined) this.#retryLater(job);
      else {
        job.outcome = outcome;
        this.#report(job);
      }
    });
  }

  #retryLater(job: Job): void {
    this.#retries += 1;
    const backOff = Math.min(BACK_OFF_MS * 2 ** Math.min(job.attempts, 10), BACK_OFF_MAX_MS);
    const delayMs = Math.floor(backOff / 2) + this.#deps.random.below(Math.ceil(backOff / 2) + 1);
    this.#context.after(delayMs, { type: "retry", reign: this.#reign, intent: job.intent.id });
    const { id, action } = job.intent;
    if (job.attempts % 5 === 0)
      this.#deps.log.warn("channels.no_answer", { intent: id, action, attempts: job.attempts });
  }

  /** Puts the network's answer into the log, again and again until the intent is seen to be closed. */
  #report(job: Job): void {
    if (job.outcome === undefined) return;
    const now = this.#now();
    if (!this.#sessionOpen) this.#deps.submit(this.#session.opening(now));
    const body = { intent: job.intent.id, ...job.outcome };
    this.#deps.submit(this.#session.sign({ kind: "channelOutcome", body }, now));
    this.#context.after(REPORT_INTERVAL_MS, { type: "report", reign: this.#reign, intent: job.intent.id });
  }

  /** Log time as the next block will have it, roughly: the clock, where the log lags behind it. */
  #now(): LogTime {
    const wall = BigInt(this.#context.clock.wallMs()) * NS_PER_MS;
    return wall > this.#logTime ? wall : this.#logTime;
  }
}
