/**
 * Frames of the repair lane: a node that has lost blocks of its log asks another for them, from a height backwards, or for
 * the end of its log, if that one leads. Each question has a number, and its answer the same.
 */
import { APPEND_BYTES_MAX, BLOCK_BYTES_MAX } from "../base/limits.ts";
import { pack, unpack, WireError } from "../wire/msgpack.ts";
import { boolean, bytes, bytesBetween, check, list, oneOf, safeInteger, tuple, u32 } from "../wire/schema.ts";

/** Blocks in one answer. */
export const BLOCKS_IN_ANSWER_MAX = 1_024;
const ENCODED_BLOCK_BYTES_MAX: number = BLOCK_BYTES_MAX + 65_536;

export type RepairFrame =
  /** For the block at a height and those before it, down to another height, as many as may come at once. */
  | { readonly type: "want"; readonly question: number; readonly to: number; readonly from: number }
  /** The block at `to` and those before it, one after the other; none where it is not there. */
  | { readonly type: "blocks"; readonly question: number; readonly to: number; readonly blocks: readonly Uint8Array[] }
  /** For the end of the log of whoever leads. */
  | { readonly type: "wantEnd"; readonly question: number }
  /** The last block of the log of the leader of a term. */
  | {
      readonly type: "end";
      readonly question: number;
      readonly term: number;
      readonly index: number;
      readonly hash: Uint8Array;
    }
  /** Whoever was asked does not lead; `mending`: it takes no part either, for it has lost the end of its own log. */
  | { readonly type: "noEnd"; readonly question: number; readonly mending: boolean };

const head = tuple(oneOf("want", "blocks", "wantEnd", "end", "noEnd"), u32);
const bodies = {
  want: tuple(safeInteger, safeInteger),
  blocks: tuple(safeInteger, list(bytesBetween(0, ENCODED_BLOCK_BYTES_MAX), BLOCKS_IN_ANSWER_MAX)),
  wantEnd: tuple(),
  end: tuple(safeInteger, safeInteger, bytes(32)),
  noEnd: tuple(boolean),
};

export function encodeRepair(frame: RepairFrame): Uint8Array {
  const { type, question } = frame;
  switch (type) {
    case "want":
      return pack([type, question, frame.to, frame.from]);
    case "blocks":
      return pack([type, question, frame.to, frame.blocks]);
    case "wantEnd":
      return pack([type, question]);
    case "end":
      return pack([type, question, frame.term, frame.index, frame.hash]);
    case "noEnd":
      return pack([type, question, frame.mending]);
  }
}

/** Throws `WireError` for what is no such frame. */
export function decodeRepair(encoded: Uint8Array): RepairFrame {
  const value = unpack(encoded);
  if (!Array.isArray(value)) throw new WireError("malformed_frame", "a repair frame is a list");
  const [type, question] = check(head, value.slice(0, 2), "malformed_frame");
  const rest: unknown = value.slice(2);
  switch (type) {
    case "want": {
      const [to, from] = check(bodies.want, rest, "malformed_frame");
      return { type, question, to, from };
    }
    case "blocks": {
      const [to, blocks] = check(bodies.blocks, rest, "malformed_frame");
      return { type, question, to, blocks };
    }
    case "wantEnd":
      check(bodies.wantEnd, rest, "malformed_frame");
      return { type, question };
    case "end": {
      const [term, index, hash] = check(bodies.end, rest, "malformed_frame");
      return { type, question, term, index, hash };
    }
    case "noEnd": {
      const [mending] = check(bodies.noEnd, rest, "malformed_frame");
      return { type, question, mending };
    }
  }
}

/** What an answer may hold besides its first block. */
export const ANSWER_BYTES_MAX: number = APPEND_BYTES_MAX;
