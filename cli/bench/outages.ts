/**
 * What clients see when nodes go: a leader killed, a leader stopped as an operator stops it, a node started again. Rounds
 * on one cluster of our own; each begins when all nodes follow one leader.
 */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { CodedError } from "../../node/base/errors.ts";
import { ask } from "../../node/client/ask.ts";
import { ClientError, isRetriable } from "../../node/client/errors.ts";
import { QuorateClient } from "../../node/client/index.ts";
import { requireLeader } from "../hand-over.ts";
import { clusterStatus, type NodeStatus, waitReady } from "../node-status.ts";
import type { LocalCluster } from "../processes.ts";
import { longestGap } from "./gaps.ts";
import { median } from "./percentiles.ts";
import { SteadyLoad } from "./steady-load.ts";

/** Before each round, and after what happened in it: long enough to see how even the answers come. */
const STEADY_MS = 1_000;
const RETRY_MS = 10;
const START_TIMEOUT_MS = 120_000;

export interface OutageOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly onRound: (text: string) => void;
}

export interface FailoverFigures {
  /** From the SIGKILL to the first answer of the next leader, at any client: the middle of the rounds, and the longest. */
  readonly medianMs: number;
  readonly maxMs: number;
  /** The same until every client has got one. */
  readonly everyClientMedianMs: number;
  readonly everyClientMaxMs: number;
  readonly acknowledged: number;
  /** Acknowledged transfers that were not there at the end. */
  readonly lost: number;
}

/** Kills the leader under load, round after round, and starts it again before the next. */
export async function measureFailover(local: LocalCluster, options: OutageOptions): Promise<FailoverFigures> {
  const firsts: number[] = [];
  const lasts: number[] = [];
  const checked = await underLoad(local, options, async (load, leader) => {
    const later = ({ term }: { readonly term: number }): boolean => term > leader.term;
    const answers = [load.next(later), load.nextOfEach(later)] as const;
    const killedAt = performance.now();
    const [first, last] = await Promise.all([...answers, local.killNode(leader.id)]);
    firsts.push(first.atMs - killedAt);
    lasts.push(last.atMs - killedAt);
    local.startNode(leader.id);
    return `node ${leader.id} killed; the first answer came after ${whole(firsts)} ms, every client had one after ${whole(lasts)} ms`;
  });
  return {
    ...{ medianMs: round(median(firsts)), maxMs: round(Math.max(...firsts)) },
    ...{ everyClientMedianMs: round(median(lasts)), everyClientMaxMs: round(Math.max(...lasts)) },
    ...checked,
  };
}

export interface HandOverFigures {
  /** The longest time that any client went without an answer while the leader stopped: the middle of the rounds. */
  readonly longestGapMs: number;
  readonly longestGapMaxMs: number;
  /** The same in the second before, when nothing happened. */
  readonly steadyGapMs: number;
  readonly acknowledged: number;
  readonly lost: number;
}

/** Stops the leader with SIGTERM under load, round after round, and starts it again before the next. */
export async function measureHandOver(local: LocalCluster, options: OutageOptions): Promise<HandOverFigures> {
  const gaps: number[] = [];
  const steady: number[] = [];
  const checked = await underLoad(local, options, async (load, leader) => {
    const answers = load.nextOfEach(({ term }) => term > leader.term);
    const stoppedAt = performance.now();
    await Promise.all([answers, local.stopNode(leader.id)]);
    await sleep(STEADY_MS);
    const times = load.timesByClient(stoppedAt - 2 * STEADY_MS);
    const longest = (fromMs: number, toMs: number): number =>
      Math.max(...times.map((each) => longestGap(each, { fromMs, toMs })));
    gaps.push(longest(stoppedAt, performance.now()));
    steady.push(longest(stoppedAt - STEADY_MS, stoppedAt));
    local.startNode(leader.id);
    return `node ${leader.id} stopped; the longest gap of a client was ${whole(gaps)} ms, before that ${whole(steady)} ms`;
  });
  return {
    ...{ longestGapMs: round(median(gaps)), longestGapMaxMs: round(Math.max(...gaps)) },
    ...{ steadyGapMs: round(median(steady)) },
    ...checked,
  };
}

/** Runs rounds under a steady load, and looks up at the end everything that was acknowledged. */
async function underLoad(
  local: LocalCluster,
  { rounds, seed, onRound }: OutageOptions,
  act: (load: SteadyLoad, leader: NodeStatus) => Promise<string>,
): Promise<{ readonly acknowledged: number; readonly lost: number }> {
  await waitReady(local.cluster, local.admin, START_TIMEOUT_MS);
  const load = await SteadyLoad.start(local, seed);
  try {
    for (let number = 1; number <= rounds; number++) {
      const leader = requireLeader(await clusterStatus(local.cluster, local.admin));
      await sleep(2 * STEADY_MS); // the first of them for what asking has cost this process
      onRound(`round ${number} of ${rounds}: ${await act(load, leader)}`);
      await waitReady(local.cluster, local.admin, START_TIMEOUT_MS);
    }
    await load.rest();
    const lost = await load.countLost();
    if (lost === 0) return { acknowledged: load.acknowledged.length, lost };
    throw new CodedError("bench_wrong_result", `${lost} acknowledged transfers are not there`);
  } finally {
    load.close();
  }
}

export interface RestartFigures {
  /** From starting the process to its first linearizable answer, after SIGTERM and after SIGKILL: middles of the rounds. */
  readonly cleanMs: number;
  readonly cleanMaxMs: number;
  readonly crashMs: number;
  readonly crashMaxMs: number;
}

/** Stops a follower and starts it again, and kills it and starts it again, round after round. */
export async function measureRestart(local: LocalCluster, options: OutageOptions): Promise<RestartFigures> {
  const clean: number[] = [];
  const crash: number[] = [];
  for (let number = 1; number <= options.rounds; number++) {
    const id = await aFollower(local);
    await local.stopNode(id);
    clean.push(await startedIn(local, id));
    await local.killNode(id);
    crash.push(await startedIn(local, id));
    const took = `served ${whole(clean)} ms after a clean stop, ${whole(crash)} ms after SIGKILL`;
    options.onRound(`round ${number} of ${options.rounds}: node ${id} ${took}`);
    await waitReady(local.cluster, local.admin, START_TIMEOUT_MS);
  }
  return {
    ...{ cleanMs: round(median(clean)), cleanMaxMs: round(Math.max(...clean)) },
    ...{ crashMs: round(median(crash)), crashMaxMs: round(Math.max(...crash)) },
  };
}

/** A node that does not lead; the only one, where there is no other. */
async function aFollower(local: LocalCluster): Promise<number> {
  const { id: leader } = requireLeader(await clusterStatus(local.cluster, local.admin));
  return local.nodeIds.find((id) => id !== leader) ?? leader;
}

/** Starts a node; milliseconds until it has answered, itself, a question that sees everything acknowledged before. */
async function startedIn(local: LocalCluster, id: number): Promise<number> {
  const startedAt = performance.now();
  local.startNode(id);
  const nodes = local.cluster.nodes.filter((node) => node.id === id);
  const options = { cluster: { ...local.cluster, nodes }, signer: local.admin, deadlineMs: START_TIMEOUT_MS };
  for (;;) {
    try {
      const client = await QuorateClient.openReader(options);
      try {
        await ask(client, { type: "accounts", ids: [1n] });
        return performance.now() - startedAt;
      } finally {
        client.close();
      }
    } catch (error) {
      const passing = error instanceof ClientError && isRetriable(error.code);
      if (!passing || performance.now() - startedAt > START_TIMEOUT_MS) throw error;
      await sleep(RETRY_MS);
    }
  }
}

function whole(figures: readonly number[]): number {
  return Math.round(figures.at(-1) ?? 0);
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
