/**
 * The plan of faults of a run: timed steps, drawn once from the seed and then plain data, so that a plan can be printed,
 * kept, and made smaller. Every step says how long it lasts, so each can be left out without the others. Steps that name
 * a role ("the leader") are resolved when their time comes.
 */
import type { Random } from "../../node/base/ports/random.ts";
import { between, chance, exponential, pick, shuffled } from "../draw.ts";
import type { FaultKind, FaultOptions } from "../options.ts";
import { STORE_PARTS, type StorePart } from "../virtual-disk.ts";
import { drawDestruction } from "./destruction.ts";
import type { LogDamage } from "./disk-damage.ts";

/** Moments in a node's life at which a crash is most likely to hurt. */
const DRAWN_MOMENTS = ["voted", "elected", "appended", "committed"] as const;
export const CRASH_MOMENTS: readonly [...typeof DRAWN_MOMENTS, "reconfigured"] = [...DRAWN_MOMENTS, "reconfigured"];
export type CrashMoment = (typeof CRASH_MOMENTS)[number];

/** How many times slower a starved machine's timers run at most. */
export const TIMERS_SLOWER_MAX = 10;

/** How often whoever leads after a hand-over is cut off, and when: it has been heard by then, and may have a lease. */
const NEXT_CUT_OFF_PERMILLE = 800;
const [NEXT_LEADS_MIN_MS, NEXT_LEADS_MAX_MS] = [300, 1_000] as const;
/** How late answers are: about as long as an election takes. */
const [ANSWERS_LATE_MIN_MS, ANSWERS_LATE_MAX_MS] = [100, 600] as const;

/** How long links that flap are down, and up, at most, as a part of the time that faults last; and how often all of a side. */
const FLAP_PART = 8;
const FLAP_MIN_MS = 5;
const FLAP_GROUPS_PERMILLE = 500;

export const ZONE_LOSSES = ["power", "links"] as const;

const SLOW_CLIENTS_EVERY_MAX = 4;
const READ_PAUSES_MS = [5, 50, 500] as const;

/** How often a partition has more than two sides where there are nodes enough, and how often some nodes are on none. */
const MANY_SIDES_PERMILLE = 300;
const PARTIAL_PERMILLE = 250;

/** Faults that need more than one node. */
const NODES_MIN: Partial<Record<FaultKind, number>> = {
  ...{ partition: 2, asymmetricPartition: 2, bridge: 3, flap: 2, clog: 2, isolateLeader: 2, sickLeader: 2 },
  ...{ handOver: 2, lateAnswers: 2 },
};

/** How often nobody is left with an old program. */
const ALL_UPGRADED_PERMILLE = 650;

/** Whom a step is about: a node, or whoever leads then (the newest term counts). */
export type Target = number | "leader";

/** Two groups of nodes or more. */
export type Groups = readonly (readonly number[])[];

export type FaultStep =
  /**
   * Nodes of different groups do not hear each other; with `oneWay` each group is heard by those before it, and by none behind
   * it. Nodes in no group hear all, and all hear them.
   */
  | {
      readonly kind: "partition";
      readonly groups: Groups;
      readonly oneWay: boolean;
      readonly forMs: number;
    }
  /** All groups hear the bridge, but not each other. */
  | {
      readonly kind: "bridge";
      readonly bridge: number;
      readonly groups: Groups;
      readonly forMs: number;
    }
  /** Cut off from its peers; its clients still reach it. */
  | {
      readonly kind: "isolate";
      readonly target: Target;
      readonly direction: "both" | "in" | "out";
      readonly forMs: number;
    }
  /**
   * What some say to a node, as many as make a quorum with it, is late by so much; the others say nothing to it, and nobody
   * hears it. A leader is deposed, and hears of that only after it has heard how it was answered long before.
   */
  | { readonly kind: "lateAnswers"; readonly target: Target; readonly forMs: number }
  /** The links between groups go down and up again and again. */
  | {
      readonly kind: "flap";
      readonly groups: Groups;
      readonly downMs: number;
      readonly upMs: number;
      readonly forMs: number;
    }
  /** All nodes of a zone are without power, or hear nobody outside of it, neither nodes nor clients. */
  | {
      readonly kind: "zoneLoss";
      readonly zone: number;
      readonly how: (typeof ZONE_LOSSES)[number];
      readonly forMs: number;
    }
  /** What is sent on this link waits, and comes all at once in the end. */
  | { readonly kind: "clog"; readonly from: number; readonly to: number; readonly forMs: number }
  | { readonly kind: "isolateClients"; readonly target: Target; readonly forMs: number }
  /** Every so many-th client reads what nodes tell it one by one, with this pause after each. */
  | {
      readonly kind: "slowClients";
      readonly every: number;
      readonly pauseMs: number;
      readonly forMs: number;
    }
  | { readonly kind: "crash"; readonly target: Target; readonly restartAfterMs: number }
  | { readonly kind: "crashAll"; readonly restartAfterMs: number }
  /** The next node to which the moment happens crashes a little later, or all nodes do. */
  | {
      readonly kind: "crashWhen";
      readonly moment: CrashMoment;
      readonly delayUs: number;
      readonly all: boolean;
      readonly restartAfterMs: number;
    }
  | { readonly kind: "pause"; readonly target: Target; readonly forMs: number }
  | { readonly kind: "slowDisk"; readonly target: Target; readonly factor: number; readonly forMs: number }
  | { readonly kind: "fullDisk"; readonly target: Target; readonly forMs: number }
  /** Nothing that is asked of the disk is done before the time is over. */
  | { readonly kind: "hangDisk"; readonly target: Target; readonly forMs: number }
  /** The power fails, and when the node starts again its log is not what it had written. */
  | { readonly kind: "damageLog"; readonly target: Target; readonly how: LogDamage; readonly restartAfterMs: number }
  /** A place of the log cannot be read, once, or until its file is written anew. */
  | {
      readonly kind: "readError";
      readonly target: Target;
      readonly lasting: boolean;
      readonly restartAfterMs: number;
    }
  /**
   * A part of the store cannot be read: what is read next of it, or all of it until the time is over. Whoever starts on it
   * must stop, but for pages, and starts again; one that runs mends what it can.
   */
  | {
      readonly kind: "storeReadError";
      readonly target: Target;
      readonly part: StorePart;
      readonly lasting: boolean;
      readonly forMs: number;
    }
  /** No write of the store succeeds: the node must stop itself, and starts again when there is space. */
  | { readonly kind: "fullStore"; readonly target: Target; readonly forMs: number }
  /** Nothing that is asked of the store is done before the time is over; the log goes on. */
  | { readonly kind: "hangStore"; readonly target: Target; readonly forMs: number }
  /** A bit turns over in an old file of the log, or in a page of the checkpoint; the node runs on, if it runs. */
  | { readonly kind: "rotLog" | "rotPage"; readonly target: Target }
  /** A node is gone for good with its disk. Drawn only where the last copy may be given up. */
  | { readonly kind: "loseDisk"; readonly target: Target }
  /** A starved machine: its timers, and so its elections and heartbeats, are late. */
  | { readonly kind: "slowTimers"; readonly target: Target; readonly factor: number; readonly forMs: number }
  /** The next operation of this kind fails; the node must stop itself, and is started again. */
  | {
      readonly kind: "diskError";
      readonly target: Target;
      readonly operation: "write" | "sync";
      readonly restartAfterMs: number;
    }
  /** A node is stopped, and starts again with the newest program. */
  | { readonly kind: "upgrade"; readonly target: Target; readonly restartAfterMs: number }
  /** The leader is told to hand over, as when an operator stops it. */
  | { readonly kind: "handOver" }
  | { readonly kind: "clockJump"; readonly target: Target; readonly byMs: number }
  /** The card network answers nobody. Not drawn: a run's options say how well it works. */
  | { readonly kind: "acquirerDown"; readonly forMs: number };

export type StepKind = FaultStep["kind"];

export interface TimedFault {
  readonly atMs: number;
  readonly step: FaultStep;
}

/** What a plan is drawn for. */
export interface PlanOptions {
  readonly nodes: number;
  readonly zones: number;
  readonly durationMs: number;
  readonly faults: FaultOptions;
  /** So many nodes, ids from 1, have an old program at first; none where it is not given. */
  readonly oldNodes?: number;
  readonly giveUpLastCopy?: boolean;
}

/** Draws the plan of a run: steps by time. */
export function drawPlan(random: Random, options: PlanOptions): readonly TimedFault[] {
  const drawn = [...drawFaults(random, options), ...drawUpgrades(random, options)];
  const plan = options.giveUpLastCopy === true ? [...drawn, ...drawDestruction(random, options)] : drawn;
  return plan.filter(({ atMs }) => atMs < options.durationMs).sort((a, b) => a.atMs - b.atMs);
}

function drawFaults(random: Random, options: PlanOptions): TimedFault[] {
  const { nodes, durationMs, faults } = options;
  const kinds = weighted(faults.weights).filter((kind) => nodes >= (NODES_MIN[kind] ?? 1));
  if (kinds.length === 0) return [];
  const plan: TimedFault[] = [];
  for (
    let atMs = exponential(random, faults.everyMs);
    atMs < durationMs;
    atMs += 1 + exponential(random, faults.everyMs)
  ) {
    const kind = pick(random, kinds);
    for (const step of drawSteps(random, options, kind)) plan.push({ atMs, step });
    if (kind === "handOver" && chance(random, NEXT_CUT_OFF_PERMILLE))
      plan.push(cutOffNext(random, atMs, faults.lastsMs));
  }
  return plan;
}

/** In most runs all are upgraded, in others some: then the cluster must stay where all can follow. */
function drawUpgrades(random: Random, { durationMs, faults, oldNodes = 0 }: PlanOptions): readonly TimedFault[] {
  if (oldNodes === 0) return [];
  const count = chance(random, ALL_UPGRADED_PERMILLE) ? oldNodes : random.below(oldNodes);
  return shuffledNodes(random, oldNodes)
    .slice(0, count)
    .map((target) => {
      const restartAfterMs = 1 + exponential(random, faults.restartAfterMs);
      return { atMs: random.below(durationMs), step: { kind: "upgrade", target, restartAfterMs } };
    });
}

/** One who would seldom win an election, for its clock is slow, leads after a hand-over: then it is cut off. */
function cutOffNext(random: Random, atMs: number, lastsMs: number): TimedFault {
  const forMs = 1 + exponential(random, lastsMs);
  return {
    atMs: atMs + between(random, NEXT_LEADS_MIN_MS, NEXT_LEADS_MAX_MS),
    step: { kind: "isolate", target: "leader", direction: "both", forMs },
  };
}

/** Each kind as often as it weighs. */
function weighted<Kind extends string>(weights: Readonly<Record<Kind, number>>): Kind[] {
  return (Object.entries(weights) as [Kind, number][]).flatMap(([kind, weight]) =>
    Array.from({ length: weight }, () => kind),
  );
}

function drawSteps(random: Random, { nodes, zones, faults }: PlanOptions, kind: FaultKind): readonly FaultStep[] {
  const node = between(random, 1, nodes);
  const target = pick(random, [node, "leader" as const]);
  const restartAfterMs = 1 + exponential(random, faults.restartAfterMs);
  const forMs = 1 + exponential(random, faults.lastsMs);
  if (isOfDisks(kind))
    return drawOfDisks(random, kind, { node, target, restartAfterMs, forMs, damages: faults.damages });
  switch (kind) {
    case "partition":
      return [{ kind: "partition", groups: drawGroups(random, nodes), oneWay: false, forMs }];
    case "asymmetricPartition":
      return [{ kind: "partition", groups: drawGroups(random, nodes), oneWay: true, forMs }];
    case "bridge":
      return [drawBridge(random, nodes, forMs)];
    case "isolateLeader":
      return [{ kind: "isolate", target: "leader", direction: pick(random, ["both", "both", "in", "out"]), forMs }];
    case "clog": {
      const [from = 1, to = 2] = shuffledNodes(random, nodes);
      return [{ kind: "clog", from, to, forMs }];
    }
    case "flap":
      return [drawFlap(random, nodes, faults.lastsMs)];
    case "zoneLoss":
      return [{ kind, zone: between(random, 1, zones), how: pick(random, ZONE_LOSSES), forMs }];
    case "slowClients": {
      const every = between(random, 1, SLOW_CLIENTS_EVERY_MAX);
      return [{ kind, every, pauseMs: pick(random, READ_PAUSES_MS), forMs }];
    }
    case "lateAnswers":
      return [{ kind, target: "leader", forMs: between(random, ANSWERS_LATE_MIN_MS, ANSWERS_LATE_MAX_MS) }];
    case "isolateClients":
      return [{ kind: "isolateClients", target, forMs }];
    case "crash":
      return [{ kind: "crash", target: node, restartAfterMs }];
    case "crashLeader":
      return [{ kind: "crash", target: "leader", restartAfterMs }];
    case "crashAll":
      return [{ kind: "crashAll", restartAfterMs }];
    case "crashWhen": {
      const [moment, all] = [pick(random, DRAWN_MOMENTS), between(random, 1, 3) === 1];
      return [{ kind: "crashWhen", moment, delayUs: exponential(random, 5_000), all, restartAfterMs }];
    }
    case "electionUnderFire":
      return drawElectionUnderFire(random, nodes, forMs);
    case "changeUnderFire":
      return drawChangeUnderFire(random);
    case "pause":
      return [{ kind: "pause", target, forMs }];
    case "slowTimers":
      return [{ kind: "slowTimers", target, factor: between(random, 2, TIMERS_SLOWER_MAX), forMs }];
    case "sickLeader": {
      const factor = between(random, 2, TIMERS_SLOWER_MAX);
      const slow = { kind: "slowTimers", target: "leader", factor, forMs } as const;
      return [slow, { kind: "isolate", target: "leader", direction: "both", forMs }];
    }
    case "handOver":
      return [{ kind: "handOver" }];
    case "clockJump":
      return [{ kind: "clockJump", target: node, byMs: between(random, -5_000, 5_000) }];
  }
}

export type DiskFaultKind =
  | ("slowDisk" | "fullDisk" | "hangDisk" | "fullStore" | "hangStore")
  | ("damageLog" | "rotLog" | "rotPage" | "readError" | "storeReadError" | "diskError");
const OF_DISKS: readonly DiskFaultKind[] = [
  ...(["slowDisk", "fullDisk", "hangDisk", "fullStore", "hangStore"] as const),
  ...(["damageLog", "rotLog", "rotPage", "readError", "storeReadError", "diskError"] as const),
];

/** Whether a fault, or a step, is of a node's disk or its store. */
export function isOfDisks<Kind extends string>(kind: Kind): kind is Kind & DiskFaultKind {
  return (OF_DISKS as readonly string[]).includes(kind);
}

interface Drawn {
  readonly node: number;
  readonly target: Target;
  readonly restartAfterMs: number;
  readonly forMs: number;
  readonly damages: FaultOptions["damages"];
}

function drawOfDisks(
  random: Random,
  kind: DiskFaultKind,
  { node, target, restartAfterMs, forMs, damages }: Drawn,
): readonly FaultStep[] {
  switch (kind) {
    case "slowDisk":
      return [{ kind, target, factor: between(random, 2, 50), forMs }];
    case "fullDisk":
    case "hangDisk":
    case "fullStore":
    case "hangStore":
      return [{ kind, target, forMs }];
    case "damageLog":
      return [{ kind, target, how: pick(random, weighted(damages)), restartAfterMs }];
    // Some of it is met when the node starts again, the rest while it runs.
    case "rotLog":
    case "rotPage":
      return [{ kind, target }, ...(between(random, 1, 3) > 1 ? [] : [crash(target, restartAfterMs)])];
    case "readError": {
      const lasting = pick(random, [true, false]);
      const again = between(random, 1, 3) > 1 ? [crash(target, restartAfterMs)] : [];
      return [{ kind, target, lasting, restartAfterMs }, ...again];
    }
    // Most of a store is read by a node that starts.
    case "storeReadError": {
      const [part, lasting] = [pick(random, STORE_PARTS), pick(random, [true, false])];
      const again = between(random, 1, 3) > 1 ? [crash(target, restartAfterMs)] : [];
      return [{ kind, target, part, lasting, forMs }, ...again];
    }
    case "diskError":
      return [{ kind, target: node, operation: pick(random, ["write", "sync"]), restartAfterMs }];
  }
}

function crash(target: Target, restartAfterMs: number): FaultStep {
  return { kind: "crash", target, restartAfterMs };
}

/**
 * The leader goes down, and some who vote for the next one or win crash right after and are back before the election is
 * over; sometimes while the candidates do not hear each other.
 */
function drawElectionUnderFire(random: Random, nodes: number, forMs: number): readonly FaultStep[] {
  const fire = Array.from({ length: between(random, 1, 4) }, (): FaultStep => {
    const moment = pick(random, ["voted", "voted", "elected"] as const);
    const delayUs = exponential(random, pick(random, [200, 2_000, 10_000]));
    return { kind: "crashWhen", moment, delayUs, all: false, restartAfterMs: between(random, 1, 10) };
  });
  const apart = pick(random, [true, false]) && nodes > 2 ? [drawBridge(random, nodes, forMs)] : [];
  return [...apart, ...fire, { kind: "crash", target: "leader", restartAfterMs: between(random, 1, 50) }];
}

/** Whoever has another configuration next crashes right after, leaders first: they have it before all others. */
function drawChangeUnderFire(random: Random): readonly FaultStep[] {
  return Array.from({ length: between(random, 1, 3) }, (): FaultStep => {
    const delayUs = exponential(random, pick(random, [200, 2_000, 10_000]));
    const restartAfterMs = between(random, 1, 500);
    return { kind: "crashWhen", moment: "reconfigured", delayUs, all: false, restartAfterMs };
  });
}

/** One link, or all that lie between sides. */
function drawFlap(random: Random, nodes: number, lastsMs: number): FaultStep {
  const isOfGroups = chance(random, FLAP_GROUPS_PERMILLE);
  const [one = 1, other = 2] = shuffledNodes(random, nodes);
  const groups = isOfGroups ? drawGroups(random, nodes) : [[one], [other]];
  const [downMs, upMs] = [drawFlapMs(random, lastsMs), drawFlapMs(random, lastsMs)];
  return { kind: "flap", groups, downMs, upMs, forMs: lastsMs + exponential(random, lastsMs) };
}

function drawFlapMs(random: Random, lastsMs: number): number {
  return between(random, FLAP_MIN_MS, Math.max(FLAP_MIN_MS, Math.ceil(lastsMs / FLAP_PART)));
}

/** Two groups, sometimes more, each with at least one node; mostly of all nodes. */
function drawGroups(random: Random, nodes: number): Groups {
  const order = shuffledNodes(random, nodes);
  const isPartial = nodes > 2 && chance(random, PARTIAL_PERMILLE);
  const grouped = isPartial ? between(random, 2, nodes - 1) : nodes;
  const sides = grouped > 2 && chance(random, MANY_SIDES_PERMILLE) ? between(random, 3, grouped) : 2;
  const cuts = shuffledNodes(random, grouped - 1).slice(0, sides - 1);
  const ends = [...cuts, grouped].sort((a, b) => a - b);
  return ends.map((end, index) => order.slice(ends[index - 1] ?? 0, end));
}

function drawBridge(random: Random, nodes: number, forMs: number): FaultStep {
  const [bridge = 1, ...others] = shuffledNodes(random, nodes);
  const cut = between(random, 1, others.length - 1);
  return { kind: "bridge", bridge, groups: [others.slice(0, cut), others.slice(cut)], forMs };
}

function shuffledNodes(random: Random, nodes: number): number[] {
  return shuffled(
    random,
    Array.from({ length: nodes }, (_, index) => index + 1),
  );
}
