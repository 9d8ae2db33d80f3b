/** The cluster under test: one that the benchmark has started, or one that is there already. */
import { type ClusterFile, type KeyPair, QuorateClient } from "../../node/client/index.ts";
import { clusterStatus, type NodeStatus, waitReady } from "../node-status.ts";
import { type ProcessUsage, processUsage } from "./process-usage.ts";

const DEADLINE_MS = 120_000;

export interface TargetOptions {
  readonly cluster: ClusterFile;
  readonly admin: KeyPair;
  /** Processes to watch by name: those of a cluster of our own. */
  readonly processes: ReadonlyMap<string, number>;
}

/** What all watched processes and nodes had used at one moment. */
export interface Reading {
  readonly usage: ReadonlyMap<string, ProcessUsage>;
  readonly syncs: number;
}

export class Target {
  readonly cluster: ClusterFile;
  readonly admin: KeyPair;
  readonly #processes: ReadonlyMap<string, number>;
  readonly #leader: number;

  private constructor({ cluster, admin, processes }: TargetOptions, leader: number) {
    this.cluster = cluster;
    this.admin = admin;
    this.#processes = processes;
    this.#leader = leader;
  }

  /** Waits until the cluster has a leader that all follow. */
  static async open(options: TargetOptions): Promise<Target> {
    await waitReady(options.cluster, options.admin);
    const [first] = await clusterStatus(options.cluster, options.admin);
    return new Target(options, first?.leader ?? 0);
  }

  /** A session of the admin: the first with the leader, the others with the nodes behind it in turn. */
  async connect(index: number): Promise<QuorateClient> {
    const { nodes } = this.cluster;
    const leaderAt = nodes.findIndex(({ id }) => id === this.#leader);
    const firstNode = nodes[(leaderAt + index) % nodes.length]?.id ?? this.#leader;
    return await QuorateClient.open({ cluster: this.cluster, signer: this.admin, firstNode, deadlineMs: DEADLINE_MS });
  }

  async nodes(): Promise<readonly NodeStatus[]> {
    return await clusterStatus(this.cluster, this.admin);
  }

  async read(): Promise<Reading> {
    const usage = new Map([...this.#processes].map(([name, pid]) => [name, processUsage(pid)]));
    const nodes = await this.nodes();
    const logs = nodes.map(({ sections }) => sections["log"] as { readonly syncs?: number } | undefined);
    return { usage, syncs: logs.reduce((sum, log) => sum + (log?.syncs ?? 0), 0) };
  }
}
