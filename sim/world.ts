/**
 * One run: a cluster, its clients, its faults and its rules, all from one seed. First a time with faults, then a quiet
 * end in which everything must come to rest: that is the check of liveness.
 */
import { toHex } from "../node/base/bytes.ts";
import { sameMembers } from "../node/base/configuration.ts";
import type { NodeId } from "../node/base/ids.ts";
import type { Random } from "../node/base/ports/random.ts";
import { Prng } from "../node/base/prng.ts";
import { NEWEST_RELEASE } from "../node/base/release.ts";
import type { StateMachine } from "../node/state/state-machine.ts";
import { clusterIdOf, type Genesis } from "../node/wire/genesis.ts";
import type { Signer } from "../node/wire/transaction.ts";
import { Backups } from "./check/backups.ts";
import { BOUNDED_SECTIONS, Bounds } from "./check/bounds.ts";
import { checkCardBooks } from "./check/card-books.ts";
import { History } from "./check/history.ts";
import type { Operations } from "./check/history-file.ts";
import { IdleDeadlines } from "./check/idle-deadlines.ts";
import { readAllAccounts } from "./check/readers.ts";
import { Rules } from "./check/rules.ts";
import { type Moment, Verdict } from "./check/verdict.ts";
import { stillWaiting, WAITING_SECTIONS } from "./check/waiting.ts";
import { addressOf, Cluster, type NodeStatus, type Plant } from "./cluster.ts";
import { Counters } from "./counts.ts";
import { Injector } from "./fault/injector.ts";
import { drawPlan, type StepKind, TIMERS_SLOWER_MAX, type TimedFault } from "./fault/plan.ts";
import { GivenUp } from "./given-up.ts";
import { Meddler } from "./meddler.ts";
import { drawOptions, type SimOptions } from "./options.ts";
import type { Reached } from "./reached.ts";
import { Scheduler } from "./scheduler.ts";
import { TraceHash, type TraceListener } from "./trace.ts";
import { TraceLines } from "./trace-lines.ts";
import { Recorder, type RecordListener } from "./trace-recorder.ts";
import type { Outcome, Unavoidable } from "./unavoidable.ts";
import { EPOCH_MS } from "./virtual-clock.ts";
import { KeyRing, sha256 } from "./virtual-crypto.ts";
import { VirtualNetwork } from "./virtual-network.ts";
import { VirtualOutside } from "./virtual-outside.ts";
import { LEDGERS } from "./workload/accounts.ts";
import { bankKeys, hotPurses } from "./workload/bank.ts";
import type { OperatorDeps } from "./workload/operator.ts";
import { Receipts } from "./workload/receipts.ts";
import { Workload } from "./workload/workload.ts";

const US_PER_MS = 1000;
const NS_PER_MS = 1_000_000n;
/** Transactions of a run are good until long after its end. */
const EXPIRY_MS = 500_000;
/** How often all nodes are looked at for what they hold in memory. */
const BOUNDS_EVERY_MS = 500;
/** Clients that have not come to work after so long have to do so among faults: perhaps the clocks let nobody be elected. */
const SET_UP_MS_MAX = 30_000;
const SET_UP_LOOK_MS = 10;
/** How long the cluster may take to come to rest once faults have stopped. */
const QUIET_MS_MAX = 60_000;
const QUIET_LOOK_MS = 100;
/**
 * Far more events in three seconds of virtual time than any run needs: a cluster that keeps itself busy with nothing. The
 * busiest of a hundred seeds had 43,000 in one second, and 142,000 in all.
 */
const STEPS_MAX = 300_000;
const STEPS_EVERY_MS = 3_000;
/** A cluster that cannot go on says so within this: a node waits for a block that nobody has for half as long. */
const HALT_MS = 20_000;
const soundNode: Plant = () => ({});

export interface WorldOptions {
  /** Breaks the nodes. */
  readonly plant?: Plant;
  /** Changes what was drawn. */
  readonly adjust?: (drawn: SimOptions) => SimOptions;
  /** Faults instead of those that are drawn. */
  readonly faults?: readonly TimedFault[];
  /** Turns of the clients at which they do nothing. */
  readonly leftOut?: (turn: number) => boolean;
  /** After so many events the run ends, whatever was going on. */
  readonly eventsMax?: number;
  readonly trace?: TraceListener;
  /** Hears of everything that happens, in a form for programs. */
  readonly record?: RecordListener;
  /** Hears in the end what clients have seen. */
  readonly history?: (operations: Operations) => void;
}

export class World {
  readonly options: SimOptions;
  /** The faults of the run, drawn or given. */
  readonly faults: readonly TimedFault[];
  readonly verdict: Verdict;
  readonly counters: Counters = new Counters();
  /** Steps of the plan that could not be done. */
  readonly skipped: Counters<StepKind> = new Counters();
  readonly reached: Reached = new Counters();
  readonly rules: Rules;
  readonly history: History;
  readonly #scheduler = new Scheduler();
  readonly #hash: TraceHash;
  readonly #recorder: Recorder | undefined;
  readonly #network: VirtualNetwork;
  readonly #cluster: Cluster;
  readonly #outside: VirtualOutside;
  readonly #injector: Injector;
  readonly #workload: Workload;
  readonly #tellHistory: WorldOptions["history"];
  readonly #eventsMax: number;
  readonly #bounds: Bounds;
  /** What was given up; undefined where the last copy is never destroyed. */
  readonly #givenUp: GivenUp | undefined;
  #isHalted = false;
  #nextLookMs = BOUNDS_EVERY_MS;
  /** The three seconds of virtual time that run, and the events before them. */
  #span = { number: 0, stepsBefore: 0 };
  #begunMs = 0;

  constructor(seed: number, watch: WorldOptions = {}) {
    const { plant = soundNode, adjust = (drawn) => drawn, trace, record, leftOut = () => false } = watch;
    this.#tellHistory = watch.history;
    this.#eventsMax = watch.eventsMax ?? Number.POSITIVE_INFINITY;
    const random: Random = new Prng(seed);
    this.options = adjust(drawOptions(random.fork("options")));
    const [networkRandom, outsideRandom, clusterRandom, faultsRandom, workloadRandom] = forks(random);
    const { options, counters } = this;
    const everybody = options.nodes + options.spares;
    const oldNodes = options.oldRelease === undefined ? 0 : options.nodes;
    this.faults = watch.faults ?? drawPlan(faultsRandom, { ...options, nodes: everybody, oldNodes });
    const scheduler = this.#scheduler;
    const recorder = record && new Recorder(scheduler, record);
    this.#recorder = recorder;
    this.#hash = new TraceHash(recorder?.event);
    const recording = recorder === undefined ? {} : { recorder };
    const shared = { scheduler, trace: this.#hash, counters, ...recording };
    const now = (): Moment => ({ atMs: scheduler.nowMs, step: this.#hash.steps });
    this.verdict = new Verdict(now);
    this.#bounds = new Bounds(this.verdict, options);
    this.history = new History(this.verdict, slowestMs(options, this.faults));
    const ring = new KeyRing();
    const keys = bankKeys(ring, options.workload);
    const nodeKeys = Array.from({ length: everybody }, (_, index) => ring.create(`node ${index + 1}`));
    const genesis = genesisOf(nodeKeys.slice(0, options.nodes), keys.admin);
    const clusterId = clusterIdOf(sha256, genesis);
    const followed = hotPurses(options.workload.hotAccounts).flatMap((purse) => purse.accounts);
    const publicKeys = nodeKeys.map(({ publicKey }) => publicKey);
    const watched = { genesis, currencies: LEDGERS, followed, nodeKeys: publicKeys, reached: this.reached };
    this.rules = new Rules(this.verdict, watched, (node, moment) => this.#injector.moment(node, moment));
    const network = new VirtualNetwork({ ...shared, random: networkRandom }, options.peers);
    this.#network = network;
    this.#outside = new VirtualOutside({ ...shared, random: outsideRandom }, options.outside);
    const lines = trace && new TraceLines(scheduler, trace, (node) => this.#cluster.inspect(node));
    const log = lines === undefined && recorder === undefined ? {} : { log: everyLog(lines, recorder) };
    const world = { ...shared, ...log, network, outside: this.#outside };
    const observer = recorder?.watching(this.rules) ?? this.rules;
    const { reached } = this;
    const logsForget = options.retainBlocks !== undefined;
    const destroyed = { cluster: () => this.#cluster, rules: this.rules, logsForget, now };
    this.#givenUp = options.giveUpLastCopy ? new GivenUp(destroyed) : undefined;
    const givenUp = this.#givenUp === undefined ? {} : { givenUp: this.#givenUp };
    const meddling = { random: random.fork("meddler"), network, reached, clusterId, nodeKeys };
    const others = { ...givenUp, ...(options.meddler && { meddler: new Meddler(meddling, options.meddler) }) };
    const clusterDeps = { ...world, random: clusterRandom, keys: ring, observer, plant, reached, ...others };
    this.#cluster = new Cluster(clusterDeps, options, genesis, nodeKeys);
    const clients = Workload.endpoints(options.workload);
    const zoneOf = (node: NodeId): number => ((node - 1) % options.zones) + 1;
    const injected = { ...world, skipped: this.skipped, cluster: this.#cluster, clients, zoneOf };
    this.#injector = new Injector(injected, this.faults);
    const trust = { clusterId, nodeKeys: publicKeys, sha256, verify: ring.verify.bind(ring) };
    const receipts = new Receipts(this.verdict, trust, this.rules);
    const { verdict, history } = this;
    const { past, pastMembers, authenticity, states, chain } = this.rules;
    const backups = new Backups({ verdict, genesis, trust, pastMembers, past, states, chain });
    const witnesses = { verdict, history, receipts, past, backups, reached: this.reached };
    const nodes = this.#cluster.ids;
    const addable = nodeKeys.map(({ publicKey }, index) => ({ publicKey, ...addressOf(index + 1) }));
    const members = { nodes, founders: options.nodes, addable, ...this.#forOperator(), pastMembers, authenticity };
    this.#workload = new Workload(
      { scheduler, network, random: workloadRandom, clusterId, keys, leftOut, ...members, ...witnesses },
      options.workload,
      BigInt(EPOCH_MS + EXPIRY_MS) * NS_PER_MS,
    );
  }

  /** What an operator may do with machines, and knows of the cluster. */
  #forOperator(): Pick<OperatorDeps, "lose" | "remove" | "start" | "mayWant" | "release"> {
    return {
      lose: (node) => this.#lose(node),
      remove: (node) => {
        this.#cluster.crash(node);
      },
      start: (node) => this.#cluster.start(node),
      mayWant: (voters) => this.#cluster.mayWant(voters),
      release: () => this.rules.releases.chain,
    };
  }

  /** Virtual time so far. */
  get nowMs(): number {
    return this.#scheduler.nowMs;
  }

  /** Transfers in the ledger of whoever has come furthest. */
  get transfers(): number {
    return this.#furthest()?.ledger.transferCount ?? 0;
  }

  /** Events so far. */
  get events(): number {
    return this.#hash.steps;
  }

  /** Virtual time at which the time with faults has begun. */
  get begunMs(): number {
    return this.#begunMs;
  }

  /** Turns that the clients have had, those left out among them. */
  get turns(): number {
    return this.#workload.turns;
  }

  /** How it has ended. */
  get outcome(): Outcome {
    const { failure } = this.verdict;
    return failure === undefined ? this.#unavoidable() : { failed: failure };
  }

  get traceHash(): string {
    return this.#hash.digest();
  }

  /** What each node that runs says of itself. */
  get statuses(): ReadonlyMap<NodeId, NodeStatus> {
    return new Map(
      this.#cluster.ids.flatMap((node) => {
        const status = this.#cluster.status(node);
        return status === undefined ? [] : [[node, status] as const];
      }),
    );
  }

  run(): void {
    const { durationMs, faultsWait } = this.options;
    if (!faultsWait) this.#injector.begin();
    for (const node of this.#cluster.ids) this.#cluster.start(node);
    this.#workload.start();
    if (faultsWait) {
      this.#awaitWork();
      this.#injector.begin();
    }
    this.#runUntil(this.#begunMs + durationMs);
    this.#workload.stop();
    this.#injector.end();
    this.#comeToRest();
    if (!this.#isOver) {
      if (this.#isHalted) this.#checkHalt();
      else this.#checkRest();
    }
  }

  /** Tells whoever looks on how it has ended, also where `run` has thrown. */
  tellEnd(): void {
    this.#recorder?.ended(this.outcome, this.traceHash);
    this.#tellHistory?.(this.history.operations);
  }

  /** A rule is broken, or nobody wants to see more. */
  get #isOver(): boolean {
    return this.verdict.failure !== undefined || this.events >= this.#eventsMax;
  }

  /** On a network that is quiet until then: a bank that is made among losses is made late or never. */
  #awaitWork(): void {
    this.#network.isQuiet = true;
    while (!this.#isOver && !this.#workload.isWorking && this.nowMs < SET_UP_MS_MAX)
      this.#runUntil(this.nowMs + SET_UP_LOOK_MS);
    this.#network.isQuiet = false;
    this.#begunMs = this.nowMs;
  }

  #runUntil(atMs: number): void {
    for (; this.#nextLookMs <= atMs; this.#nextLookMs += BOUNDS_EVERY_MS) {
      this.#stepUntil(this.#nextLookMs);
      this.#lookAtBounds();
    }
    this.#stepUntil(atMs);
  }

  #stepUntil(atMs: number): void {
    while (!this.#isOver && this.#scheduler.step(atMs * US_PER_MS)) this.#countSteps();
  }

  #countSteps(): void {
    const { steps } = this.#hash;
    const number = Math.floor(this.nowMs / STEPS_EVERY_MS);
    if (number !== this.#span.number) this.#span = { number, stepsBefore: steps };
    if (steps - this.#span.stepsBefore <= STEPS_MAX) return;
    this.verdict.fail("liveness", `${STEPS_MAX} events since ${number * STEPS_EVERY_MS} ms, and no end in sight`);
  }

  /** Between two events, and no event itself: nobody but the rule can tell. */
  #lookAtBounds(): void {
    if (this.#isOver) return;
    for (const node of this.#cluster.ids) {
      const inspected = this.#cluster.inspect(node);
      const status = this.#cluster.status(node, BOUNDED_SECTIONS);
      if (inspected !== undefined && status !== undefined) this.#bounds.look(node, inspected.raft, status);
    }
  }

  /** Faults are over: everything asked is answered, all nodes agree, one more transaction is taken. */
  #comeToRest(): void {
    let lastAsked = false;
    let lastTaken = false;
    const deadlines = new IdleDeadlines(this.verdict);
    const from = this.nowMs;
    while (!this.#isOver && this.nowMs < from + QUIET_MS_MAX) {
      this.#runUntil(this.nowMs + QUIET_LOOK_MS);
      if (this.nowMs >= from + HALT_MS && this.#givenUp?.isHalted() === true) {
        this.#isHalted = true;
        return;
      }
      if (this.#workload.open > 0) continue;
      if (!lastAsked) {
        lastAsked = true;
        this.#workload.last(() => {
          lastTaken = true;
        });
      } else if (lastTaken && this.#moving() === undefined && this.#workload.drained(this.#restHeight())) {
        if (!this.#isWaiting(deadlines)) return;
      }
    }
    if (this.#isOver) return;
    const why = `${this.#moving() ?? ""} ${this.#workload.describe()}`;
    this.verdict.fail("liveness", `not at rest ${QUIET_MS_MAX} ms after the last fault: ${why}`);
  }

  /** Whether something is soon to be done that no client asks for any more. */
  #isWaiting(deadlines: IdleDeadlines): boolean {
    const leader = this.#cluster.leader();
    if (leader === undefined) return true;
    const clock = { leader, wallMs: this.#cluster.wallMs(leader) };
    return deadlines.isWaiting(this.#furthest()?.nextDeadline(), clock, this.nowMs);
  }

  /** Takes a node away for good where the others can do without it. */
  #lose(lost: NodeId): boolean {
    const enough = this.#cluster.isDispensable(lost);
    if (enough) this.#cluster.lose(lost);
    return enough;
  }

  /** Where all members stand when nothing moves; a block that is committed may be on its way to be applied. */
  #restHeight(): number {
    return this.#furthest()?.height ?? 0;
  }

  /** The state that has come furthest, which all others must come to. */
  #furthest(): StateMachine | undefined {
    const states = this.#cluster.ids.flatMap((node) => this.#cluster.inspect(node)?.state ?? []);
    return states.reduce<StateMachine | undefined>(
      (best, state) => (best === undefined || state.height > best.height ? state : best),
      undefined,
    );
  }

  /** Who is to take part in the end; all others may stand anywhere. */
  #wanted(): readonly NodeId[] {
    const { voters = [], learners = [] } = this.#furthest()?.members.wanted ?? {};
    return [...voters, ...learners];
  }

  /** What is still going on; undefined when nothing is. */
  #moving(): string | undefined {
    const furthest = this.#furthest();
    if (furthest === undefined) return "all nodes are down";
    const excused = this.#givenUp?.excused() ?? [];
    const wanted = this.#wanted().filter((node) => !excused.includes(node));
    const stands = wanted.map((node) => this.#stand(node));
    if (stands.some((stand) => stand !== stands[0])) return `nodes differ: ${stands.join(", ")}`;
    const intents = furthest.openIntents().length;
    if (intents > 0) return `${intents} intents are open`;
    const waiting = this.#waiting(wanted);
    if (waiting !== undefined) return waiting;
    // Neither members nor releases change where one is waited for that does not come.
    return wanted.length < this.#wanted().length ? undefined : this.#changing(furthest);
  }

  /** What one of these nodes has waiting: one that is removed may never hear of another leader, and waits on. */
  #waiting(nodes: readonly NodeId[]): string | undefined {
    const mayStay = this.options.workload.intruder !== undefined;
    for (const node of nodes) {
      const status = this.#cluster.inspect(node) && this.#cluster.status(node, WAITING_SECTIONS);
      const connectionsOpen = this.#network.connectionsOf(node);
      const waiting = status && stillWaiting(node, status, { connectionsOpen, mayStay });
      if (waiting !== undefined) return waiting;
    }
    return undefined;
  }

  /** Which change is still going on; undefined when none is. */
  #changing(furthest: StateMachine): string | undefined {
    const outsider = this.#cluster.ids.find((node) => this.#leads(node) && !this.#wanted().includes(node));
    if (outsider !== undefined) return `node ${outsider} is no member, and leads`;
    const { configuration, members } = furthest;
    const arrived = configuration.outgoing.length === 0 && sameMembers(configuration, members.wanted);
    if (!arrived) return `members change: ${JSON.stringify({ configuration, wanted: members.wanted })}`;
    const { release } = furthest;
    const isRaised = release === NEWEST_RELEASE || this.rules.releases.isHeldBack(release, configuration);
    return isRaised ? undefined : `all members read more than release ${release}`;
  }

  #leads(node: NodeId): boolean {
    return this.#cluster.inspect(node)?.raft.role === "leader";
  }

  #stand(node: NodeId): string {
    const state = this.#cluster.inspect(node)?.state;
    return state === undefined ? "down" : `${state.height} ${toHex(state.digest).slice(0, 8)}`;
  }

  /** What nothing could have kept, of a run in which all rules held. */
  #unavoidable(): Unavoidable {
    this.#givenUp?.look();
    const loss = this.#givenUp?.loss;
    if (loss !== undefined) return { unavoidableLoss: loss };
    return this.#isHalted && this.#givenUp !== undefined ? { unavoidableHalt: this.#givenUp.halt } : {};
  }

  /** Those that still run stand for what was committed, and what clients were told has an order. */
  #checkHalt(): void {
    for (const node of this.#cluster.ids) {
      const state = this.#cluster.inspect(node)?.state;
      if (state !== undefined) this.rules.states.restored(node, state);
    }
    this.history.check();
  }

  #checkRest(): void {
    const careless = this.#cluster.careless();
    this.verdict.expect(careless === undefined, "diskErrors", () => careless ?? "");
    const { acquirer } = this.#outside;
    for (const node of this.#wanted()) {
      const state = this.#cluster.inspect(node)?.state;
      if (state === undefined) continue;
      this.rules.atRest(node, state);
      this.#workload.audit(readAllAccounts(state));
      checkCardBooks(this.verdict, acquirer.report(acquirer.contradicted), state, acquirer.contradicted);
    }
    this.history.check();
  }
}

/** A source of chance for each part of a run, so that a draw more in one changes nothing in the others. */
function forks(random: Random): readonly [Random, Random, Random, Random, Random] {
  const fork = (label: string): Random => random.fork(label);
  return [fork("network"), fork("outside"), fork("cluster"), fork("faults"), fork("workload")];
}

/** Tells all who listen what a node, or the world, says. */
function everyLog(...listeners: readonly (Pick<TraceLines, "write"> | undefined)[]): TraceLines["write"] {
  return (node, text) => {
    for (const listener of listeners) listener?.write(node, text);
  };
}

/** True time, in microseconds, that passes while the slowest clock of the run counts a millisecond. */
function slowestMs({ clockRates }: SimOptions, faults: readonly TimedFault[]): number {
  const slowed = faults.some(({ step }) => step.kind === "slowTimers");
  const slowestPermille = Math.floor(Math.min(...clockRates) / (slowed ? TIMERS_SLOWER_MAX : 1));
  return Math.ceil((US_PER_MS * 1_000) / slowestPermille);
}

/** The genesis of a cluster of nodes with these keys, by id. */
export function genesisOf(nodeKeys: readonly Signer[], admin: Signer): Genesis {
  return {
    timestamp: BigInt(EPOCH_MS - 1000) * NS_PER_MS,
    nodes: nodeKeys.map(({ publicKey }, index) => ({ id: index + 1, publicKey })),
    adminKey: admin.publicKey,
  };
}
