/**
 * Killing the leader under load, and timing how long the cluster took to get over it: from the SIGKILL to the first
 * payment that a leader of a later term has put into a block.
 */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { Outcome } from "../../node/client/index.ts";
import { decodeBlockHeader } from "../../node/wire/block.ts";
import { clusterStatus } from "../node-status.ts";
import type { LocalCluster } from "../processes.ts";

const DOWN_MS = 2_000;
const POLL_MS = 50;

export interface FailoverReport {
  readonly killed: number;
  readonly term: number;
  readonly newTerm: number;
  readonly failoverMs: number;
}

export class Failover {
  readonly #local: LocalCluster;
  #killed: { readonly node: number; readonly term: number; readonly atMs: number } | undefined;
  #newTerm = 0;
  #recoveredMs: number | undefined;
  #restarted: Promise<void> | undefined;

  constructor(local: LocalCluster) {
    this.#local = local;
  }

  /** Kills the leader with SIGKILL and starts it again a little later; goes on in the background. */
  begin(): void {
    this.#restarted ??= this.#killAndRestart();
  }

  /** Looks at the receipt of an answer. */
  see({ receipt }: Outcome): void {
    if (this.#killed === undefined || this.#recoveredMs !== undefined) return;
    const { term } = decodeBlockHeader(receipt.blockHeader);
    if (term <= this.#killed.term) return;
    this.#newTerm = term;
    this.#recoveredMs = performance.now() - this.#killed.atMs;
  }

  /** Resolves when the killed node runs again; undefined where no leader was killed or none has followed. */
  async done(): Promise<FailoverReport | undefined> {
    await this.#restarted;
    if (this.#killed === undefined || this.#recoveredMs === undefined) return undefined;
    const { node, term } = this.#killed;
    return { killed: node, term, newTerm: this.#newTerm, failoverMs: Math.round(this.#recoveredMs) };
  }

  async #killAndRestart(): Promise<void> {
    const { cluster, admin } = this.#local;
    for (;;) {
      const leader = (await clusterStatus(cluster, admin)).find(({ role }) => role === "leader");
      if (leader !== undefined) {
        this.#killed = { node: leader.id, term: leader.term, atMs: performance.now() };
        await this.#local.killNode(leader.id);
        await sleep(DOWN_MS);
        this.#local.startNode(leader.id);
        return;
      }
      await sleep(POLL_MS);
    }
  }
}
