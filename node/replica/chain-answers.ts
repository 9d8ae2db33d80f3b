/**
 * Questions about the log itself: its blocks, proofs about its history, and what this node signs of its state. Blocks are
 * for those who may see everything; proofs say nothing but hashes and are for all.
 */
import type { LogStore } from "../../storage/wal/log-store.ts";
import { CodedError } from "../base/errors.ts";
import { APPEND_BYTES_MAX } from "../base/limits.ts";
import type { Crypto } from "../base/ports/crypto.ts";
import type { CheckpointBoard } from "../messages/checkpoints.ts";
import type { Reader } from "../state/answers.ts";
import type { ChainQuery, QueryAnswer } from "../state/queries.ts";
import type { StateMachine } from "../state/state-machine.ts";
import { attestation, encodeCheckpoint, type SignedCheckpoint } from "../wire/attestation.ts";
import { consistencyProof, inclusionProof, type RangeRoot } from "../wire/history.ts";

/** Why a question about the log gets no answer. */
export class ChainRefusal extends CodedError<"not_authorized" | "out_of_range" | "block_compacted"> {}

export interface ChainAnswersDeps {
  readonly state: StateMachine;
  readonly log: Pick<LogStore, "read" | "hash">;
  readonly crypto: Crypto;
  readonly clusterId: Uint8Array;
  readonly checkpoints: CheckpointBoard;
}

export class ChainAnswers {
  readonly #deps: ChainAnswersDeps;

  constructor(deps: ChainAnswersDeps) {
    this.#deps = deps;
  }

  /** Answers a question; throws `ChainRefusal`. */
  answer(query: ChainQuery, reader: Reader): QueryAnswer {
    const { state, checkpoints } = this.#deps;
    const at = { height: state.height, timestamp: state.timestamp.toString() };
    switch (query.type) {
      case "blocks":
        if (!reader.seesAll) throw new ChainRefusal("not_authorized", "blocks are for auditors, operators and admins");
        return { ...at, type: query.type, blocks: this.#blocks(query.from) };
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

  #blocks(from: number): readonly Uint8Array[] {
    const { log, state } = this.#deps;
    if (from < 1) throw outOfRange("the first block is number 1");
    if (from > state.height) return [];
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
      if (hash === undefined)
        throw new ChainRefusal("block_compacted", `block ${height} is not in this node's log any more`);
      return hash;
    };
    return (from, to) => state.history.rangeRoot(hashAt, from, to);
  }
}

function outOfRange(reason: string): ChainRefusal {
  return new ChainRefusal("out_of_range", reason);
}
