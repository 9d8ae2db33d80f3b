/**
 * The trace for programs: everything that happens in a run as records with numbers that stay the same from run to run.
 * Recording looks and never touches: a recorded run has the trace hash of one that nobody watches.
 */
import type { Configuration } from "../node/base/configuration.ts";
import type { NodeId } from "../node/base/ids.ts";
import { decodeRaftMessage, RaftCodecError } from "../node/replica/raft-codec.ts";
import { decodeClientFrame, decodeNodeFrame } from "../node/wire/client-frames.ts";
import { WireError } from "../node/wire/msgpack.ts";
import { LANES } from "../node/wire/peer-frames.ts";
import type { Failure } from "./check/verdict.ts";
import type { ClusterObserver, Inspected } from "./cluster.ts";
import type { FaultStep } from "./fault/plan.ts";
import type { Scheduler } from "./scheduler.ts";
import type { EventKind, EventListener } from "./trace.ts";
import type { Outcome, UnavoidableHalt, UnavoidableLoss } from "./unavoidable.ts";
import type { Link } from "./virtual-network.ts";

/** Why a frame did not arrive. */
export const LOSS_REASONS = ["blocked", "dropped", "down", "stranger", "closed"] as const;
type LossReason = (typeof LOSS_REASONS)[number];

/** How a node stands, as far as consensus goes. */
export interface NodeStand {
  readonly role: "follower" | "preCandidate" | "candidate" | "leader";
  readonly term: number;
  /** Index of the last entry that the node knows to be committed. */
  readonly commit: number;
  /** Index of the last entry in its log. */
  readonly last: number;
  /** Height of its state. */
  readonly applied: number;
  /** Who takes part, as far as it knows: voters, behind `>` where they are about to take over, and behind `+` learners. */
  readonly members: string;
}

/** What happened, by the name under which it stands in the file. */
export type Happening =
  /** An event of the run, by its number: what reached the node. */
  | { readonly what: "step"; readonly step: number; readonly kind: EventKind }
  | { readonly what: "send"; readonly frame: number; readonly to: number; readonly message: string }
  | { readonly what: "arrive"; readonly frame: number; readonly from: number; readonly message: string }
  | {
      readonly what: "lost";
      readonly frame: number;
      readonly to: number;
      readonly message: string;
      readonly why: LossReason;
    }
  | ({ readonly what: "stand" } & NodeStand)
  | { readonly what: "start" | "crash" | "pause" | "resume" }
  | { readonly what: "log"; readonly text: string }
  | { readonly what: "fault"; readonly fault: FaultStep }
  /** One direction of some links is cut, or is open again as far as this fault goes. */
  | { readonly what: "cut" | "heal"; readonly links: readonly (readonly [number, number])[] }
  /** Faults are over. */
  | { readonly what: "quiet" }
  | ({ readonly what: "failed" } & Failure)
  | ({ readonly what: "unavoidableLoss" } & UnavoidableLoss)
  | ({ readonly what: "unavoidableHalt" } & UnavoidableHalt)
  | { readonly what: "end"; readonly traceHash: string };

/** One line of a trace file. */
export type TraceRecord = {
  /** Number of the record, from 1. */
  readonly id: number;
  /** Virtual microseconds. */
  readonly us: number;
  /** 0 for the world; clients have numbers above 100. */
  readonly node: number;
} & Happening;

export type RecordListener = (record: TraceRecord) => void;

/** What becomes of a frame that was sent. */
export interface FrameFate {
  arrived(): void;
  lost(why: LossReason): void;
}

/** What the network tells. */
export interface NetworkRecorder {
  sent(from: number, to: number, frame: Uint8Array): FrameFate;
  cut(links: readonly Link[]): void;
  healed(links: readonly Link[]): void;
  quiet(): void;
}

/** Clients have addresses from here on. */
const FIRST_CLIENT = 101;
const LIVES = ["start", "crash", "pause", "resume"] as const;
const LANE_NAMES: ReadonlyMap<number, string> = new Map(Object.entries(LANES).map(([name, lane]) => [lane, name]));

export class Recorder implements NetworkRecorder {
  readonly #scheduler: Scheduler;
  readonly #listener: RecordListener;
  readonly #stands = new Map<NodeId, NodeStand>();
  #records = 0;
  #frames = 0;

  constructor(scheduler: Scheduler, listener: RecordListener) {
    this.#scheduler = scheduler;
    this.#listener = listener;
  }

  readonly event: EventListener = (step, node, kind) => this.#tell(node, { what: "step", step, kind });

  /** A line of a node's log, or what is done to it. */
  readonly write = (node: NodeId, text: string): void => {
    if (node === 0) return; // faults come as such
    const life = LIVES.find((name) => name === text);
    if (life === undefined) this.#tell(node, { what: "log", text });
    else {
      if (life === "crash") this.#stands.delete(node);
      this.#tell(node, { what: life });
    }
  };

  fault(fault: FaultStep): void {
    this.#tell(0, { what: "fault", fault });
  }

  cut(links: readonly Link[]): void {
    this.#tell(0, { what: "cut", links: links.map(pair) });
  }

  healed(links: readonly Link[]): void {
    this.#tell(0, { what: "heal", links: links.map(pair) });
  }

  quiet(): void {
    this.#tell(0, { what: "quiet" });
  }

  sent(from: number, to: number, encoded: Uint8Array): FrameFate {
    this.#frames += 1;
    const frame = this.#frames;
    const message = describe(from, to, encoded);
    this.#tell(from, { what: "send", frame, to, message });
    return {
      arrived: () => this.#tell(to, { what: "arrive", frame, from, message }),
      lost: (why) => this.#tell(from, { what: "lost", frame, to, message, why }),
    };
  }

  ended({ failed, unavoidableLoss, unavoidableHalt }: Outcome, traceHash: string): void {
    if (failed !== undefined) this.#tell(0, { what: "failed", ...failed });
    if (unavoidableLoss !== undefined) this.#tell(0, { what: "unavoidableLoss", ...unavoidableLoss });
    if (unavoidableHalt !== undefined) this.#tell(0, { what: "unavoidableHalt", ...unavoidableHalt });
    this.#tell(0, { what: "end", traceHash });
  }

  /** The same observer, with a look at each node after each of its steps. */
  watching(observer: ClusterObserver): ClusterObserver {
    const look = (node: NodeId, inspected: Inspected): void => this.#look(node, inspected);
    return {
      createLedger: (node) => observer.createLedger(node),
      started: (node, inspected) => {
        look(node, inspected);
        observer.started(node, inspected);
      },
      stepped: (node, inspected) => {
        look(node, inspected);
        observer.stepped(node, inspected);
      },
      sent: (node, to, frame) => observer.sent(node, to, frame),
      applied: (node, applied, state) => observer.applied(node, applied, state),
      absent: (node, how) => observer.absent(node, how),
      broken: (node, reason) => observer.broken(node, reason),
    };
  }

  #look(node: NodeId, { raft, state }: Inspected): void {
    const { role, term, commit, lastIndex, configuration } = raft;
    const members = membersText(configuration);
    const stand = { role, term, commit, last: lastIndex, applied: state.height, members };
    const known = this.#stands.get(node);
    if (known !== undefined && sameStand(known, stand)) return;
    this.#stands.set(node, stand);
    this.#tell(node, { what: "stand", ...stand });
  }

  #tell(node: number, happening: Happening): void {
    this.#records += 1;
    this.#listener({ id: this.#records, us: this.#scheduler.nowUs, node, ...happening });
  }
}

const STANDS = ["role", "term", "commit", "last", "applied", "members"] as const;

function sameStand(a: NodeStand, b: NodeStand): boolean {
  return STANDS.every((name) => a[name] === b[name]);
}

function membersText({ voters, outgoing, learners }: Configuration): string {
  const before = outgoing.length === 0 ? "" : `${outgoing.join(" ")} > `;
  const behind = learners.length === 0 ? "" : ` + ${learners.join(" ")}`;
  return `${before}${voters.join(" ")}${behind}`;
}

function pair({ from, to }: Link): readonly [number, number] {
  return [from, to];
}

/** What a frame says, in a few words. */
function describe(from: number, to: number, frame: Uint8Array): string {
  if (from >= FIRST_CLIENT) return clientFrame(frame);
  if (to >= FIRST_CLIENT) return inWords(decodeNodeFrame(frame));
  const lane = frame[0] ?? 0;
  if (lane !== LANES.raft) return LANE_NAMES.get(lane) ?? `lane ${lane}`;
  return ifAny(() => {
    const { from: _from, to: _to, ...message } = decodeRaftMessage(frame.subarray(1));
    return inWords(message);
  });
}

function clientFrame(frame: Uint8Array): string {
  return ifAny(() => inWords(decodeClientFrame(frame)));
}

/** What somebody says who has no business there need not be a frame. */
function ifAny(words: () => string): string {
  try {
    return words();
  } catch (error) {
    if (error instanceof WireError || error instanceof RaftCodecError) return "no frame";
    throw error;
  }
}

/** The type, and the fields that are short. */
function inWords({ type, ...fields }: { readonly type: string }): string {
  const told = Object.entries(fields as Readonly<Record<string, unknown>>).flatMap(([name, value]) => {
    if (Array.isArray(value)) return [`${name}=${value.length}`];
    const isShort = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
    return isShort ? [`${name}=${value}`] : [];
  });
  return [type, ...told].join(" ");
}
