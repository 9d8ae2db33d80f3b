/**
 * The question where the log of a leader ends, put to all peers until one answers that leads a term which is not before this
 * node's own. An answer to a question that an earlier life has asked says nothing: numbers are not used again.
 */
import type { NodeId, Term } from "../base/ids.ts";
import type { LeaderEnd } from "./block-giver.ts";
import type { RepairFrame } from "./repair-frames.ts";

const ASK_MS = 500;
/** Who has said what cannot be is not listened to while others are asked so often. */
const HELD_BACK_QUESTIONS = 4;

export interface EndQuestionDeps {
  /** The newest term that this node may have acknowledged something in. */
  readonly term: Term;
  readonly peers: readonly NodeId[];
  /** Whether these could elect one of them. */
  readonly isQuorum: (holds: (node: NodeId) => boolean) => boolean;
  readonly nextQuestion: () => number;
  readonly send: (to: NodeId, frame: RepairFrame) => void;
  /** Hears of one who leads a term before this node's. */
  readonly isBehind: (leader: NodeId) => void;
}

export class EndQuestion {
  readonly #deps: EndQuestionDeps;
  #question = 0;
  #askedAtMs = 0;
  /** Peers that have lost the end of their own logs. */
  readonly #alsoLost = new Set<NodeId>();
  #asked = 0;
  /** Peers whose word is not taken, until so many questions were asked. */
  readonly #heldBack = new Map<NodeId, number>();

  constructor(deps: EndQuestionDeps) {
    this.#deps = deps;
  }

  /** Whether all peers have lost the end of theirs, so that none will ever lead. */
  get isHopeless(): boolean {
    return this.#deps.peers.every((peer) => this.#alsoLost.has(peer));
  }

  /** Whether the peers that have not said that they lost the end of theirs are too few to elect a leader. */
  get isLeaderless(): boolean {
    const { peers, isQuorum } = this.#deps;
    return !isQuorum((node) => peers.includes(node) && !this.#alsoLost.has(node));
  }

  /** What a peer has said of the end cannot be, or nobody has it: others are heard first. */
  holdBack(peer: NodeId): void {
    this.#heldBack.set(peer, this.#asked + HELD_BACK_QUESTIONS);
  }

  ask(nowMs: number): void {
    const { peers, nextQuestion, send } = this.#deps;
    this.#asked += 1;
    this.#askedAtMs = nowMs;
    this.#question = nextQuestion();
    for (const peer of peers) send(peer, { type: "wantEnd", question: this.#question });
  }

  tick(nowMs: number): void {
    if (nowMs - this.#askedAtMs >= ASK_MS) this.ask(nowMs);
  }

  /** What a peer says; the end, if it is the one to be believed. */
  receive(from: NodeId, frame: RepairFrame): LeaderEnd | undefined {
    if (frame.question !== this.#question) return undefined;
    if (frame.type === "noEnd" && frame.mending) this.#alsoLost.add(from);
    else this.#alsoLost.delete(from);
    const isHeldBack = (this.#heldBack.get(from) ?? 0) >= this.#asked;
    if (frame.type !== "end" || isHeldBack) return undefined;
    if (frame.term >= this.#deps.term) return frame;
    this.#deps.isBehind(from);
    return undefined;
  }
}
