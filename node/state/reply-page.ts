/**
 * Pages of the journal of replies (`reply-journal.ts`): how they lie in memory, and how a checkpoint writes them.
 *
 *   page:  stamp u64, 0 where the page is free | replies                                        (little-endian)
 *   reply: slot u32 | length of the result u32 | number u64 | sequence u64 | transaction hash 32 | result | zeros up to 8
 *
 * Nearly all replies are alike but for their hashes, and a checkpoint has those to all payments since the last one. So it
 * packs them as the ledger packs its rows: those of equal size are the rows of a segment, in their order.
 *
 *   packed page:  stamp u64 | sizes of all replies in order | the replies of each size, the smallest first
 *
 * Each part is a segment behind the number of its words, u32, or, where those of a size are few or no shorter packed, the
 * replies as they are behind a zero. 112 bytes of a payment's reply become 42.
 */
import { allZero, readU32, writeU32 } from "../base/bytes.ts";
import { packSegment, readSegment } from "../ledger/segment.ts";
import { WireError } from "../wire/msgpack.ts";
import { RESULT_BYTES_MAX } from "../wire/results.ts";

export const HEADER_BYTES = 8;
export const LENGTH_AT = 4;
export const NUMBER_AT = 8;
export const SEQUENCE_AT = 16;
export const HASH_AT = 24;
export const HASH_BYTES = 32;
export const RESULT_AT: number = HASH_AT + HASH_BYTES;
export const ALIGNMENT = 8;
/** A page ends with the reply that would make it longer; one that is longer by itself has a page of its own. */
export const PAGE_BYTES = 65_536;
const REPLIES_MAX = Math.ceil((PAGE_BYTES - HEADER_BYTES) / RESULT_AT);
/** Four words describe a column of a segment: fewer rows are no shorter packed. */
const PACKED_ROWS_MIN = 8;
const WORD_BYTES = 4;
const AS_THEY_ARE = 0;

/** Bytes of a reply in a page. */
export function sizeOf(resultBytes: number): number {
  return Math.ceil((RESULT_AT + resultBytes) / ALIGNMENT) * ALIGNMENT;
}

export function sizeAt(page: Uint8Array, at: number): number {
  return sizeOf(readU32(page, at + LENGTH_AT));
}

/** Throws `WireError` `malformed_body` unless a page is replies, one behind the other. */
export function checkReplies(page: Uint8Array): void {
  for (let at = HEADER_BYTES; at < page.length; ) {
    if (at >= PAGE_BYTES || at + RESULT_AT > page.length) throw malformed("a reply is cut");
    const length = readU32(page, at + LENGTH_AT);
    const end = at + sizeOf(length);
    if (length > RESULT_BYTES_MAX || end > page.length) throw malformed("a result is cut");
    if (!allZero(page.subarray(at + RESULT_AT + length, end))) throw malformed("a result has more bytes than it says");
    at = end;
  }
}

/** Where the replies of each size begin, by size; and the sizes of all in their order. */
interface Layout {
  readonly sizes: Uint32Array;
  readonly places: ReadonlyMap<number, readonly number[]>;
}

/** A page as a checkpoint writes it. */
export function packPage(page: Uint8Array): Uint8Array {
  if (page.length === HEADER_BYTES) return page.slice();
  const found: number[] = [];
  for (let at = HEADER_BYTES, size: number; at < page.length; at += size) {
    size = sizeAt(page, at);
    found.push(size);
  }
  const { sizes, places } = layoutOf(Uint32Array.from(found));
  const parts = [packSegment(sizes, sizes.length, 1).words];
  for (const [size, starts] of places) parts.push(packRows(page, size, starts));
  return joined(page, parts);
}

/** Takes back what `packPage` made; throws `WireError` `malformed_body`, or `InvariantError` where a segment is none. */
export function unpackPage(packed: Uint8Array): Uint8Array {
  if (packed.length <= HEADER_BYTES) return packed.slice();
  const parts = new Parts(packed);
  const { sizes, places } = layoutOf(parts.sizes());
  const page = new Uint8Array(sizes.reduce((sum, size) => sum + size, HEADER_BYTES));
  page.set(packed.subarray(0, HEADER_BYTES));
  for (const [size, starts] of places) {
    const rows = parts.rows(size, starts.length);
    starts.forEach((at, row) => {
      page.set(rows.subarray(row * size, (row + 1) * size), at);
    });
  }
  parts.end();
  return page;
}

function layoutOf(sizes: Uint32Array): Layout {
  const starts = new Map<number, number[]>();
  let at = HEADER_BYTES;
  for (const size of sizes) {
    const known = starts.get(size);
    if (known === undefined) starts.set(size, [at]);
    else known.push(at);
    at += size;
  }
  return { sizes, places: new Map([...starts].sort(([a], [b]) => a - b)) };
}

/** The replies of one size: as words of a segment, or as they are behind a zero. */
function packRows(page: Uint8Array, size: number, starts: readonly number[]): Uint32Array {
  const rows = new Uint8Array(WORD_BYTES + starts.length * size);
  starts.forEach((at, row) => {
    rows.set(page.subarray(at, at + size), WORD_BYTES + row * size);
  });
  const words = new Uint32Array(rows.buffer);
  if (starts.length < PACKED_ROWS_MIN) return words;
  const packed = packSegment(words.subarray(1), starts.length, size / WORD_BYTES).words;
  return packed.length < words.length ? packed : words;
}

/** The stamp of a page, and the parts, each behind the number of its words unless it begins with a zero. */
function joined(page: Uint8Array, parts: readonly Uint32Array[]): Uint8Array {
  const isPacked = (part: Uint32Array): boolean => part[0] !== AS_THEY_ARE;
  const bytes = parts.reduce((sum, part) => sum + (part.length + (isPacked(part) ? 1 : 0)) * WORD_BYTES, HEADER_BYTES);
  const packed = new Uint8Array(bytes);
  packed.set(page.subarray(0, HEADER_BYTES));
  let at = HEADER_BYTES;
  for (const part of parts) {
    if (isPacked(part)) {
      writeU32(packed, at, part.length);
      at += WORD_BYTES;
    }
    packed.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += part.byteLength;
  }
  return packed;
}

/** Reads the parts of a packed page, one behind the other. */
class Parts {
  readonly #packed: Uint8Array;
  #at = HEADER_BYTES;

  constructor(packed: Uint8Array) {
    this.#packed = packed;
  }

  /** The sizes of all replies, which fit into a page. */
  sizes(): Uint32Array {
    const encoded = this.#segment();
    const count = encoded.length < WORD_BYTES ? 0 : readU32(encoded, 0);
    if (count === 0 || count > REPLIES_MAX) throw malformed("no page has so many replies");
    const sizes = readSegment(encoded, count, 1).column(0);
    let at = HEADER_BYTES;
    for (const size of sizes) {
      const isSize = size % ALIGNMENT === 0 && size >= RESULT_AT && size <= sizeOf(RESULT_BYTES_MAX);
      if (!isSize || at >= PAGE_BYTES) throw malformed("no page has replies of these sizes");
      at += size;
    }
    return sizes;
  }

  /** The replies of one size, one behind the other. */
  rows(size: number, count: number): Uint8Array {
    if (this.#u32() === AS_THEY_ARE) {
      this.#at += WORD_BYTES;
      return this.#take(count * size);
    }
    const width = size / WORD_BYTES;
    const words = new Uint32Array(count * width);
    readSegment(this.#segment(), count, width).unpackTo(words, 0);
    return new Uint8Array(words.buffer);
  }

  end(): void {
    if (this.#at !== this.#packed.length) throw malformed("a page has more than its replies");
  }

  #segment(): Uint8Array {
    const words = this.#u32();
    this.#at += WORD_BYTES;
    return this.#take(words * WORD_BYTES);
  }

  #u32(): number {
    if (this.#at + WORD_BYTES > this.#packed.length) throw malformed("a page is cut");
    return readU32(this.#packed, this.#at);
  }

  #take(bytes: number): Uint8Array {
    const end = this.#at + bytes;
    if (end > this.#packed.length) throw malformed("a page is cut");
    const taken = this.#packed.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}

/** Bytes of a session's replies that are not as they can be. */
export function malformed(reason: string): WireError {
  return new WireError("malformed_body", `malformed replies: ${reason}`);
}
