/**
 * The history of the log as the state keeps it: the edge of the history tree over all block hashes, for the root that nodes
 * sign, and the root of every run of 256 blocks, so that a proof needs the hashes of at most two runs and none of the rest.
 */
import { assert } from "../base/assert.ts";
import { DirtyPages, type Paged } from "../base/paged.ts";
import type { Sha256 } from "../base/ports/crypto.ts";
import { HistoryFrontier, rangeRoot } from "../wire/history.ts";
import { leafHash, nodeHash } from "../wire/merkle.ts";
import { pack, unpack } from "../wire/msgpack.ts";
import { bytes, check, list, safeInteger, tuple } from "../wire/schema.ts";

/** A run is a subtree of this height. */
const RUN_LEVEL = 8;
const RUN_BLOCKS: number = 2 ** RUN_LEVEL;
const RUNS_PER_PAGE = 256;
/** Complete subtrees that the edge of a tree can have: one a bit of its size. */
const PEAKS_MAX = 53;

const edgeSchema = tuple(safeInteger, list(bytes(32), PEAKS_MAX));
const runsSchema = list(bytes(32), RUNS_PER_PAGE);

/** The hash of the block at a height; throws where the log does not reach back so far. */
export type BlockHashAt = (height: number) => Uint8Array;

export class History implements Paged {
  readonly name = "history";
  readonly #sha256: Sha256;
  readonly #edge: HistoryFrontier;
  /** Roots of complete subtrees of 256, 512, 1,024, ... blocks. */
  #levels: Uint8Array[][] = [[]];
  readonly #dirty = new DirtyPages();

  constructor(sha256: Sha256) {
    this.#sha256 = sha256;
    this.#edge = new HistoryFrontier(sha256);
  }

  /** Blocks so far. */
  get size(): number {
    return this.#edge.size;
  }

  /** Root over all blocks so far. */
  root(): Uint8Array {
    return this.#edge.root();
  }

  append(blockHash: Uint8Array): void {
    const run = this.#edge.append(blockHash)[RUN_LEVEL];
    if (run === undefined) return;
    this.#dirty.mark(1 + Math.floor(this.#runs.length / RUNS_PER_PAGE));
    this.#addRun(run);
  }

  /**
   * Root over the blocks from place `from` to `to` of the log (0 is the first block); `hashAt` is asked for the blocks of
   * runs that the range cuts, and what it throws comes through.
   */
  rangeRoot(hashAt: BlockHashAt, from: number, to: number): Uint8Array {
    const known = (start: number, end: number): Uint8Array | undefined => {
      if (end - start === 1) return leafHash(this.#sha256, hashAt(start + 1));
      return end - start < RUN_BLOCKS ? undefined : this.#subtree(start, end);
    };
    return rangeRoot(this.#sha256, known, from, to);
  }

  pageCount(): number {
    return 1 + Math.ceil(this.#runs.length / RUNS_PER_PAGE);
  }

  dirtyPages(): readonly number[] {
    return [0, ...this.#dirty.sorted()];
  }

  encodePage(page: number): Uint8Array {
    if (page === 0) return pack([this.#edge.size, this.#edge.peaks]);
    const from = (page - 1) * RUNS_PER_PAGE;
    return pack(this.#runs.slice(from, from + RUNS_PER_PAGE));
  }

  markClean(): void {
    this.#dirty.clear();
  }

  decodePage(page: number, encoded: Uint8Array): void {
    if (page === 0) {
      const [size, peaks] = check(edgeSchema, unpack(encoded), "malformed_body");
      this.#edge.restore(size, peaks);
      this.#levels = [[]];
      return;
    }
    for (const root of check(runsSchema, unpack(encoded), "malformed_body")) this.#addRun(root);
  }

  restored(): void {
    const runs = Math.floor(this.#edge.size / RUN_BLOCKS);
    assert(
      this.#runs.length === runs,
      `a history of ${this.#edge.size} blocks has ${runs} runs, not ${this.#runs.length}`,
    );
  }

  get #runs(): Uint8Array[] {
    return this.#levels[0] as Uint8Array[];
  }

  #addRun(root: Uint8Array): void {
    let hash = root;
    for (let level = 0; ; level++) {
      const row = this.#levels[level] ?? [];
      this.#levels[level] = row;
      row.push(hash);
      if (row.length % 2 === 1) return;
      hash = nodeHash(this.#sha256, row.at(-2) as Uint8Array, hash);
    }
  }

  /** The kept root of a complete subtree that begins and ends at its own multiples. */
  #subtree(from: number, to: number): Uint8Array | undefined {
    const level = this.#levels.findIndex((_, index) => RUN_BLOCKS * 2 ** index === to - from);
    return from % (to - from) === 0 ? this.#levels[level]?.[from / (to - from)] : undefined;
  }
}
