/**
 * Which committed blocks no node has any more. A block that stands on one disk can come back; what stands on none is lost,
 * and nobody is to blame but who destroyed it. Where logs give up what lies before a checkpoint, a state that has executed
 * a block is as good as the block.
 */
import { toHex } from "../../node/base/bytes.ts";
import type { LogIndex } from "../../node/base/ids.ts";
import { blockHash } from "../../node/wire/block.ts";
import type { Holding } from "../holding.ts";
import { sha256 } from "../sha256.ts";
import type { CommittedChain } from "./committed-chain.ts";
import type { Moment } from "./verdict.ts";

export class LastCopies {
  readonly #chain: Pick<CommittedChain, "height" | "headerAt">;
  readonly #logsForget: boolean;
  readonly #now: () => Moment;
  /** Hashes of what is committed, by height, as far as they were asked for. */
  readonly #hashes: string[] = [];
  /** When each block that is lost was first seen to be. */
  readonly #lost = new Map<LogIndex, Moment>();

  constructor(chain: Pick<CommittedChain, "height" | "headerAt">, logsForget: boolean, now: () => Moment) {
    this.#chain = chain;
    this.#logsForget = logsForget;
    this.#now = now;
  }

  /** Looks at what all nodes have that are there; what was only thought to be lost is not any more. */
  look(holdings: readonly Holding[]): void {
    const executed = this.#executed(holdings);
    for (let height = 1; height <= this.#chain.height; height++) {
      const hash = this.#hashAt(height);
      const isKept = height <= executed || holdings.some(({ has }) => has(height, hash));
      if (isKept) this.#lost.delete(height);
      else if (!this.#lost.has(height)) this.#lost.set(height, this.#now());
    }
  }

  /** The blocks that are lost, by rising height. */
  get lost(): readonly LogIndex[] {
    return [...this.#lost.keys()].sort((a, b) => a - b);
  }

  /** When the first of them was lost. */
  get since(): Moment | undefined {
    return [...this.#lost.values()].reduce<Moment | undefined>(
      (first, moment) => (first === undefined || moment.step < first.step ? moment : first),
      undefined,
    );
  }

  /** Whether a log can have all its committed blocks back, from itself or from others. */
  canBeWhole({ has }: Holding): boolean {
    return this.lost.every((height) => has(height, this.#hashAt(height)));
  }

  /** Whether a node has all that is committed. */
  isWhole(holding: Holding): boolean {
    const executed = this.#executed([holding]);
    for (let height = executed + 1; height <= this.#chain.height; height++)
      if (!holding.has(height, this.#hashAt(height))) return false;
    return true;
  }

  /** Where logs forget, how far a state goes, which is as good as the blocks. */
  #executed(holdings: readonly Holding[]): LogIndex {
    return this.#logsForget ? Math.max(0, ...holdings.map(({ stateHeight }) => stateHeight)) : 0;
  }

  #hashAt(height: LogIndex): string {
    const header = this.#hashes[height] === undefined ? this.#chain.headerAt(height) : undefined;
    if (header !== undefined) this.#hashes[height] = toHex(blockHash(sha256, header));
    return this.#hashes[height] ?? "";
  }
}
