/**
 * One run: a cluster, its clients, its faults and its rules, all from one seed. First a time with faults, then a quiet
 * end in which everything must come to rest: that is the check of liveness.
 */

import { toHex } from "../node/base/bytes.ts";
import type { NodeId } from "../node/base/ids.ts";
import type { Random } from "../node/base/ports/random.ts";
import { Prng } from "../node/base/prng.ts";
import type { NodeParts } from "../node/compose.ts";
import { clusterIdOf, type Genesis } from "../node/wire/genesis.ts";
import { History } from "./check/history.ts";
import { Rules } from "./check/rules.ts";
import { Verdict } from "./check/verdict.ts";
import { Cluster } from "./cluster.ts";
import { Counters } from "./counts.ts";
import { exponential } from "./draw.ts";
import { Injector } from "./fault/injector.ts";
import { drawPlan } from "./fault/plan.ts";
import { drawOptions, type SimOptions } from "./options.ts";
import { Scheduler } from "./scheduler.ts";
import { TraceHash, type TraceListener } from "./trace.ts";
import { TraceLines } from "./trace-lines.ts";
import { EPOCH_MS } from "./virtual-clock.ts";
import { KeyRing, sha256 } from "./virtual-crypto.ts";
import { VirtualNetwork } from "./virtual-network.ts";
import { amounts } from "./workload/amounts.ts";
import { type BankKeys, setupSteps } from "./workload/bank.ts";
import { Operations } from "./workload/operations.ts";
import { Receipts } from "./workload/receipts.ts";
import { SimClient } from "./workload/sim-client.ts";

const US_PER_MS = 1000;
const NS_PER_MS = 1_000_000n;
/** Addresses of clients; nodes have the small numbers. */
const FIRST_CLIENT = 101;
/** Transactions of a run are good until long after its end. */
const EXPIRY_MS = 500_000;
/** How long the cluster may take to come to rest once faults have stopped. */
const QUIET_MS_MAX = 60_000;
const QUIET_LOOK_MS = 100;
/** Far more events than any run needs: a cluster that keeps itself busy with nothing. */
const STEPS_MAX = 3_000_000;

export interface WorldOptions {
  readonly parts: Partial<NodeParts>;
  readonly trace?: TraceListener;
}

export class World {
  readonly options: SimOptions;
  readonly verdict: Verdict;
  readonly counters: Counters = new Counters();
  readonly rules: Rules;
  readonly receipts: Receipts;
  readonly history: History;
  readonly #scheduler = new Scheduler();
  readonly #hash = new TraceHash();
  readonly #cluster: Cluster;
  readonly #injector: Injector;
  readonly #network: VirtualNetwork;
  readonly #random: Random;
  readonly #clusterId: Uint8Array;
  readonly #keys: BankKeys;
  readonly #clients: SimClient[] = [];
  readonly #operations: Operations[] = [];
  #working = true;

  constructor(seed: number, { parts, trace }: WorldOptions) {
    this.#random = new Prng(seed);
    this.options = drawOptions(this.#random.fork("options"));
    const { options } = this;
    const scheduler = this.#scheduler;
    const lines =
      trace === undefined ? undefined : new TraceLines(scheduler, trace, (node) => this.#cluster.inspect(node));
    this.verdict = new Verdict(() => ({ atMs: scheduler.nowMs, step: this.#hash.steps }));
    this.rules = new Rules(this.verdict, (node, moment) => this.#injector.moment(node, moment));
    this.history = new History(this.verdict);
    const ring = new KeyRing();
    this.#keys = bankKeys(ring, options.workload.clients);
    const nodeKeys = Array.from({ length: options.nodes }, (_, index) => ring.create(`node ${index + 1}`));
    const genesis: Genesis = {
      timestamp: BigInt(EPOCH_MS - 1000) * NS_PER_MS,
      nodes: nodeKeys.map(({ publicKey }, index) => ({ id: index + 1, publicKey })),
      adminKey: this.#keys.admin.publicKey,
    };
    this.#clusterId = clusterIdOf(sha256, genesis);
    const shared = { scheduler, trace: this.#hash, counters: this.counters };
    this.#network = new VirtualNetwork({ ...shared, random: this.#random.fork("network") }, options.peers);
    const log = lines === undefined ? {} : { log: lines.write };
    this.#cluster = new Cluster(
      {
        ...shared,
        ...log,
        random: this.#random.fork("cluster"),
        network: this.#network,
        keys: ring,
        outside: () => ({ request: () => {} }),
        observer: this.rules,
        parts,
      },
      options,
      genesis,
      nodeKeys,
    );
    const trust = { clusterId: this.#clusterId, nodeKeys: nodeKeys.map(({ publicKey }) => publicKey), sha256 };
    const verify = ring.verify.bind(ring);
    this.receipts = new Receipts(this.verdict, { ...trust, verify }, this.rules.chain);
    const clients = Array.from({ length: options.workload.clients + 2 }, (_, index) => FIRST_CLIENT + index);
    const plan = drawPlan(this.#random.fork("faults"), options);
    this.#injector = new Injector({ ...shared, ...log, cluster: this.#cluster, network: this.#network, clients }, plan);
  }

  /** Virtual time so far. */
  get nowMs(): number {
    return this.#scheduler.nowMs;
  }

  get traceHash(): string {
    return this.#hash.digest();
  }

  run(): void {
    for (const node of this.#cluster.ids) this.#cluster.start(node);
    this.#setUp();
    this.#runUntil(this.options.durationMs);
    this.#working = false;
    this.#injector.end();
    this.#comeToRest();
    if (this.verdict.failure === undefined) this.history.checkAccounts();
  }

  #runUntil(atMs: number): void {
    while (this.verdict.failure === undefined && this.#scheduler.step(atMs * US_PER_MS)) {
      if (this.#hash.steps > STEPS_MAX) this.verdict.fail("liveness", `${STEPS_MAX} events, and no end in sight`);
    }
  }

  /** The admin, the bank's clients and the shop; then the bank is made, and work begins. */
  #setUp(): void {
    const { admin, bank, shop } = this.#keys;
    const [adminClient, ...others] = [admin, ...bank, shop].map((signer, index) => this.#client(index, signer));
    const steps = setupSteps(this.#keys, this.options.nodes, this.options.workload);
    const signers = { admin: adminClient, bank: others[0], shop: others.at(-1) };
    const opened = new Set<SimClient>();
    const next = (place: number): void => {
      const step = steps[place];
      if (step === undefined) {
        this.#startWork(others);
        return;
      }
      const client = signers[step.signer] as SimClient;
      if (opened.has(client)) this.#must(client, client.sign(step.command), () => next(place + 1));
      else {
        opened.add(client);
        this.#must(client, client.sign({ kind: "sessionOpen" }), () => next(place));
      }
    };
    next(0);
    this.#openLater = (client, then) => {
      if (opened.has(client)) then();
      else {
        opened.add(client);
        this.#must(client, client.sign({ kind: "sessionOpen" }), then);
      }
    };
  }

  #openLater: (client: SimClient, then: () => void) => void = () => {};

  #client(index: number, signer: BankKeys["admin"]): SimClient {
    const { workload } = this.options;
    const client = new SimClient(
      {
        scheduler: this.#scheduler,
        network: this.#network,
        random: this.#random.fork(`client ${index}`),
        clusterId: this.#clusterId,
        nodes: this.#cluster.ids,
        complain: (message) => this.verdict.fail("protocol", message),
      },
      {
        endpoint: FIRST_CLIENT + index,
        requestTimeoutUs: workload.requestTimeoutUs,
        expiry: BigInt(EPOCH_MS + EXPIRY_MS) * NS_PER_MS,
      },
      signer,
    );
    this.#clients.push(client);
    return client;
  }

  /** Submits something that must succeed. */
  #must(client: SimClient, transaction: Uint8Array, then: () => void): void {
    client.ask({ kind: "submit", transaction }, (outcome) => {
      if (outcome.kind !== "receipt") {
        this.verdict.fail("refusals", `the bank could not be set up: ${JSON.stringify(outcome)}`);
        return;
      }
      const { status } = this.receipts.accept(transaction, outcome.receipt);
      this.verdict.expect(status === "ok", "refusals", () => `the bank could not be set up: ${status}`);
      then();
    });
  }

  #startWork(clients: readonly SimClient[]): void {
    const shared = { recent: [], nextAmount: amounts(this.#random.fork("amounts")) };
    const { workload } = this.options;
    clients.forEach((client, index) => {
      const shop = index === clients.length - 1;
      if (shop && !workload.cards) return;
      const random = this.#random.fork(`work ${index}`);
      const nowUs = (): number => this.#scheduler.nowUs;
      const { history, receipts, verdict } = this;
      const operations = new Operations(
        { client, random, history, receipts, verdict, nowUs, ...shared },
        workload,
        shop,
      );
      this.#openLater(client, () => {
        if (!shop) this.#operations.push(operations);
        this.#work(client, operations, random.fork("pauses"));
      });
    });
  }

  #work(client: SimClient, operations: Operations, random: Random): void {
    const { thinkUs, inFlightMax } = this.options.workload;
    const again = (): void => {
      if (!this.#working) return;
      if (client.open < inFlightMax) operations.next();
      this.#scheduler.after(1 + exponential(random, thinkUs), again);
    };
    again();
  }

  /** Faults are over: everything asked is answered, all nodes agree, one more transaction is taken. */
  #comeToRest(): void {
    let lastTaken = false;
    let lastAsked = false;
    const until = this.nowMs + QUIET_MS_MAX;
    while (this.verdict.failure === undefined && this.nowMs < until) {
      this.#runUntil(this.nowMs + QUIET_LOOK_MS);
      if (lastAsked || this.#clients.some((client) => client.open > 0)) {
        if (lastTaken && this.#atRest() === undefined) return;
        continue;
      }
      lastAsked = true;
      const operations = this.#operations[0];
      if (operations === undefined) lastTaken = true;
      else
        operations.last(() => {
          lastTaken = true;
        });
    }
    const why = this.#clients.filter((client) => client.open > 0).map((client) => client.describe());
    this.verdict.fail(
      "liveness",
      `not at rest ${QUIET_MS_MAX} ms after the last fault: ${this.#atRest() ?? ""} ${why.join("; ")}`,
    );
  }

  /** What is still going on; undefined when nothing is. */
  #atRest(): string | undefined {
    const stands = this.#cluster.ids.map((node) => this.#stand(node));
    if (stands.some((stand) => stand !== stands[0])) return `nodes differ: ${stands.join(", ")}`;
    const intents = this.#cluster.inspect(1)?.state.openIntents().length ?? 0;
    return intents > 0 ? `${intents} intents are open` : undefined;
  }

  #stand(node: NodeId): string {
    const state = this.#cluster.inspect(node)?.state;
    return state === undefined ? "down" : `${state.height} ${toHex(state.digest).slice(0, 8)}`;
  }
}

function bankKeys(ring: KeyRing, clients: number): BankKeys {
  const bank = Array.from({ length: clients }, (_, index) => ring.create(`bank ${index}`));
  return { admin: ring.create("admin"), bank, shop: ring.create("shop") };
}
