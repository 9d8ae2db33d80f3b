/**
 * What a session has answered, as flat bytes in the order of execution: nothing of a reply is an object, so a node that
 * remembers a million of them has nothing more for the garbage collector to walk, and a page of a checkpoint is a copy.
 *
 *   each reply: sequence u64 | transaction hash 32 | length of the result u32 | result          (little-endian)
 *
 * A result that was dropped for want of room has length 0 in a page; in memory its length is marked, and its bytes stay
 * until the array is swept. What has left the window stays behind until then, too.
 */
import { assert } from "../base/assert.ts";
import { readU32, readU64Number, writeU32, writeU64Number } from "../base/bytes.ts";
import { SESSION_REPLY_BYTES_MAX, SESSION_WINDOW } from "../base/limits.ts";
import { WireError } from "../wire/msgpack.ts";
import { RESULT_BYTES_MAX } from "../wire/results.ts";

const HASH_AT = 8;
const HASH_BYTES = 32;
const LENGTH_AT: number = HASH_AT + HASH_BYTES;
const RESULT_AT: number = LENGTH_AT + 4;
const DROPPED = 0x8000_0000;
const FIRST_CAPACITY = 256;
/** Bytes that may be swept before it is worth it. */
const SWEEP_BYTES_MIN = 1_024;

/** Bytes of the replies of one session in a page. */
export const PAGE_REPLY_BYTES_MAX: number = SESSION_WINDOW * RESULT_AT + SESSION_REPLY_BYTES_MAX;

assert((SESSION_WINDOW & (SESSION_WINDOW - 1)) === 0, "places in the window are found by masking");

export class Replies {
  #bytes = new Uint8Array(0);
  #used = 0;
  /** Bytes of `#bytes` that belong to no reply any more. */
  #dead = 0;
  /** One behind where a reply begins, by the lower bits of its sequence; 0 for none. */
  readonly #places = new Uint32Array(SESSION_WINDOW);
  /** Where the oldest reply begins that may still have its result. */
  #oldestKept = 0;
  #resultBytes = 0;

  /** Bytes of all the results that are kept. */
  get resultBytes(): number {
    return this.#resultBytes;
  }

  /** Where the reply to a sequence number stands, for the questions below; -1 where there is none. */
  find(sequence: number): number {
    const at = this.#placed(sequence);
    return at >= 0 && readU64Number(this.#bytes, at) === sequence ? at : -1;
  }

  /** Whether the reply is one to this transaction. */
  isTo(at: number, transactionHash: Uint8Array): boolean {
    for (let i = 0; i < HASH_BYTES; i++) if (this.#bytes[at + HASH_AT + i] !== transactionHash[i]) return false;
    return true;
  }

  /** The result; undefined where it was dropped. */
  result(at: number): Uint8Array | undefined {
    const length = readU32(this.#bytes, at + LENGTH_AT);
    if (length === 0 || length >= DROPPED) return undefined;
    return this.#bytes.slice(at + RESULT_AT, at + RESULT_AT + length);
  }

  /** Adds a reply under a number that has none. */
  add(sequence: number, transactionHash: Uint8Array, result: Uint8Array): void {
    assert(this.#placed(sequence) < 0, "the place of a sequence number is taken");
    const bytes = this.#roomFor(RESULT_AT + result.length);
    const at = this.#used;
    writeU64Number(bytes, at, sequence);
    bytes.set(transactionHash, at + HASH_AT);
    writeU32(bytes, at + LENGTH_AT, result.length);
    bytes.set(result, at + RESULT_AT);
    this.#used = at + RESULT_AT + result.length;
    this.#places[sequence & (SESSION_WINDOW - 1)] = at + 1;
    this.#resultBytes += result.length;
  }

  /** Forgets the reply to a sequence number, where there is one. */
  forget(sequence: number): void {
    const at = this.find(sequence);
    if (at < 0) return;
    this.#drop(at);
    this.#dead += RESULT_AT;
    this.#places[sequence & (SESSION_WINDOW - 1)] = 0;
  }

  /** Drops the result of the reply that was executed longest ago of those that have one. */
  dropOldest(): void {
    for (;;) {
      const at = this.#oldestKept;
      assert(at < this.#used, "there is no result left to drop");
      this.#oldestKept = this.#behind(at);
      if (this.#drop(at)) return;
    }
  }

  /** What a page of a checkpoint holds of them: those that are not forgotten, in the order of execution. */
  encode(): Uint8Array {
    this.#sweep();
    return this.#bytes.slice(0, this.#used);
  }

  /** Takes back what `encode` made, of a session whose highest sequence this is. Throws `WireError` `malformed_body`. */
  static decode(encoded: Uint8Array, highest: number): Replies {
    const replies = new Replies();
    let at = 0;
    while (at < encoded.length) {
      if (at + RESULT_AT > encoded.length) throw malformed("a reply is cut");
      const sequence = readU64Number(encoded, at);
      const length = readU32(encoded, at + LENGTH_AT);
      const end = at + RESULT_AT + length;
      if (length > RESULT_BYTES_MAX || end > encoded.length) throw malformed("a result is cut");
      const inWindow = Number.isSafeInteger(sequence) && sequence <= highest && sequence > highest - SESSION_WINDOW;
      if (!inWindow || replies.#placed(sequence) >= 0) throw malformed("a reply has no place in the window");
      replies.add(sequence, encoded.subarray(at + HASH_AT, at + LENGTH_AT), encoded.subarray(at + RESULT_AT, end));
      at = end;
    }
    return replies;
  }

  /** Where the reply begins that stands at a sequence number's place, whichever it is; -1 for none. */
  #placed(sequence: number): number {
    return (this.#places[sequence & (SESSION_WINDOW - 1)] as number) - 1;
  }

  /** Gives up a result; false where that was done before. */
  #drop(at: number): boolean {
    const length = readU32(this.#bytes, at + LENGTH_AT);
    if (length === 0 || length >= DROPPED) return false;
    writeU32(this.#bytes, at + LENGTH_AT, length + DROPPED);
    this.#dead += length;
    this.#resultBytes -= length;
    return true;
  }

  /** Where the next reply begins. */
  #behind(at: number): number {
    return at + RESULT_AT + (readU32(this.#bytes, at + LENGTH_AT) % DROPPED);
  }

  /** The array, with room for so many bytes at its end. */
  #roomFor(bytes: number): Uint8Array {
    if (this.#used + bytes <= this.#bytes.length) return this.#bytes;
    if (this.#dead > SWEEP_BYTES_MIN && this.#dead * 2 > this.#used) this.#sweep();
    if (this.#used + bytes <= this.#bytes.length) return this.#bytes;
    const wider = new Uint8Array(Math.max(FIRST_CAPACITY, this.#bytes.length * 2, this.#used + bytes));
    wider.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = wider;
    return wider;
  }

  /** Moves together what counts. */
  #sweep(): void {
    if (this.#dead === 0) return;
    const bytes = this.#bytes;
    let to = 0;
    for (let at = 0, next = 0; at < this.#used; at = next) {
      next = this.#behind(at);
      const place = readU64Number(bytes, at) & (SESSION_WINDOW - 1);
      if (this.#places[place] !== at + 1) continue;
      const length = readU32(bytes, at + LENGTH_AT);
      const kept = length >= DROPPED ? 0 : length;
      bytes.copyWithin(to, at, at + RESULT_AT + kept);
      writeU32(bytes, to + LENGTH_AT, kept);
      this.#places[place] = to + 1;
      to += RESULT_AT + kept;
    }
    this.#used = to;
    this.#dead = 0;
    this.#oldestKept = 0;
  }
}

function malformed(reason: string): WireError {
  return new WireError("malformed_body", `malformed replies: ${reason}`);
}
