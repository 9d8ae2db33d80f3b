/**
 * Carries out a plan of faults. What cannot be done when its time comes (crash a node that is down) is left out; every
 * crash brings its restart with it, so that no plan ends the cluster for good.
 */
import type { NodeId } from "../../node/base/ids.ts";
import type { Cluster } from "../cluster.ts";
import type { Counters } from "../counts.ts";
import type { Scheduler } from "../scheduler.ts";
import type { TraceHash } from "../trace.ts";
import type { VirtualNetwork } from "../virtual-network.ts";
import type { CrashMoment, FaultStep, Target, TimedFault } from "./plan.ts";

export interface InjectorDeps {
  readonly scheduler: Scheduler;
  readonly trace: TraceHash;
  readonly counters: Counters;
  readonly cluster: Cluster;
  readonly network: VirtualNetwork;
  /** Addresses of all clients. */
  readonly clients: readonly number[];
  readonly log?: (node: NodeId, text: string) => void;
}

type ArmedCrash = Extract<FaultStep, { readonly kind: "crashWhen" }>;

export class Injector {
  readonly #deps: InjectorDeps;
  #armed: ArmedCrash[] = [];
  #over = false;

  constructor(deps: InjectorDeps, plan: readonly TimedFault[]) {
    this.#deps = deps;
    for (const { atMs, step } of plan) {
      deps.scheduler.after(atMs * 1000, () => {
        if (!this.#over) this.#do(step);
      });
    }
  }

  /** Something happened in a node at which a crash may have been planned. */
  moment(node: NodeId, moment: CrashMoment): void {
    const place = this.#armed.findIndex((armed) => armed.moment === moment);
    const armed = this.#armed[place];
    if (armed === undefined) return;
    this.#armed.splice(place, 1);
    this.#deps.scheduler.after(armed.delayUs, () => {
      if (!this.#over) this.#crash(node, armed.restartAfterMs);
    });
  }

  /** No more faults: all links open, all nodes up and running. */
  end(): void {
    const { network, cluster } = this.#deps;
    this.#over = true;
    this.#armed = [];
    network.heal();
    network.quieten();
    cluster.quieten();
    for (const node of cluster.ids) {
      cluster.resume(node);
      cluster.start(node);
    }
  }

  #do(step: FaultStep): void {
    const { scheduler, trace, counters, network, cluster, log } = this.#deps;
    trace.event(scheduler.nowUs, 0, "fault");
    log?.(0, JSON.stringify(step));
    switch (step.kind) {
      case "partition":
        this.#partition(step.groups, step.oneWay);
        break;
      case "isolate":
        this.#isolate(step.target, step.direction);
        break;
      case "isolateClients":
        this.#isolateClients(step.target);
        break;
      case "heal":
        network.heal();
        break;
      case "crash":
        this.#withTarget(step.target, (node) => this.#crash(node, step.restartAfterMs));
        break;
      case "crashAll":
        counters.add("crashAll");
        for (const node of cluster.ids) this.#crash(node, step.restartAfterMs);
        break;
      case "crashWhen":
        this.#armed.push(step);
        break;
      case "pause":
        this.#withTarget(step.target, (node) => this.#pause(node, step.forMs));
        break;
      case "slowDisk":
        this.#withTarget(step.target, (node) => this.#slowDisk(node, step.factor, step.forMs));
        break;
      case "diskError":
        this.#withTarget(step.target, (node) => cluster.failDisk(node, step.restartAfterMs));
        break;
      case "clockJump":
        this.#withTarget(step.target, (node) => {
          counters.add("clockJump");
          cluster.jumpClock(node, step.byMs);
        });
        break;
    }
  }

  #withTarget(target: Target, action: (node: NodeId) => void): void {
    const node = target === "leader" ? this.#deps.cluster.leader() : target;
    if (node !== undefined) action(node);
  }

  #partition(groups: readonly (readonly NodeId[])[], oneWay: boolean): void {
    this.#deps.counters.add(oneWay ? "asymmetricPartition" : "partition");
    const [some, others] = groups;
    for (const a of some ?? []) {
      for (const b of others ?? []) {
        this.#deps.network.block(a, b);
        if (!oneWay) this.#deps.network.block(b, a);
      }
    }
  }

  #isolate(target: Target, direction: "both" | "in" | "out"): void {
    this.#withTarget(target, (node) => {
      this.#deps.counters.add(direction === "both" ? "partition" : "asymmetricPartition");
      for (const other of this.#deps.cluster.ids) {
        if (other === node) continue;
        if (direction !== "in") this.#deps.network.block(node, other);
        if (direction !== "out") this.#deps.network.block(other, node);
      }
    });
  }

  #isolateClients(target: Target): void {
    this.#withTarget(target, (node) => {
      this.#deps.counters.add("clientPartition");
      for (const client of this.#deps.clients) {
        this.#deps.network.block(node, client);
        this.#deps.network.block(client, node);
      }
    });
  }

  #crash(node: NodeId, restartAfterMs: number): void {
    const { scheduler, counters, cluster } = this.#deps;
    if (!cluster.crash(node)) return;
    counters.add("crash");
    scheduler.after(restartAfterMs * 1000, () => {
      counters.add("restart");
      cluster.start(node);
    });
  }

  #pause(node: NodeId, forMs: number): void {
    const { scheduler, counters, cluster } = this.#deps;
    if (!cluster.pause(node)) return;
    counters.add("pause");
    scheduler.after(forMs * 1000, () => cluster.resume(node));
  }

  #slowDisk(node: NodeId, factor: number, forMs: number): void {
    const { scheduler, counters, cluster } = this.#deps;
    counters.add("slowDisk");
    cluster.setDiskSlowness(node, factor);
    scheduler.after(forMs * 1000, () => cluster.setDiskSlowness(node, 1));
  }
}
