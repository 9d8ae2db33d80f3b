/**
 * Frames that are nearly right: valid ones with something done to them. A third of it is done to bytes; the rest to what they
 * mean, so that more than the first check is put to the test.
 */
import { concatBytes } from "../../node/base/bytes.ts";
import type { NodeId } from "../../node/base/ids.ts";
import type { Random } from "../../node/base/ports/random.ts";
import { LANES } from "../../node/wire/peer-frames.ts";
import { chance, pick } from "../draw.ts";
import { alteredRaft } from "./altered-raft.test-support.ts";
import { alteredValue } from "./altered-value.test-support.ts";
import type { Overheard } from "./frame-kinds.test-support.ts";

const LANE_BYTES: readonly number[] = [...Object.values(LANES), 0, 6, 0xff];

/** Who sends the frame, and to whom. */
export interface Envelope {
  readonly from: NodeId;
  readonly to: NodeId;
}

/** A frame that somebody has overheard and changed. */
export function mutated(random: Random, overheard: Overheard, envelope: Envelope): Uint8Array {
  const bytes = overheard.draw(random);
  // Said in the sender's own name, or nothing but the name would be looked at.
  const named = bytes[0] === LANES.raft && chance(random, 800) ? inName(bytes, envelope) : bytes;
  if (chance(random, 50)) return named;
  if (chance(random, 350)) return alteredBytes(random, named, overheard.draw(random));
  return named[0] === LANES.raft ? alteredRaft(random, named, overheard.draw(random)) : alteredValue(random, named);
}

function inName(frame: Uint8Array, { from, to }: Envelope): Uint8Array {
  const copy = frame.slice();
  copy[2] = from;
  copy[3] = to;
  return copy;
}

/** `other` is another frame that is right. */
function alteredBytes(random: Random, frame: Uint8Array, other: Uint8Array): Uint8Array {
  const copy = frame.slice();
  const at = random.below(Math.max(1, copy.length));
  switch (pick(random, ["flip", "set", "cut", "extend", "splice", "lane", "remove"] as const)) {
    case "flip":
      for (let flips = 1 + random.below(3); flips > 0; flips--) {
        const place = random.below(Math.max(1, copy.length));
        copy[place] = (copy[place] ?? 0) ^ (1 << random.below(8));
      }
      return copy;
    case "set":
      copy[at] = random.below(256);
      return copy;
    case "cut":
      return copy.subarray(0, at);
    case "extend": {
      const more = new Uint8Array(1 + random.below(12));
      random.fill(more);
      return concatBytes([copy, more]);
    }
    case "splice":
      return concatBytes([copy.subarray(0, at), other.subarray(random.below(Math.max(1, other.length)))]);
    case "lane":
      copy[0] = pick(random, LANE_BYTES);
      return copy;
    case "remove":
      return concatBytes([copy.subarray(0, at), copy.subarray(at + 1 + random.below(8))]);
  }
}
