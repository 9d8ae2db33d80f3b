/** Gives blocks of this node's log to peers that have lost theirs, and says where the log ends, if this node leads. */
import type { NodeId } from "../base/ids.ts";
import { ANSWER_BYTES_MAX, BLOCKS_IN_ANSWER_MAX, type RepairFrame } from "./repair-frames.ts";

/** Where the log of a leader ends. */
export interface LeaderEnd {
  readonly term: number;
  readonly index: number;
  readonly hash: Uint8Array;
}

export interface BlockGiverDeps {
  /** The encoded block at a height; undefined where it is not there or cannot be read. */
  readonly block: (height: number) => Uint8Array | undefined;
  /** What is told to those who ask where the log ends. */
  readonly end: () => LeaderEnd | "follows" | "mending";
  readonly send: (to: NodeId, frame: RepairFrame) => void;
}

export class BlockGiver {
  readonly #deps: BlockGiverDeps;
  /** Blocks that were given. */
  given = 0;

  constructor(deps: BlockGiverDeps) {
    this.#deps = deps;
  }

  answer(from: NodeId, frame: Extract<RepairFrame, { readonly type: "want" | "wantEnd" }>): void {
    const { question } = frame;
    if (frame.type === "want") this.#give(from, frame);
    else {
      const end = this.#deps.end();
      const known = typeof end === "object";
      const answer = known
        ? ({ type: "end", ...end } as const)
        : { type: "noEnd" as const, mending: end === "mending" };
      this.#deps.send(from, { ...answer, question });
    }
  }

  #give(asker: NodeId, { question, to, from }: Extract<RepairFrame, { readonly type: "want" }>): void {
    const blocks: Uint8Array[] = [];
    let bytes = 0;
    for (let height = to; height >= Math.max(from, 1) && blocks.length < BLOCKS_IN_ANSWER_MAX; height--) {
      const block = this.#deps.block(height);
      bytes += block?.length ?? 0;
      if (block === undefined || (blocks.length > 0 && bytes > ANSWER_BYTES_MAX)) break;
      blocks.push(block);
    }
    this.given += blocks.length;
    this.#deps.send(asker, { type: "blocks", question, to, blocks });
  }
}
