/**
 * Carries out a plan of faults. What cannot be done when its time comes (crash a node that is down) is left out; every
 * crash brings its restart with it, so that no plan ends the cluster for good. What is left out is counted.
 */
import type { NodeId } from "../../node/base/ids.ts";
import type { Cluster } from "../cluster.ts";
import type { Counters, Fault } from "../counts.ts";
import type { Scheduler } from "../scheduler.ts";
import type { TraceHash } from "../trace.ts";
import type { Link, VirtualNetwork } from "../virtual-network.ts";
import type { VirtualOutside } from "../virtual-outside.ts";
import type { LogDamage } from "./disk-damage.ts";
import {
  type CrashMoment,
  type DiskFaultKind,
  type FaultStep,
  type Groups,
  isOfDisks,
  type StepKind,
  type Target,
  type TimedFault,
} from "./plan.ts";

const US_PER_MS = 1_000;
/** Answers that are late: of the last rounds before the cut, which lasts until something can be made of them. */
const ANSWERS_BEFORE_CUT_MS = 150;
const CUT_AFTER_ANSWERS_MS = 800;
/** Ways in which a log is damaged are told apart: where one is spared too often, nobody has seen it mended. */
const DAMAGED: Readonly<Record<LogDamage, Fault>> = {
  bitFlip: "logBitFlipped",
  lostWrite: "logWriteLost",
  misdirectedWrite: "logWriteMisdirected",
  unreadable: "logUnreadable",
  missingFile: "logFileMissing",
  missingLog: "logMissing",
};

/** What of a cluster can break. */
export type FaultyCluster = Pick<
  Cluster,
  | "ids"
  | "votersOf"
  | "leader"
  | "start"
  | "crash"
  | "pause"
  | "resume"
  | "setDiskFull"
  | "setDiskSlowness"
  | "setTimerSlowness"
  | "failDisk"
  | "hangDisk"
  | "canSpare"
  | "lose"
  | "damageLog"
  | "rotLog"
  | "rotPage"
  | "spoilLog"
  | "hangStore"
  | "failStoreReads"
  | "healStoreReads"
  | "setStoreFull"
  | "jumpClock"
  | "handOver"
  | "upgrade"
  | "quieten"
>;

export interface InjectorDeps {
  readonly scheduler: Scheduler;
  readonly trace: TraceHash;
  readonly counters: Counters;
  /** Counts steps that could not be done. */
  readonly skipped: Counters<StepKind>;
  readonly cluster: FaultyCluster;
  readonly network: Pick<VirtualNetwork, "block" | "clog" | "quieten" | "slowReaders">;
  /** Of all nodes, by id. */
  readonly zoneOf: (node: NodeId) => number;
  readonly outside: Pick<VirtualOutside, "isDown">;
  /** Addresses of all clients. */
  readonly clients: readonly number[];
  readonly log?: (node: NodeId, text: string) => void;
  readonly recorder?: { fault(step: FaultStep): void };
}

type StepOf<Kind extends StepKind> = Extract<FaultStep, { readonly kind: Kind }>;
type DiskStep = StepOf<Extract<StepKind, DiskFaultKind> | "loseDisk">;
type ArmedCrash = StepOf<"crashWhen">;

function isDiskStep(step: FaultStep): step is DiskStep {
  return step.kind === "loseDisk" || isOfDisks(step.kind);
}

interface Targeted {
  readonly kind: StepKind;
  readonly target: Target;
}

export class Injector {
  readonly #deps: InjectorDeps;
  readonly #plan: readonly TimedFault[];
  readonly #armed: ArmedCrash[] = [];
  #over = false;

  constructor(deps: InjectorDeps, plan: readonly TimedFault[]) {
    this.#deps = deps;
    this.#plan = plan;
  }

  /** The plan's time begins now. */
  begin(): void {
    for (const { atMs, step } of this.#plan) this.#later(atMs, () => this.#do(step));
  }

  /** Something happened in a node at which a crash may have been planned. */
  moment(node: NodeId, moment: CrashMoment): void {
    const place = this.#armed.findIndex((armed) => armed.moment === moment);
    const armed = this.#armed[place];
    if (armed === undefined) return;
    this.#armed.splice(place, 1);
    this.#deps.scheduler.after(armed.delayUs, () => {
      if (this.#over) {
        this.#deps.skipped.add("crashWhen");
        return;
      }
      this.#deps.counters.add("crashWhen");
      for (const victim of armed.all ? this.#deps.cluster.ids : [node]) this.#crash(victim, armed.restartAfterMs);
    });
  }

  /** No more faults: all links open, all nodes up and running. */
  end(): void {
    const { network, cluster, outside } = this.#deps;
    this.#over = true;
    this.#deps.skipped.add("crashWhen", this.#armed.length);
    outside.isDown = false;
    network.quieten();
    cluster.quieten();
    for (const node of cluster.ids) {
      cluster.resume(node);
      cluster.start(node);
    }
  }

  #do(step: FaultStep): void {
    const { scheduler, trace, log, recorder } = this.#deps;
    trace.event(scheduler.nowUs, 0, "fault");
    recorder?.fault(step);
    log?.(0, JSON.stringify(step));
    if (isDiskStep(step)) this.#onDisk(step);
    else this.#onOthers(step);
  }

  #onDisk(step: DiskStep): void {
    const { cluster } = this.#deps;
    switch (step.kind) {
      case "slowDisk":
        this.#withTarget(step, (node) => this.#slowDisk(node, step.factor, step.forMs));
        break;
      case "fullDisk":
        this.#withTarget(step, (node) => this.#fullDisk(node, step.forMs));
        break;
      case "hangDisk":
        this.#withTarget(step, (node) => this.#hangDisk(node, step.forMs));
        break;
      case "fullStore":
        this.#withTarget(step, (node) => this.#fullStore(node, step.forMs));
        break;
      case "hangStore":
        this.#withTarget(step, (node) => this.#hangStore(node, step.forMs));
        break;
      case "damageLog":
        this.#withTarget(step, (node) => this.#damageLog(node, step.how, step.restartAfterMs));
        break;
      case "rotLog":
        this.#rot("rottenLog", step, (node) => cluster.rotLog(node));
        break;
      case "rotPage":
        this.#rot("rottenPage", step, (node) => cluster.rotPage(node));
        break;
      case "loseDisk":
        this.#withTarget(step, (node) => cluster.canSpare(node) && cluster.lose(node));
        break;
      case "readError":
        this.#withTarget(step, (node) => this.#readError(node, step));
        break;
      case "storeReadError":
        this.#withTarget(step, (node) => this.#storeReadError(node, step));
        break;
      case "diskError":
        this.#withTarget(step, (node) => cluster.failDisk(node, step.operation, step.restartAfterMs));
        break;
    }
  }

  #onOthers(step: Exclude<FaultStep, DiskStep>): void {
    const { counters, cluster } = this.#deps;
    switch (step.kind) {
      case "partition":
        this.#partition(step);
        break;
      case "bridge":
        this.#cut("bridgePartition", step.forMs, apart(step.groups, false));
        break;
      case "isolate":
        this.#withTarget(step, (node) => this.#isolate(node, step.direction, step.forMs));
        break;
      case "flap":
        this.#flap(step);
        break;
      case "zoneLoss":
        this.#loseZone(step);
        break;
      case "slowClients":
        this.#slowClients(step);
        break;
      case "lateAnswers":
        this.#withTarget(step, (node) => this.#lateAnswers(node, step.forMs));
        break;
      case "clog":
        counters.add("clog");
        this.#deps.network.clog([step], step.forMs * US_PER_MS);
        break;
      case "isolateClients":
        this.#withTarget(step, (node) =>
          this.#cut("clientPartition", step.forMs, between([node], this.#deps.clients, false)),
        );
        break;
      case "crash":
        this.#withTarget(step, (node) => this.#crash(node, step.restartAfterMs));
        break;
      case "crashAll":
        counters.add("crashAll");
        for (const node of cluster.ids) this.#crash(node, step.restartAfterMs);
        break;
      case "crashWhen":
        this.#armed.push(step);
        break;
      case "pause":
        this.#withTarget(step, (node) => this.#pause(node, step.forMs));
        break;
      case "slowTimers":
        this.#withTarget(step, (node) => this.#slowTimers(node, step.factor, step.forMs));
        break;
      case "upgrade":
        this.#withTarget(step, (node) => this.#upgrade(node, step.restartAfterMs));
        break;
      case "handOver":
        this.#withTarget({ ...step, target: "leader" }, (node) => {
          counters.add("handOver");
          cluster.handOver(node);
        });
        break;
      case "clockJump":
        this.#withTarget(step, (node) => {
          counters.add("clockJump");
          cluster.jumpClock(node, step.byMs);
        });
        break;
      case "acquirerDown":
        this.#acquirerDown(step.forMs);
        break;
    }
  }

  /** Runs something later, unless faults are over by then. */
  #later(afterMs: number, action: () => void): void {
    this.#deps.scheduler.after(afterMs * US_PER_MS, () => {
      if (!this.#over) action();
    });
  }

  /** Does something to a node; `false` says that nothing came of it. */
  #withTarget({ kind, target }: Targeted, action: (node: NodeId) => unknown): void {
    const node = target === "leader" ? this.#deps.cluster.leader() : target;
    if (node === undefined || action(node) === false) this.#deps.skipped.add(kind);
  }

  #cut(name: Fault, forMs: number, links: readonly Link[]): void {
    const { counters, network } = this.#deps;
    counters.add(name);
    const heal = network.block(links);
    this.#later(forMs, heal);
  }

  #partition({ groups, oneWay, forMs }: StepOf<"partition">): void {
    const { counters, cluster } = this.#deps;
    if (groups.length > 2) counters.add("manySides");
    if (groups.flat().length < cluster.ids.length) counters.add("partialPartition");
    this.#cut(oneWay ? "asymmetricPartition" : "partition", forMs, apart(groups, oneWay));
  }

  #isolate(node: NodeId, direction: "both" | "in" | "out", forMs: number): void {
    const others = this.#deps.cluster.ids.filter((other) => other !== node);
    if (direction === "both") this.#cut("partition", forMs, between([node], others, false));
    else if (direction === "out") this.#cut("asymmetricPartition", forMs, between([node], others, true));
    else this.#cut("asymmetricPartition", forMs, between(others, [node], true));
  }

  #flap({ groups, downMs, upMs, forMs }: StepOf<"flap">): void {
    const { counters, network } = this.#deps;
    counters.add("flap");
    const links = apart(groups, false);
    for (let atMs = 0; atMs < forMs; atMs += downMs + upMs)
      this.#later(atMs, () => this.#later(downMs, network.block(links)));
  }

  #loseZone({ kind, zone, how, forMs }: StepOf<"zoneLoss">): void {
    const { cluster, clients, counters, skipped, zoneOf } = this.#deps;
    const [lost, others] = [true, false].map((isLost) =>
      cluster.ids.filter((node) => (zoneOf(node) === zone) === isLost),
    );
    if (lost === undefined || others === undefined || lost.length === 0) skipped.add(kind);
    else if (how === "links") this.#cut("zoneCut", forMs, between(lost, [...others, ...clients], false));
    else if (lost.filter((node) => this.#crash(node, forMs)).length > 0) counters.add("zoneDown");
    else skipped.add(kind);
  }

  #slowClients({ every, pauseMs, forMs }: StepOf<"slowClients">): void {
    const { clients, counters, network } = this.#deps;
    const slow = clients.filter((_, index) => index % every === 0);
    counters.add("slowClients");
    this.#later(forMs, network.slowReaders(slow, pauseMs * US_PER_MS));
  }

  /** First answers begin to be late, then the node is cut off but for them, and stays so for a while after they have come. */
  #lateAnswers(node: NodeId, forMs: number): void {
    const { cluster, counters, network } = this.#deps;
    const others = cluster.ids.filter((other) => other !== node);
    const voters = cluster.votersOf(node).filter((voter) => voter !== node);
    const late = voters.slice(0, Math.ceil(voters.length / 2));
    const silent = others.filter((other) => !late.includes(other));
    counters.add("lateAnswers");
    for (const from of late) network.clog([{ from, to: node }], (ANSWERS_BEFORE_CUT_MS + forMs) * US_PER_MS);
    this.#later(ANSWERS_BEFORE_CUT_MS, () => {
      const cut = [...between([node], others, true), ...between(silent, [node], true)];
      this.#later(forMs + CUT_AFTER_ANSWERS_MS, network.block(cut));
    });
  }

  #crash(node: NodeId, restartAfterMs: number): boolean {
    const { counters, cluster } = this.#deps;
    if (!cluster.crash(node)) return false;
    counters.add("crash");
    this.#later(restartAfterMs, () => {
      counters.add("restart");
      cluster.start(node);
    });
    return true;
  }

  #upgrade(node: NodeId, restartAfterMs: number): boolean {
    const { counters, cluster } = this.#deps;
    const isNew = cluster.upgrade(node);
    if (isNew) counters.add("upgrade");
    this.#crash(node, restartAfterMs);
    return isNew;
  }

  #pause(node: NodeId, forMs: number): boolean {
    const { counters, cluster } = this.#deps;
    if (!cluster.pause(node)) return false;
    counters.add("pause");
    this.#later(forMs, () => cluster.resume(node));
    return true;
  }

  #slowDisk(node: NodeId, factor: number, forMs: number): void {
    const { counters, cluster } = this.#deps;
    counters.add("slowDisk");
    cluster.setDiskSlowness(node, factor);
    this.#later(forMs, () => cluster.setDiskSlowness(node, 1));
  }

  #fullDisk(node: NodeId, forMs: number): void {
    const { counters, cluster } = this.#deps;
    counters.add("fullDisk");
    cluster.setDiskFull(node, true);
    this.#later(forMs, () => cluster.setDiskFull(node, false));
  }

  #hangDisk(node: NodeId, forMs: number): void {
    const { counters, cluster } = this.#deps;
    counters.add("hungDisk");
    cluster.hangDisk(node, forMs);
  }

  #fullStore(node: NodeId, forMs: number): void {
    const { cluster } = this.#deps;
    cluster.setStoreFull(node, true);
    this.#later(forMs, () => cluster.setStoreFull(node, false));
  }

  #hangStore(node: NodeId, forMs: number): void {
    const { counters, cluster } = this.#deps;
    counters.add("hungStore");
    cluster.hangStore(node, forMs);
  }

  /** What cannot be read once is not lost; what never can is spared where the others have no copy. */
  #readError(node: NodeId, { lasting, restartAfterMs }: StepOf<"readError">): boolean {
    const { counters, cluster } = this.#deps;
    const isDone = (!lasting || cluster.canSpare(node)) && cluster.spoilLog(node, lasting, restartAfterMs);
    if (isDone) counters.add("readError");
    return isDone;
  }

  /** Who cannot read pages gives them up, so they are spared where the others have no copy. */
  #storeReadError(node: NodeId, { part, lasting, forMs }: StepOf<"storeReadError">): boolean {
    const { counters, cluster } = this.#deps;
    const maySpoil = part === "records" || cluster.canSpare(node);
    const isDone = maySpoil && cluster.failStoreReads(node, part, lasting);
    if (!isDone) return false;
    counters.add("storeReadError");
    this.#later(forMs, () => cluster.healStoreReads(node));
    return true;
  }

  /** What others have no copy of is never damaged. */
  #damageLog(node: NodeId, how: LogDamage, restartAfterMs: number): boolean {
    const { counters, cluster } = this.#deps;
    if (!cluster.canSpare(node)) return false;
    this.#crash(node, restartAfterMs);
    const isDamaged = cluster.damageLog(node, how);
    if (!isDamaged) return false;
    counters.add("damagedLog");
    counters.add(DAMAGED[how]);
    return true;
  }

  #rot(name: Fault, step: Targeted, rot: (node: NodeId) => boolean): void {
    const { counters, cluster } = this.#deps;
    this.#withTarget(step, (node) => {
      const isRotten = cluster.canSpare(node) && rot(node);
      if (isRotten) counters.add(name);
      return isRotten;
    });
  }

  #acquirerDown(forMs: number): void {
    const { counters, outside } = this.#deps;
    counters.add("acquirerDown");
    outside.isDown = true;
    this.#later(forMs, () => {
      outside.isDown = false;
    });
  }

  #slowTimers(node: NodeId, factor: number, forMs: number): void {
    const { counters, cluster } = this.#deps;
    counters.add("slowTimers");
    cluster.setTimerSlowness(node, factor);
    this.#later(forMs, () => cluster.setTimerSlowness(node, 1));
  }
}

/** The links from each group to those behind it, and back unless `oneWay`. */
function apart(groups: Groups, oneWay: boolean): Link[] {
  return groups.flatMap((group, index) => between(group, groups.slice(index + 1).flat(), oneWay));
}

/** The links from each of these to each of those, and back unless `oneWay`. */
function between(these: readonly number[], those: readonly number[], oneWay: boolean): Link[] {
  const links = these.flatMap((from) => those.map((to) => ({ from, to })));
  return oneWay ? links : [...links, ...links.map(({ from, to }) => ({ from: to, to: from }))];
}
