/** A Raft message of which one field, or one entry, is another; blocks in it are whole, with what they say changed. */

import type { Entry, MessageOf } from "../../consensus/raft/messages.ts";
import { concatBytes, viewOf } from "../../node/base/bytes.ts";
import type { Random } from "../../node/base/ports/random.ts";
import { decodeRaftMessage, encodeRaftMessage, RaftCodecError } from "../../node/replica/raft-codec.ts";
import { decodeBlock, encodeBlock } from "../../node/wire/block.ts";
import { WireError } from "../../node/wire/msgpack.ts";
import { chance, pick } from "../draw.ts";
import { sha256 } from "../virtual-crypto.ts";
import { alterU64 } from "./edges.test-support.ts";

/** Offsets in a frame, behind the byte of its lane. */
const BYTE_FIELDS = [1, 2, 3, 4];
const COUNT = 5;
const NUMBER_FIELDS = [9, 17, 25, 33];
const HEADER_END = 41;
/** Offsets in the header of a block. */
const BLOCK = {
  release: 4,
  builder: 6,
  group: 8,
  numbers: [16, 24, 32, 128],
  bytes: [40, 64, 96, 136, 168, 169, 170, 171],
} as const;

export function alteredRaft(random: Random, frame: Uint8Array, other: Uint8Array): Uint8Array {
  const append = chance(random, 600) ? appendIn(frame) : undefined;
  if (append !== undefined) {
    const entries = alteredEntries(random, append.entries, appendIn(other)?.entries ?? []);
    return concatBytes([frame.subarray(0, 1), ...encodeRaftMessage({ ...append, entries })]);
  }
  const copy = frame.slice();
  if (copy.length < HEADER_END) return copy;
  if (chance(random, 250)) copy[pick(random, BYTE_FIELDS)] = random.below(14);
  else if (chance(random, 100)) viewOf(copy).setUint32(COUNT, pick(random, [0, 1, 2, 0xffff, 0xffff_ffff]), true);
  else alterU64(random, copy, pick(random, NUMBER_FIELDS));
  return copy;
}

/** The append with entries that a frame is; undefined for any other. */
function appendIn(frame: Uint8Array): MessageOf<"append"> | undefined {
  try {
    const message = decodeRaftMessage(frame.subarray(1));
    return message.type === "append" && message.entries.length > 0 ? message : undefined;
  } catch (error) {
    if (!(error instanceof RaftCodecError)) throw error;
    return undefined;
  }
}

export function alteredEntries(random: Random, entries: readonly Entry[], others: readonly Entry[]): readonly Entry[] {
  const at = random.below(entries.length);
  const here = entries[at] as Entry;
  const put = (...some: readonly Entry[]): readonly Entry[] => entries.toSpliced(at, 1, ...some);
  switch (pick(random, ["drop", "repeat", "cut", "term", "other", "header", "header", "header", "content"] as const)) {
    case "drop":
      return put();
    case "repeat":
      return put(here, here);
    case "cut":
      return entries.slice(0, at);
    case "term":
      return put({ ...here, term: Math.max(0, here.term + random.below(3) - 1) });
    case "other":
      return put({ ...here, data: pick(random, [here, ...others]).data });
    case "header":
      return put({ ...here, data: alteredHeader(random, here.data) });
    case "content":
      return put({ ...here, data: alteredContent(random, here.data) });
  }
}

/** What follows is chained to another hash now: of a last block, all is still in order that its reader can check. */
function alteredHeader(random: Random, block: Uint8Array): Uint8Array {
  const copy = block.slice();
  const view = viewOf(copy);
  switch (pick(random, ["number", "bytes", "release", "builder", "group"] as const)) {
    case "number":
      alterU64(random, copy, pick(random, BLOCK.numbers));
      return copy;
    case "bytes":
      copy[pick(random, BLOCK.bytes)] = random.below(8);
      return copy;
    case "release":
      view.setUint16(BLOCK.release, random.below(4), true);
      return copy;
    case "builder":
      view.setUint16(BLOCK.builder, random.below(300), true);
      return copy;
    case "group":
      view.setUint32(BLOCK.group, random.below(3), true);
      return copy;
  }
}

/** A sound block with transactions left out, given twice, or spoiled. */
function alteredContent(random: Random, encoded: Uint8Array): Uint8Array {
  try {
    const { header, transactions } = decodeBlock(sha256, encoded);
    const spoiled = transactions.map((bytes) =>
      bytes.length > 0 ? bytes.with(random.below(bytes.length), random.below(256)) : bytes,
    );
    const noise = new Uint8Array(random.below(200));
    random.fill(noise);
    const content = pick(random, [[], [...transactions, ...transactions], spoiled, [...transactions, noise]]);
    return encodeBlock(sha256, { ...header, transactions: content }).bytes;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return encoded;
  }
}
