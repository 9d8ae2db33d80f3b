/**
 * What a frame says that whoever hears it has to believe. Raft is not Byzantine: one that lies about such things may have
 * honest nodes disagree (consensus/README.md, "A peer that lies"). So a run that wants to see them agree leaves such frames
 * out, and looks at all others.
 */
import { CodedError } from "../../node/base/errors.ts";
import type { NodeId } from "../../node/base/ids.ts";
import { decodeForwardFrame } from "../../node/gateway/forward-frames.ts";
import { decodeGossip } from "../../node/gossip/frames.ts";
import { decodeCatchUp } from "../../node/replica/catch-up-frames.ts";
import { decodeRaftMessage } from "../../node/replica/raft-codec.ts";
import { decodeRepair } from "../../node/replica/repair-frames.ts";
import { admit } from "../../node/state/admit.ts";
import { LANES } from "../../node/wire/peer-frames.ts";

export type Judgement =
  /** No correct node sends such bytes: they change nothing, and are counted. */
  | "malformed"
  /** Even if it is a lie, nothing goes wrong that outlasts it. */
  | "harmless"
  /** A promise, or the word of one who claims to lead. */
  | "trusted"
  /** A transaction that nobody has signed: peers are taken at their word that it is. */
  | "unsigned"
  /** That its state is another: a node stops over that where faults keep a quorum from contradicting it in time. */
  | "otherState";

/** What is known to be true. */
export class Truths {
  /** Frames as they were sent, by sender and receiver. */
  readonly #sent = new Set<string>();
  readonly #transactions = new Set<string>();
  readonly #digests = new Set<string>();

  add(from: NodeId, to: NodeId, frame: Uint8Array): void {
    this.#sent.add(`${from} ${to} ${textOf(frame)}`);
    if (frame[0] === LANES.forward) {
      const message = decodeForwardFrame(frame.subarray(1));
      if (message.type === "submit") for (const one of message.transactions) this.#transactions.add(textOf(one));
    } else if (frame[0] === LANES.gossip) {
      for (const { height, digest } of decodeGossip(frame.subarray(1)).digests)
        this.#digests.add(`${height} ${textOf(digest)}`);
    }
  }

  /** What becomes of a frame that arrives from `from`. */
  judge(from: NodeId, to: NodeId, frame: Uint8Array): Judgement {
    try {
      const judgement = this.#judge(from, to, frame);
      const isTrue = this.#sent.has(`${from} ${to} ${textOf(frame)}`);
      return isTrue && judgement !== "malformed" ? "harmless" : judgement;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      return "malformed";
    }
  }

  #judge(from: NodeId, to: NodeId, frame: Uint8Array): Judgement {
    const payload = frame.subarray(1);
    switch (frame[0]) {
      case LANES.raft:
        return judgeRaft(from, to, payload);
      case LANES.gossip:
        return this.#isKnownState(payload) ? "harmless" : "otherState";
      case LANES.forward:
        return this.#judgeForward(payload);
      case LANES.catchUp:
        decodeCatchUp(payload);
        return "harmless";
      case LANES.repair:
        return judgeRepair(payload);
      default:
        return "malformed";
    }
  }

  /** Whether all states that it tells of are such as somebody really had. */
  #isKnownState(payload: Uint8Array): boolean {
    return decodeGossip(payload).digests.every(({ height, digest }) =>
      this.#digests.has(`${height} ${textOf(digest)}`),
    );
  }

  /** Peers are taken at their word that a transaction is signed. */
  #judgeForward(payload: Uint8Array): Judgement {
    const message = decodeForwardFrame(payload);
    if (message.type === "refused") return "harmless";
    for (const transaction of message.transactions) admit(transaction);
    return message.transactions.every((one) => this.#transactions.has(textOf(one))) ? "harmless" : "unsigned";
  }
}

/** Whether a frame of gossip tells of its sender's state; false for what is none. */
export function tellsState(frame: Uint8Array): boolean {
  try {
    return frame[0] === LANES.gossip && decodeGossip(frame.subarray(1)).digests.length > 0;
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return false;
  }
}

/** Promises, and what only a leader says. */
function judgeRaft(from: NodeId, to: NodeId, payload: Uint8Array): Judgement {
  const message = decodeRaftMessage(payload);
  if (message.from !== from || message.to !== to) return "malformed";
  switch (message.type) {
    case "preVote":
    case "preVoteResponse":
    case "readIndex":
      return "harmless";
    case "voteResponse":
      return message.granted ? "trusted" : "harmless";
    case "appendResponse":
      return message.accepted ? "trusted" : "harmless";
    default:
      return "trusted";
  }
}

/** Where a log ends, and that nobody has a block any more. */
function judgeRepair(payload: Uint8Array): Judgement {
  const frame = decodeRepair(payload);
  if (frame.type === "end" || frame.type === "noEnd") return "trusted";
  return frame.type === "blocks" && frame.blocks.length === 0 ? "trusted" : "harmless";
}

/** One text for each array of bytes. */
function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}
