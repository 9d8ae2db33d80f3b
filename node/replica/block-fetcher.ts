/**
 * Fetches blocks that are known by their hashes, from one peer after the other, backwards: the hash of the last is known,
 * and each block says the hash of the one before it. So it does not matter who gives them, nor what is committed.
 */
import type { WalRecord } from "../../storage/wal/log-store.ts";
import { equalBytes } from "../base/bytes.ts";
import type { NodeId } from "../base/ids.ts";
import type { Sha256 } from "../base/ports/crypto.ts";
import { type Block, decodeBlock } from "../wire/block.ts";
import { WireError } from "../wire/msgpack.ts";
import type { RepairFrame } from "./repair-frames.ts";

/** After this another peer is asked. */
const SILENCE_MS = 1_000;

/** The next block that is wanted; those before it are wanted down to a height. */
export interface Wanted {
  readonly height: number;
  readonly hash: Uint8Array;
  readonly downTo: number;
}

export interface BlockFetcherDeps {
  readonly sha256: Sha256;
  readonly clusterId: Uint8Array;
  /** Whom to ask. */
  readonly peers: () => readonly NodeId[];
  /** The number of the next question: no other has it. */
  readonly nextQuestion: () => number;
  readonly send: (to: NodeId, frame: RepairFrame) => void;
}

export class BlockFetcher {
  readonly #deps: BlockFetcherDeps;
  #wanted: Wanted | undefined;
  #asked: NodeId = 0;
  #question = 0;
  #askedAtMs = 0;
  /** Peers whose last word it is that they do not have what is wanted. */
  readonly #lacking = new Set<NodeId>();

  constructor(deps: BlockFetcherDeps) {
    this.#deps = deps;
  }

  get wanted(): Wanted | undefined {
    return this.#wanted;
  }

  /** Whether no peer has what is wanted. */
  get isNowhere(): boolean {
    return this.#wanted !== undefined && this.#deps.peers().every((peer) => this.#lacking.has(peer));
  }

  /** Begins to fetch, in place of what was being fetched; undefined: nothing. */
  want(wanted: Wanted | undefined, nowMs: number): void {
    this.#wanted = wanted;
    this.#lacking.clear();
    if (wanted !== undefined) this.#ask(nowMs, this.#asked);
  }

  /** Takes an answer: the blocks in it that are what was wanted, from the highest to the lowest. More is asked for with `want`. */
  receive(
    from: NodeId,
    { question, blocks }: Extract<RepairFrame, { readonly type: "blocks" }>,
    nowMs: number,
  ): WalRecord[] {
    if (this.#wanted === undefined || from !== this.#asked || question !== this.#question) return [];
    const taken: WalRecord[] = [];
    let { height, hash, downTo } = this.#wanted;
    for (const bytes of blocks) {
      const block = this.#decoded(bytes);
      const fits = block?.header.height === height && equalBytes(block.hash, hash) && height >= downTo;
      if (block === undefined || !fits || !equalBytes(block.header.clusterId, this.#deps.clusterId)) break;
      const { term, previousHash } = block.header;
      taken.push({ index: height, term, previousHash, hash: block.hash, payload: bytes.slice() });
      height -= 1;
      hash = previousHash;
    }
    if (taken.length === 0) {
      this.#lacking.add(from);
      if (!this.isNowhere) this.#ask(nowMs);
    }
    return taken;
  }

  tick(nowMs: number): void {
    if (this.#wanted !== undefined && nowMs - this.#askedAtMs >= SILENCE_MS) this.#ask(nowMs);
  }

  /** Asks `first`, where that may have it, or else the next peer that may; where none may, one after the other again. */
  #ask(nowMs: number, first?: NodeId): void {
    const { peers, send, nextQuestion } = this.#deps;
    const all = peers();
    const candidates = this.isNowhere ? all : all.filter((peer) => !this.#lacking.has(peer));
    const next = candidates.find((peer) => peer > this.#asked) ?? candidates[0];
    const peer = first !== undefined && candidates.includes(first) ? first : next;
    this.#askedAtMs = nowMs;
    if (peer === undefined || this.#wanted === undefined) return;
    this.#asked = peer;
    this.#question = nextQuestion();
    const { height: to, downTo: from } = this.#wanted;
    send(peer, { type: "want", question: this.#question, to, from });
  }

  #decoded(bytes: Uint8Array): Block | undefined {
    try {
      return decodeBlock(this.#deps.sha256, bytes);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return undefined;
    }
  }
}
