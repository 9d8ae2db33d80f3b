/**
 * A node in whose name others hear more than it says: beside its true frames, which they go on hearing, there come frames that
 * were overheard anywhere in the cluster, and changed. After each it is looked at whether whoever heard it still holds what it
 * has promised.
 */
import { toHex } from "../../node/base/bytes.ts";
import type { NodeId } from "../../node/base/ids.ts";
import { Prng } from "../../node/base/prng.ts";
import type { NodeStatus, Plant } from "../cluster.ts";
import { chance } from "../draw.ts";
import { kindOf, laneOf, Overheard } from "./frame-kinds.test-support.ts";
import { type Judgement, Truths } from "./lies.test-support.ts";
import { mutated } from "./mutations.test-support.ts";
import { WatchedNode } from "./watched-node.test-support.ts";

/** A true frame that a node hears is followed by such a frame so often, and that one by another. */
const PERMILLE = 600;
/** By lane, where a node counts what it refuses. */
const COUNTERS: Readonly<Record<string, readonly [section: string, field: string]>> = {
  raft: ["consensus", "framesRefused"],
  gossip: ["gossip", "malformedFrames"],
  forward: ["gateway", "framesRefused"],
  catchUp: ["catchUp", "framesRefused"],
  repair: ["repair", "framesRefused"],
  "?": ["network", "framesRefused"],
};

export interface HostileOptions {
  readonly seed: number;
  /** In whose name frames are made. */
  readonly hostile: NodeId;
  /** For so long, by the clock of whoever hears them. */
  readonly untilMs: number;
  /** What is made and not given. */
  readonly leaveOut: readonly Judgement[];
}

export class HostilePeer {
  readonly #options: HostileOptions;
  readonly #random: Prng;
  readonly overheard: Overheard = new Overheard();
  readonly #truths = new Truths();
  readonly #lives = new Map<NodeId, WatchedNode>();
  /** Malformed frames that a node was given in its life, by lane. */
  readonly #malformed = new Map<WatchedNode, Map<string, number>>();
  /** What was found wrong. */
  readonly faults: string[] = [];
  /** Frames that were given, by kind. */
  readonly given = new Map<string, number>();

  constructor(options: HostileOptions) {
    this.#options = options;
    this.#random = new Prng(options.seed);
  }

  readonly plant: Plant = (host, node) => {
    const life = new WatchedNode(host, node, {
      heard: (from, frame) => this.#heard(life, from, frame),
      said: (event, fields) => {
        // An actor that is made anew has thrown, and forgotten what it knew.
        if (event === "actor.restarting") this.faults.push(`node ${node}: ${JSON.stringify(fields)}`);
      },
    });
    this.#lives.set(node, life);
    this.#malformed.set(life, new Map());
    return life.parts();
  };

  /** Lanes in which a node has counted fewer frames than it was given that are none. */
  uncounted(statuses: ReadonlyMap<NodeId, NodeStatus>): readonly string[] {
    return [...statuses].flatMap(([node, status]) => {
      const life = this.#lives.get(node);
      const given = life?.raft === undefined ? [] : [...(this.#malformed.get(life) ?? [])];
      return given.flatMap(([lane, count]) => {
        const [section = "", field = ""] = COUNTERS[lane] ?? [];
        const counted = Number(status[section]?.[field] ?? 0);
        return counted >= count ? [] : [`node ${node}: ${counted} of ${count} frames of ${lane}`];
      });
    });
  }

  #heard(life: WatchedNode, from: NodeId, frame: Uint8Array): void {
    const { hostile, untilMs } = this.#options;
    this.overheard.add(frame);
    this.#truths.add(from, life.node, frame);
    if (life.node === hostile || life.clock.monotonicMs() >= untilMs) return;
    while (chance(this.#random, PERMILLE)) life.clock.setTimer(0, () => this.#give(life));
  }

  #give(life: WatchedNode): void {
    const { hostile, leaveOut } = this.#options;
    const frame = mutated(this.#random, this.overheard, { from: hostile, to: life.node });
    const judgement = this.#truths.judge(hostile, life.node, frame);
    if (leaveOut.includes(judgement)) return;
    const kind = kindOf(frame);
    const isHeard = life.hear(hostile, frame, judgement !== "malformed", (text) => {
      this.faults.push(`node ${life.node} has heard ${kind}, ${judgement}, ${toHex(frame)}: ${text}`);
    });
    if (!isHeard) return;
    countOne(this.given, kind);
    if (judgement === "malformed") countOne(this.#malformed.get(life), laneOf(frame));
  }
}

function countOne(counts: Map<string, number> | undefined, name: string): void {
  counts?.set(name, (counts.get(name) ?? 0) + 1);
}
