/** One node of a cluster whose other nodes are not there: whatever is said in their names, somebody has made up. */
import { must } from "../../node/base/assert.ts";
import type { NodeId } from "../../node/base/ids.ts";
import { Prng } from "../../node/base/prng.ts";
import { Ledger } from "../../node/ledger/ledger.ts";
import type { Genesis } from "../../node/wire/genesis.ts";
import type { Signer } from "../../node/wire/transaction.ts";
import { CALM } from "../calm-options.ts";
import { Cluster, type ClusterObserver, type NodeStatus } from "../cluster.ts";
import { Counters } from "../counts.ts";
import { Scheduler } from "../scheduler.ts";
import { TraceHash } from "../trace.ts";
import type { KeyRing } from "../virtual-crypto.ts";
import { VirtualNetwork } from "../virtual-network.ts";
import { VirtualOutside } from "../virtual-outside.ts";
import { WatchedNode } from "./watched-node.test-support.ts";

export const LONE_NODE: NodeId = 1;
const US_PER_MS = 1_000;
const unheard = (): void => undefined;

export interface LoneNodeOptions {
  readonly seed: number;
  readonly ring: KeyRing;
  readonly nodeKeys: readonly Signer[];
  readonly genesis: Genesis;
}

export class LoneNode {
  readonly #scheduler = new Scheduler();
  readonly #cluster: Cluster;
  #life: WatchedNode | undefined;
  /** What was found wrong: the node has stopped, an actor was made anew, or something was taken back. */
  readonly faults: string[] = [];

  constructor({ seed, ring, nodeKeys, genesis }: LoneNodeOptions) {
    const scheduler = this.#scheduler;
    const random = new Prng(seed);
    const shared = { scheduler, trace: new TraceHash(), counters: new Counters() };
    const network = new VirtualNetwork({ ...shared, random: random.fork("network") }, CALM.peers);
    const outside = new VirtualOutside({ ...shared, random: random.fork("outside") }, CALM.outside);
    const said = (event: string, fields: object): void => {
      if (event === "actor.restarting") this.faults.push(JSON.stringify(fields));
    };
    this.#cluster = new Cluster(
      {
        ...{ ...shared, random, network, outside, keys: ring, reached: new Counters(), observer: this.#observer() },
        plant: (host, node) => {
          this.#life = new WatchedNode(host, node, { said });
          return this.#life.parts();
        },
      },
      CALM,
      genesis,
      nodeKeys,
    );
    this.#cluster.start(LONE_NODE);
  }

  get life(): WatchedNode {
    return must(this.#life, "it was started");
  }

  get status(): NodeStatus {
    return this.#cluster.status(LONE_NODE) ?? {};
  }

  hear(from: NodeId, frame: Uint8Array): void {
    this.life.hear(from, frame, true, (text) => this.faults.push(text));
  }

  /** All at once, before it does anything. */
  flood(from: NodeId, frames: number, frame: (count: number) => Uint8Array): void {
    for (let count = 0; count < frames; count++) this.life.deliver(from, frame(count));
  }

  /** It stands still, and then hears at once all that came meanwhile. */
  pause(): void {
    this.#cluster.pause(LONE_NODE);
  }

  resume(): void {
    this.#cluster.resume(LONE_NODE);
  }

  /** The power fails, and comes back. */
  restart(): void {
    this.#cluster.crash(LONE_NODE);
    this.#cluster.start(LONE_NODE);
  }

  passTime(ms: number): void {
    const untilUs = this.#scheduler.nowUs + ms * US_PER_MS;
    while (this.#scheduler.step(untilUs));
  }

  #observer(): ClusterObserver {
    const broken = (_: NodeId, reason: string): void => {
      this.faults.push(reason);
    };
    const rest = { started: unheard, stepped: unheard, sent: unheard, applied: unheard, absent: unheard };
    return { ...rest, broken, createLedger: () => new Ledger() };
  }
}
