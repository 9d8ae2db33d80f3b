/**
 * Nodes with a channels actor each, one log, and the sandbox acquirer as the world outside, all on virtual time. The log is
 * as unreliable for reports as it is in a cluster, leaders change and overlap, and actors crash.
 */
import { AcquirerCore, type AcquirerRates, type AcquirerReport } from "../../sim/acquirer/core.ts";
import { Process } from "../../sim/process.ts";
import { Scheduler } from "../../sim/scheduler.ts";
import { TraceHash } from "../../sim/trace.ts";
import { ClockError, EPOCH_MS, VirtualClock } from "../../sim/virtual-clock.ts";
import { sha256 } from "../../sim/virtual-crypto.ts";
import type { ActorRef } from "../actor/actor.ts";
import { ActorSystem } from "../actor/system.ts";
import type { Outside, OutsideRequest, OutsideResponse } from "../base/ports/outside.ts";
import { Prng } from "../base/prng.ts";
import { StatusBoard, type StatusFields } from "../messages/status.ts";
import { CLUSTER_ID, type Party, payment, resultsOf, START, type Town, town } from "../state/chain.test-support.ts";
import type { Intent } from "../state/outbox.ts";
import type { PaymentView } from "../state/queries.ts";
import { decodeTransaction } from "../wire/transaction.ts";
import { ChannelsActor, type ChannelsMessage } from "./channels-actor.ts";

const US_PER_MS = 1_000;
/** From a report's submission to its block. */
const COMMIT_US = 2_000;

const CALM: AcquirerRates = {
  declinePermille: 0,
  timeoutPermille: 0,
  latePermille: 0,
  unavailablePermille: 0,
  contradictPermille: 0,
};

/** One request that reached the world outside. */
export interface Asked {
  readonly node: number;
  readonly atMs: number;
  readonly request: OutsideRequest;
}

export interface WorldNode {
  readonly channels: ActorRef<ChannelsMessage>;
  readonly status: () => StatusFields;
  leading: boolean;
}

export class CardWorld {
  readonly scheduler = new Scheduler();
  readonly random: Prng;
  readonly town: Town = town();
  readonly acquirer: AcquirerCore;
  readonly nodes: readonly WorldNode[];
  readonly asked: Asked[] = [];
  /** What the acquirer says instead of deciding, if anything; nothing at all is `silence`. */
  intercept: (request: OutsideRequest) => OutsideResponse | "silence" | undefined = () => undefined;
  /** Whether a report is lost on its way to the log. */
  loses: (transaction: Uint8Array) => boolean = () => false;
  /** Whether the gateway refuses a report at once. */
  busy = false;
  /** How many of the next requests make the actor throw. */
  crashes = 0;
  /** Why a system stopped: must stay empty. */
  readonly fatal: string[] = [];
  /** What reports were answered in the log, and warnings and errors that were logged. */
  readonly reported: string[] = [];
  readonly logged: string[] = [];
  #pending: Uint8Array[] = [];
  #nextId = 1n;

  constructor(rates: Partial<AcquirerRates> = {}, seed = 1) {
    this.random = new Prng(seed);
    this.acquirer = new AcquirerCore({ random: new Prng(seed + 1), rates: { ...CALM, ...rates } });
    this.nodes = this.town.chain.nodes.map((party, index) => this.#startNode(party, index));
  }

  get nowMs(): number {
    return this.scheduler.nowMs;
  }

  /** Intents without an answer. */
  get open(): readonly Intent[] {
    return this.town.chain.state.openIntents();
  }

  /** Lets virtual time pass. */
  run(ms: number): void {
    const until = this.scheduler.nowUs + ms * US_PER_MS;
    while (this.scheduler.step(until)) {
      // until then
    }
  }

  lead(node: number): void {
    const subject = this.nodes[node] as WorldNode;
    subject.leading = true;
    subject.channels.deliver({ type: "lead", openIntents: this.open });
  }

  follow(node: number): void {
    const subject = this.nodes[node] as WorldNode;
    subject.leading = false;
    subject.channels.deliver({ type: "follow" });
  }

  /** Somebody pays by card; tells the payment's id. */
  pay(cardToken = "tok_1", capture: "automatic" | "manual" = "automatic"): bigint {
    const id = this.#nextId++;
    const command = payment({ id, payer: 5n, cardToken, capture, amount: 10n + id });
    this.block([this.town.shopBank.sign(command)]);
    return id;
  }

  capture(id: bigint): void {
    this.block([this.town.shopBank.sign({ kind: "capturePayment", body: { id } })]);
  }

  void(id: bigint): void {
    this.block([this.town.shopBank.sign({ kind: "voidPayment", body: { id } })]);
  }

  payment(id: bigint): PaymentView {
    const answer = this.town.chain.state.query({ type: "payment", id }, { authority: 1, seesAll: true });
    if (answer.type !== "payment" || answer.payment === null) throw new Error(`there is no payment ${id}`);
    return answer.payment;
  }

  report(): AcquirerReport {
    return this.acquirer.report();
  }

  /** A block, and the news of it at every node. */
  block(transactions: readonly Uint8Array[]): void {
    const { chain } = this.town;
    const now = START + BigInt(this.scheduler.nowUs) * 1_000n;
    if (now > chain.now) chain.now = now;
    const applied = chain.block(transactions);
    this.reported.push(...resultsOf(applied).map(({ status }) => status));
    const nextDeadline = chain.state.nextDeadline();
    const { timestamp } = chain.state;
    const notice = {
      type: "applied",
      ...chain.state.attested(),
      timestamp,
      events: applied.events,
      nextDeadline,
    } as const;
    for (const { channels } of this.nodes) channels.deliver(notice);
  }

  #startNode(party: Party, index: number): WorldNode {
    const status = new StatusBoard();
    const log = (event: string): void => void this.logged.push(event);
    const process = new Process(index, {
      ...{ scheduler: this.scheduler, trace: new TraceHash(), random: new Prng(index), observe: () => undefined },
      crashed: (error) => this.fatal.push(String(error)),
    });
    const clockError = new ClockError();
    clockError.wallOffsetMs = Number(START / 1_000_000n) - EPOCH_MS;
    const system = new ActorSystem({
      clock: new VirtualClock(this.scheduler, process, clockError),
      log: { debug: log, info: log, warn: log, error: log },
      onFatal: ({ reason }) => this.fatal.push(reason),
    });
    const random = new Prng(100 + index);
    const crypto = { sha256, publicKey: party.publicKey, sign: () => new Uint8Array(64), verify: () => undefined };
    const node: { -readonly [K in keyof WorldNode]?: WorldNode[K] } = { leading: false };
    node.channels = system.spawn<ChannelsMessage>({
      name: "channels",
      supervision: "restart",
      create: (context) =>
        new ChannelsActor(context, {
          clusterId: CLUSTER_ID,
          crypto,
          random: random.fork("channels"),
          outside: this.#outside(index),
          log: { debug: log, info: log, warn: log, error: log },
          submit: (transaction) => this.#submit(transaction),
          openIntents: () => this.open,
          leading: () => node.leading === true,
          status,
        }),
    });
    node.status = () => status.read()["channels"] as StatusFields;
    return node as WorldNode;
  }

  #submit(transaction: Uint8Array): boolean {
    if (this.busy) return false;
    if (this.loses(transaction)) return true;
    this.#pending.push(transaction);
    if (this.#pending.length === 1) {
      this.scheduler.after(COMMIT_US, () => {
        const transactions = this.#pending;
        this.#pending = [];
        this.block(transactions);
      });
    }
    return true;
  }

  /** The acquirer behind a network that keeps to the timeout. */
  #outside(node: number): Outside {
    return {
      request: (request, done) => {
        if (this.crashes > 0) {
          this.crashes -= 1;
          throw new Error("the connector has a fault");
        }
        this.asked.push({ node, atMs: this.nowMs, request });
        const timeoutUs = request.timeoutMs * US_PER_MS;
        this.#answer(request, (response, delayMs) => {
          const silent = response === undefined || delayMs * US_PER_MS >= timeoutUs;
          const outcome: OutsideResponse = silent ? { kind: "no_answer", reason: "timeout" } : response;
          this.scheduler.after(silent ? timeoutUs : delayMs * US_PER_MS, () => done(outcome));
        });
      },
    };
  }

  #answer(request: OutsideRequest, done: (response: OutsideResponse | undefined, delayMs: number) => void): void {
    const instead = this.intercept(request);
    if (instead !== undefined) {
      done(instead === "silence" ? undefined : instead, 1);
      return;
    }
    const { kind, delayMs, status, body } = this.acquirer.handle(request);
    done(kind === "never" ? undefined : { kind: "answer", status, body }, delayMs);
  }
}

/** The sequence number of a report; 0 for the opening of a session. */
export function sequenceOf(transaction: Uint8Array): number {
  return decodeTransaction(transaction).sequence;
}
