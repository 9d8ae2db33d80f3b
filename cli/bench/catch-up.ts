/**
 * How long an empty node takes to come as far as the others, which go on working: each round enters a new learner into a
 * cluster of our own, waits until it stands where the leader stood when it started, and takes it out again.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { CodedError } from "../../node/base/errors.ts";
import { freePorts } from "../free-ports.ts";
import { requireLeader } from "../hand-over.ts";
import { clusterStatus, waitReady } from "../node-status.ts";
import type { LocalCluster } from "../processes.ts";
import type { OutageOptions } from "./outages.ts";
import { median } from "./percentiles.ts";
import { SteadyLoad } from "./steady-load.ts";

/** In which is counted how much the cluster commits when nobody catches up. */
const STEADY_MS = 3_000;
const POLL_MS = 50;
const TIMEOUT_MS = 600_000;

export interface CatchUpFigures {
  /** From starting the empty node's process until it has applied all that was committed then: the middle, and the longest. */
  readonly seconds: number;
  readonly secondsMax: number;
  /** Of what the node has on its disk then. */
  readonly megabytesPerSecond: number;
  /** Answers a second meanwhile, as a part of those before: the middle, and the least. */
  readonly commitRateKept: number;
  readonly commitRateKeptMin: number;
  readonly acknowledged: number;
  readonly lost: number;
}

/** A round: seconds, bytes and the part of the rate that was kept. */
interface Round {
  readonly seconds: number;
  readonly bytes: number;
  readonly kept: number;
}

/** `stored`: transfers that the cluster holds already, with the ids from 1 on. */
export async function measureCatchUp(
  local: LocalCluster,
  { rounds, seed, onRound }: OutageOptions,
  stored: number,
): Promise<CatchUpFigures> {
  await waitReady(local.cluster, local.admin, TIMEOUT_MS);
  const load = await SteadyLoad.start(local, seed, stored + 1);
  const measured: Round[] = [];
  const before = Math.max(...local.nodeIds);
  try {
    for (let number = 1; number <= rounds; number++) {
      const { seconds, bytes, kept } = await joinAndLeave(local, load, before + number);
      measured.push({ seconds, bytes, kept });
      const rate = `${tenths(bytes / seconds / 1e6)} MB a second, ${Math.round(kept * 100)} % of the commits kept`;
      onRound(`round ${number} of ${rounds}: an empty node came as far in ${tenths(seconds)} s, ${rate}`);
    }
    await load.rest();
    const lost = await load.countLost();
    if (lost > 0) throw new CodedError("bench_wrong_result", `${lost} acknowledged transfers are not there`);
    return { ...figuresOf(measured), acknowledged: load.acknowledged.length, lost };
  } finally {
    load.close();
  }
}

function figuresOf(measured: readonly Round[]): Omit<CatchUpFigures, "acknowledged" | "lost"> {
  const seconds = measured.map((round) => round.seconds);
  const kept = measured.map((round) => round.kept);
  return {
    ...{ seconds: tenths(median(seconds)), secondsMax: tenths(Math.max(...seconds)) },
    megabytesPerSecond: tenths(median(measured.map((round) => round.bytes / round.seconds / 1e6))),
    ...{ commitRateKept: hundredths(median(kept)), commitRateKeptMin: hundredths(Math.min(...kept)) },
  };
}

/** `id`: what the new node gets, for none is used twice. */
async function joinAndLeave(local: LocalCluster, load: SteadyLoad, id: number): Promise<Round> {
  const directory = join(local.directory, `node-${id}`);
  const [port = 0] = await freePorts(1);
  await sleep(STEADY_MS);
  const before = load.answersSince(performance.now() - STEADY_MS) / STEADY_MS;
  await local.run(["member", "add", "--learner", "--dir", directory, "--port", `${port}`]);
  const { height } = requireLeader(await clusterStatus(local.cluster, local.admin));
  const startedAt = performance.now();
  local.startNode(id);
  await reached(local, id, height);
  const tookMs = performance.now() - startedAt;
  const kept = load.answersSince(startedAt) / tookMs / before;
  const bytes = bytesIn(join(directory, "data"));
  await local.run(["member", "remove", `${id}`]);
  await local.stopNode(id);
  return { seconds: tookMs / 1_000, bytes, kept };
}

/** Resolves when a node has applied so much; asks nobody else, who has other work to do. */
async function reached(local: LocalCluster, id: number, height: number): Promise<void> {
  const nodes = local.cluster.nodes.filter((node) => node.id === id);
  for (const startedAt = performance.now(); ; await sleep(POLL_MS)) {
    const [status] = await clusterStatus({ ...local.cluster, nodes }, local.admin);
    if (status?.reachable && status.height >= height) return;
    if (performance.now() - startedAt > TIMEOUT_MS)
      throw new CodedError("bench_wrong_result", `node ${id} did not catch up in ${TIMEOUT_MS / 1_000} s`);
  }
}

function bytesIn(directory: string): number {
  const names = readdirSync(directory, { recursive: true, encoding: "utf8" });
  // Files of the log are as large as they will be; blocks are what is on the disk.
  return names.reduce((sum, name) => sum + statSync(join(directory, name)).blocks * 512, 0);
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100;
}
