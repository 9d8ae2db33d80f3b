/**
 * Killing the leader under load, and timing how long the cluster took to get over it: from the SIGKILL to the first
 * payment that a leader of a later term has put into a block.
 */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { CodedError } from "../../node/base/errors.ts";
import type { Outcome } from "../../node/client/index.ts";
import { decodeBlockHeader } from "../../node/wire/block.ts";
import { clusterStatus } from "../node-status.ts";
import type { LocalCluster } from "../processes.ts";

const DOWN_MS = 2_000;
const POLL_MS = 50;
const LEADER_TIMEOUT_MS = 30_000;

export interface FailoverReport {
  readonly killed: number;
  readonly term: number;
  /** The first later term that put a payment into a block, and how long that took; absent where no payment followed. */
  readonly next: { readonly term: number; readonly failoverMs: number } | undefined;
}

export interface FailoverOptions {
  readonly local: LocalCluster;
  readonly onEvent: (text: string) => void;
  /** Aborted when the cluster is being stopped: then no node is started again. */
  readonly signal: AbortSignal;
}

interface Leader {
  readonly id: number;
  readonly term: number;
}

export class Failover {
  readonly #options: FailoverOptions;
  #killed: { readonly node: number; readonly term: number; readonly atMs: number } | undefined;
  #next: FailoverReport["next"];
  #restarted: Promise<void> | undefined;
  #leaderBefore: Leader | undefined;
  /** Of the newest answer. */
  #termSeen = 0;

  constructor(options: FailoverOptions) {
    this.#options = options;
  }

  /** Finds out who leads while there is time: under load the answer may come when all is over. */
  async prepare(): Promise<void> {
    this.#leaderBefore = await this.#leader();
  }

  /** Kills the leader with SIGKILL and starts it again a little later; goes on in the background. */
  begin(): void {
    if (this.#restarted !== undefined) return;
    this.#restarted = this.#killAndRestart();
    // Whoever waits in `done` hears of a failure; until then it must not count as unhandled.
    this.#restarted.catch(() => undefined);
  }

  /** Looks at the receipt of an answer. */
  see({ receipt }: Pick<Outcome, "receipt">): void {
    if (this.#next !== undefined) return;
    const { term } = decodeBlockHeader(receipt.blockHeader);
    this.#termSeen = term;
    if (this.#killed !== undefined && term > this.#killed.term) {
      this.#next = { term, failoverMs: Math.round(performance.now() - this.#killed.atMs) };
    }
  }

  /** Resolves when the killed node runs again; undefined where none was killed. Throws `CodedError` `not_ready`. */
  async done(): Promise<FailoverReport | undefined> {
    await this.#restarted;
    return this.#killed === undefined
      ? undefined
      : { killed: this.#killed.node, term: this.#killed.term, next: this.#next };
  }

  async #killAndRestart(): Promise<void> {
    const { local, onEvent, signal } = this.#options;
    const before = this.#leaderBefore;
    const leader = before?.term === this.#termSeen ? before : await this.#leader();
    this.#killed = { node: leader.id, term: leader.term, atMs: performance.now() };
    await local.killNode(leader.id);
    onEvent(`Node ${leader.id}, the leader, has been killed with SIGKILL ...`);
    await sleep(DOWN_MS, undefined, { signal });
    local.startNode(leader.id);
    onEvent(`Node ${leader.id} has been started again ...`);
  }

  async #leader(): Promise<Leader> {
    const { local, signal } = this.#options;
    const deadline = performance.now() + LEADER_TIMEOUT_MS;
    for (;;) {
      const leader = (await clusterStatus(local.cluster, local.admin)).find(({ role }) => role === "leader");
      if (leader !== undefined) return leader;
      if (performance.now() > deadline) throw new CodedError("not_ready", "there was no leader to kill");
      await sleep(POLL_MS, undefined, { signal });
    }
  }
}
