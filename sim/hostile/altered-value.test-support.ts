/** A frame of MessagePack with one of its values changed, in its one form again. */
import { concatBytes } from "../../node/base/bytes.ts";
import type { Random } from "../../node/base/ports/random.ts";
import { pack, unpack, WireError } from "../../node/wire/msgpack.ts";
import { LANES } from "../../node/wire/peer-frames.ts";
import { crc32c } from "../../storage/checksum.ts";
import { chance, pick } from "../draw.ts";
import { alteredNumber } from "./edges.test-support.ts";

/** Where the sum of a chunk stands, and what it is the sum of. */
const CHUNK = { bytes: 6, sum: 7 } as const;
const LONG_LIST = 40;

/** Bytes that are no MessagePack stay as they are. */
export function alteredValue(random: Random, frame: Uint8Array): Uint8Array {
  let value: unknown;
  try {
    value = unpack(frame.subarray(1));
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return frame;
  }
  const altered = alteredIn(random, value);
  const mended = frame[0] === LANES.catchUp && chance(random, 500) ? withSum(altered) : altered;
  return concatBytes([frame.subarray(0, 1), pack(mended)]);
}

/** Goes down to some value within a value, and changes it. */
function alteredIn(random: Random, value: unknown): unknown {
  if (Array.isArray(value) && value.length > 0 && chance(random, 850)) {
    const items: readonly unknown[] = value;
    const at = random.below(items.length);
    return items.map((item, index) => (index === at ? alteredIn(random, item) : item));
  }
  if (chance(random, 150)) return otherType(random, value);
  if (typeof value === "number" || typeof value === "bigint") return integer(alteredNumber(random, BigInt(value)));
  if (typeof value === "string") return pick(random, ["", `${value}x`, "ack", "end", "offer", "\u{1f4a3}"]);
  if (value instanceof Uint8Array) return alteredBytes(random, value);
  if (Array.isArray(value)) return alteredList(random, value);
  return value !== true;
}

function otherType(random: Random, value: unknown): unknown {
  return pick(random, [
    null,
    true,
    -1,
    2 ** 40,
    "text",
    new Uint8Array(32),
    [],
    [value],
    [[[[[[value]]]]]],
    { a: value },
  ]);
}

function alteredList(random: Random, items: readonly unknown[]): unknown {
  const [first] = items;
  return pick(random, [
    [],
    items.slice(1),
    items.slice(0, -1),
    [...items, first ?? 0],
    items.toReversed(),
    Array.from({ length: LONG_LIST }, () => first ?? 0),
  ]);
}

function alteredBytes(random: Random, bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  if (copy.length > 0) copy[random.below(copy.length)] = random.below(256);
  return pick(random, [
    copy,
    copy,
    copy.subarray(1),
    concatBytes([copy, copy.subarray(0, 1)]),
    new Uint8Array(copy.length),
    new Uint8Array(0),
  ]);
}

function integer(value: bigint): number | bigint {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

/** A chunk says what it should hold: the right sum again. */
function withSum(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const chunk: unknown = value[CHUNK.bytes];
  return chunk instanceof Uint8Array && value.length > CHUNK.sum ? value.with(CHUNK.sum, crc32c(chunk)) : value;
}
