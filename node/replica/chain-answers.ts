/**
 * Questions about the node and its log: how it is, its blocks, proofs about its history, what it signs of its state, and
 * the pages of its checkpoints. Blocks, pages, and what the actors say of themselves, are for those who may see everything;
 * proofs say nothing but hashes and are for all.
 */
import type { LogStore } from "../../storage/wal/log-store.ts";
import type { NodeId } from "../base/ids.ts";
import { APPEND_BYTES_MAX } from "../base/limits.ts";
import type { Crypto } from "../base/ports/crypto.ts";
import type { CheckpointBoard } from "../messages/checkpoints.ts";
import type { StatusBoard } from "../messages/status.ts";
import type { Reader } from "../state/answers.ts";
import {
  type ChainQuery,
  type HandOverQuery,
  type QueryAnswer,
  QueryRefusal,
  type ScrubQuery,
  type StatusSection,
} from "../state/queries.ts";
import type { StateMachine } from "../state/state-machine.ts";
import { attestation, encodeCheckpoint, type SignedCheckpoint } from "../wire/attestation.ts";
import { consistencyProof, inclusionProof, type RangeRoot } from "../wire/history.ts";
import type { GivenStates } from "./given-states.ts";

export interface ChainAnswersDeps {
  readonly state: StateMachine;
  readonly log: Pick<LogStore, "firstIndex" | "read" | "hash">;
  readonly crypto: Crypto;
  readonly clusterId: Uint8Array;
  readonly checkpoints: CheckpointBoard;
  readonly node: NodeId;
  readonly status: StatusBoard;
  readonly givenStates: GivenStates;
}

/** What everybody may know of a node. */
const STATUS_FOR_ALL: Readonly<Record<string, readonly string[]>> = {
  consensus: ["role", "term", "leader", "voters", "outgoing", "learners"],
  ledger: ["height", "timestamp", "digest"],
};

export class ChainAnswers {
  readonly #deps: ChainAnswersDeps;

  constructor(deps: ChainAnswersDeps) {
    this.#deps = deps;
  }

  /** Answers a question; throws `QueryRefusal`. */
  answer(query: Exclude<ChainQuery, HandOverQuery | ScrubQuery>, reader: Reader, nowMs: number): QueryAnswer {
    const { state, checkpoints, givenStates } = this.#deps;
    const at = { height: state.height, timestamp: state.timestamp.toString() };
    switch (query.type) {
      case "status":
        return { ...at, type: query.type, node: this.#deps.node, sections: this.#sections(reader) };
      case "blocks":
        mustSeeAll(reader, "blocks");
        return { ...at, type: query.type, blocks: this.#blocks(query.from) };
      case "signedState":
        mustSeeAll(reader, "checkpoints");
        return { ...at, ...givenStates.offer(nowMs) };
      case "statePage":
        mustSeeAll(reader, "checkpoints");
        return { ...at, ...givenStates.page(query, nowMs) };
      case "checkpoint": {
        const { agreed } = checkpoints;
        const quorum = agreed === undefined ? null : encodeCheckpoint(agreed);
        return { ...at, type: query.type, own: encodeCheckpoint(this.#own()), agreed: quorum };
      }
      case "inclusion": {
        const { height, size } = query;
        if (height < 1 || height > size) throw outOfRange(`block ${height} is not among the first ${size}`);
        return { ...at, type: query.type, path: inclusionProof(this.#upTo(size), height - 1, size) };
      }
      case "consistency": {
        const { earlier, size } = query;
        if (earlier < 1 || earlier > size) throw outOfRange(`no log of ${size} blocks extends one of ${earlier}`);
        return { ...at, type: query.type, path: consistencyProof(this.#upTo(size), earlier, size) };
      }
    }
  }

  #sections(reader: Reader): Readonly<Record<string, StatusSection>> {
    const sections = this.#deps.status.read();
    if (reader.seesAll) return sections;
    return Object.fromEntries(
      Object.entries(STATUS_FOR_ALL).map(([section, names]) => {
        const fields = Object.entries(sections[section] ?? {});
        return [section, Object.fromEntries(fields.filter(([name]) => names.includes(name)))];
      }),
    );
  }

  #blocks(from: number): readonly Uint8Array[] {
    const { log, state } = this.#deps;
    if (from < 1) throw outOfRange("the first block is number 1");
    if (from > state.height) return [];
    if (from < log.firstIndex()) throw compacted(from);
    return log.read(from, state.height + 1, APPEND_BYTES_MAX).map(({ payload }) => payload);
  }

  /** What this node vouches for now, alone. */
  #own(): SignedCheckpoint {
    const { state, crypto, clusterId } = this.#deps;
    const attested = state.attested();
    const signature = crypto.sign(attestation(crypto.sha256.bind(crypto), clusterId, attested));
    return { ...attested, signatures: [{ nodeKey: crypto.publicKey, signature }] };
  }

  #upTo(size: number): RangeRoot {
    const { log, state } = this.#deps;
    if (size > state.height) throw outOfRange(`this node has ${state.height} blocks, not ${size}`);
    const hashAt = (height: number): Uint8Array => {
      const hash = log.hash(height);
      if (hash === undefined) throw compacted(height);
      return hash;
    };
    return (from, to) => state.history.rangeRoot(hashAt, from, to);
  }
}

function mustSeeAll({ seesAll }: Reader, what: string): void {
  if (!seesAll) throw new QueryRefusal("not_authorized", `${what} are for auditors, operators and admins`);
}

function compacted(height: number): QueryRefusal {
  return new QueryRefusal("block_compacted", `block ${height} is not in this node's log any more`);
}

function outOfRange(reason: string): QueryRefusal {
  return new QueryRefusal("out_of_range", reason);
}
