/**
 * Asks all peers about the checkpoint of a height, again and again those whose answer may become another one, and keeps
 * what they have said. Links are authenticated, so nobody answers for somebody else.
 */
import type { LogIndex, NodeId } from "../base/ids.ts";
import type { CatchUpFrame } from "./catch-up-frames.ts";
import type { Standing } from "./standing.ts";
import type { Said } from "./vouchers.ts";

export interface InquiryDeps {
  readonly peers: () => readonly NodeId[];
  readonly send: (to: NodeId, frame: CatchUpFrame) => void;
  /** After this somebody is asked again. */
  readonly resendMs: number;
  /** Who has not answered so many questions in a row is silent: time alone would tell of a pause of this node, too. */
  readonly questions: number;
}

/** A peer that was asked. */
interface Asked {
  atMs: number;
  /** Since it was heard last. */
  questions: number;
}

export class Inquiry {
  readonly #deps: InquiryDeps;
  readonly #answers = new Map<NodeId, Standing>();
  readonly #asked = new Map<NodeId, Asked>();
  #height: LogIndex = 0;

  constructor(deps: InquiryDeps) {
    this.#deps = deps;
  }

  /** About this height from now on. What is known of it stays known. */
  about(height: LogIndex, nowMs: number): void {
    if (height !== this.#height) this.#answers.clear();
    this.#height = height;
    this.#asked.clear();
    this.ask(nowMs);
  }

  /** What was said is not to count any more. */
  forget(): void {
    this.#answers.clear();
  }

  /** Asks whoever is to be asked now. */
  ask(nowMs: number): void {
    const { peers, send, resendMs } = this.#deps;
    for (const peer of peers()) {
      const { atMs, questions } = this.#asked.get(peer) ?? { atMs: Number.NEGATIVE_INFINITY, questions: 0 };
      if (isFinal(this.#answers.get(peer)) || nowMs - atMs < resendMs) continue;
      this.#asked.set(peer, { atMs: nowMs, questions: questions + 1 });
      send(peer, { type: "vouch", height: this.#height });
    }
  }

  heard(from: NodeId, { height, standing }: Extract<CatchUpFrame, { readonly type: "vouched" }>): void {
    const asked = this.#asked.get(from);
    if (asked === undefined || height !== this.#height || isFinal(this.#answers.get(from))) return;
    this.#answers.set(from, standing);
    asked.questions = 0;
  }

  /** By every peer, as it stands now. */
  said(): ReadonlyMap<NodeId, Said> {
    return new Map(this.#deps.peers().map((peer) => [peer, this.#saidBy(peer)]));
  }

  #saidBy(peer: NodeId): Said {
    const answer = this.#answers.get(peer);
    const isSilent = (this.#asked.get(peer)?.questions ?? 0) > this.#deps.questions;
    return isSilent && !isFinal(answer) ? "silent" : (answer ?? "unheard");
  }
}

/** Pages at a height do not change, and nobody goes back. */
function isFinal(standing: Standing | undefined): boolean {
  return standing instanceof Uint8Array || standing === "passed";
}
