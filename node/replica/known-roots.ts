/**
 * What a node's pages were at heights where it can vouch for a peer's checkpoint: those of its own last checkpoints, and
 * heights that peers have asked about before its state had passed them.
 *
 * A peer may ask about anything as often as it likes. What it asks about takes the place of what it has asked about before
 * and of nothing else, and is reckoned so many times a second at most: neither is another's question forgotten for it, nor
 * has the node more work with it than that.
 */
import type { LogIndex, NodeId } from "../base/ids.ts";
import type { CheckpointBoard } from "../messages/checkpoints.ts";
import type { StateRoot } from "../wire/state-root.ts";

/** Checkpoints of its own: those of a minute where a thousand blocks come in a second. */
const OWN_KEPT = 64;
/** Heights that one peer has asked about. */
const ASKED_KEPT = 4;
/** Between two that are reckoned for one peer; it does not ask about another in less. */
const RECKON_PAUSE_MS = 200;

/** A peer that has asked. */
interface Asker {
  /** What it wants to know as soon as the state is there. */
  wanted: LogIndex | undefined;
  /** When something was reckoned for it last. */
  reckonedAtMs: number;
  /** What was, the newest last. */
  roots: readonly StateRoot[];
}

export class KnownRoots {
  readonly #board: Pick<CheckpointBoard, "roots">;
  #own: readonly StateRoot[] = [];
  readonly #askers = new Map<NodeId, Asker>();

  constructor(board: Pick<CheckpointBoard, "roots">) {
    this.#board = board;
  }

  /** Of a checkpoint that this node has taken. */
  own(at: StateRoot): void {
    this.#own = behind(this.#own, at, OWN_KEPT);
    this.#publish();
  }

  /** A peer wants to know what the pages are at a height. */
  asked(by: NodeId, height: LogIndex): void {
    const asker = this.#askers.get(by);
    if (asker !== undefined) asker.wanted = height;
    else this.#askers.set(by, { wanted: height, reckonedAtMs: Number.NEGATIVE_INFINITY, roots: [] });
  }

  /** The state stands there: where somebody wants to know it, and may have it now, that is reckoned. */
  reached(height: LogIndex, nowMs: number, reckon: () => StateRoot): void {
    const wanting: Asker[] = [];
    for (const asker of this.#askers.values()) {
      if (asker.wanted === undefined || asker.wanted > height) continue;
      if (asker.wanted === height) wanting.push(asker);
      asker.wanted = undefined;
    }
    if (wanting.length === 0) return;
    const known = this.#board.roots.find((at) => at.height === height);
    const due = wanting.filter(({ reckonedAtMs }) => nowMs - reckonedAtMs >= RECKON_PAUSE_MS);
    if (known === undefined && due.length === 0) return;
    const root = known ?? reckon();
    if (known === undefined) for (const asker of due) asker.reckonedAtMs = nowMs;
    for (const asker of wanting) asker.roots = behind(asker.roots, root, ASKED_KEPT);
    this.#publish();
  }

  /** What two have asked about stands there once. */
  #publish(): void {
    const all = [...this.#own, ...[...this.#askers.values()].flatMap(({ roots }) => roots)];
    const byHeight = new Map(all.map((at) => [at.height, at]));
    this.#board.roots = [...byHeight.values()].sort((a, b) => a.height - b.height);
  }
}

/** With one more, of which the last few stay. */
function behind(roots: readonly StateRoot[], at: StateRoot, kept: number): readonly StateRoot[] {
  return [...roots.filter(({ height }) => height !== at.height), at].slice(-kept);
}
