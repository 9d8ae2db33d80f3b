/** What both repair actors ask and answer on: the frames that leave this node, and the numbers of its questions. */
import type { NodeId } from "../base/ids.ts";
import type { Random } from "../base/ports/random.ts";
import { encodeRepair, type RepairFrame } from "./repair-frames.ts";

export interface RepairLane {
  readonly send: (to: NodeId, frame: RepairFrame) => void;
  /** Each is one more than the one before; the first is drawn, so that answers to an earlier run of the node fit none. */
  readonly nextQuestion: () => number;
}

export function repairLane(sendPeer: (to: NodeId, payload: Uint8Array) => boolean, random: Random): RepairLane {
  let question = random.below(2 ** 31);
  return {
    send: (to, frame) => {
      sendPeer(to, encodeRepair(frame));
    },
    nextQuestion: () => {
      question += 1;
      return question;
    },
  };
}
