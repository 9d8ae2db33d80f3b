/**
 * Reading the one form of MessagePack (msgpack.ts) field by field, for what a node takes apart for every payment. It makes
 * no values that nobody asked for, and says at the end whether all was as it was asked for.
 *
 * It only knows what is right: where something is not, the caller has `unpack` and a schema look again, which know what to
 * say. What it takes, they take, with the same values (a test holds them against each other); it may leave to them what
 * is rare.
 */
import { EMPTY_BYTES } from "../base/bytes.ts";

/** To put 64-bit integers together without making others; the lower half first, as on every machine that Node runs on. */
const WIDE = new BigUint64Array(1);
const HALVES = new Uint32Array(WIDE.buffer);

class PackReader {
  #bytes = EMPTY_BYTES;
  #at = 0;
  #right = true;

  begin(bytes: Uint8Array): this {
    this.#bytes = bytes;
    this.#at = 0;
    this.#right = true;
    return this;
  }

  /** Whether everything so far was as it was asked for, and nothing is left. Forgets the bytes. */
  end(): boolean {
    const right = this.#right && this.#at === this.#bytes.length;
    this.#bytes = EMPTY_BYTES;
    return right;
  }

  /** A list of at most `max` values (16 bits at most), which follow: how many. */
  list(max: number): number {
    const type = this.#byte();
    const isLong = type === 0xdc;
    const count = isLong ? this.#number(2) : type & 0x0f;
    const right = isLong ? count > 0x0f : (type & 0xf0) === 0x90;
    return right && count <= max ? count : this.#wrong(0);
  }

  /** A list of exactly so many values. */
  listOf(count: number): void {
    if (this.list(count) !== count) this.#wrong(0);
  }

  /** An unsigned integer of at most `max`, a safe integer. */
  integer(max: number): number {
    const type = this.#byte();
    const value = type <= 0x7f ? type : this.#unsigned(type);
    return value <= max ? value : this.#wrong(0);
  }

  /** An unsigned 64-bit integer. */
  unsigned64(): bigint {
    const type = this.#byte();
    if (type !== 0xd3) return BigInt(type <= 0x7f ? type : this.#unsigned(type));
    const high = this.#number(4);
    HALVES[0] = this.#number(4);
    HALVES[1] = high;
    return high === 0 || high > 0x7fff_ffff ? BigInt(this.#wrong(0)) : (WIDE[0] as bigint);
  }

  /** One of these encoded values, of which none begins like another: which one. */
  oneOf(encoded: readonly Uint8Array[]): number {
    const found = encoded.findIndex((value) => this.#isNext(value));
    if (found < 0) return this.#wrong(0);
    this.#at += (encoded[found] as Uint8Array).length;
    return found;
  }

  #isNext(value: Uint8Array): boolean {
    for (let i = 0; i < value.length; i++) if (value[i] !== this.#bytes[this.#at + i]) return false;
    return true;
  }

  /** Bytes, at least `min` and at most `max` of them: a view. */
  bytes(min: number, max: number = min): Uint8Array {
    const type = this.#byte();
    const width = type === 0xc4 ? 1 : type === 0xc5 ? 2 : type === 0xc6 ? 4 : this.#wrong(1);
    const length = this.#number(width);
    const least = width === 1 ? 0 : width === 2 ? 0x100 : 0x1_0000;
    const at = this.#at;
    if (length < least || length < min || length > max || at + length > this.#bytes.length) {
      this.#wrong(0);
      return EMPTY_BYTES;
    }
    this.#at = at + length;
    return this.#bytes.subarray(at, at + length);
  }

  /** An integer of more than 7 and at most 53 bits, whose type has been read. */
  #unsigned(type: number): number {
    if (type === 0xcc) return this.#atLeast(this.#number(1), 0x80);
    if (type === 0xcd) return this.#atLeast(this.#number(2), 0x100);
    if (type === 0xce) return this.#atLeast(this.#number(4), 0x1_0000);
    if (type !== 0xd3) return this.#wrong(0);
    const high = this.#number(4);
    const value = high * 0x1_0000_0000 + this.#number(4);
    return high === 0 || value > Number.MAX_SAFE_INTEGER ? this.#wrong(0) : value;
  }

  #atLeast(value: number, least: number): number {
    return value >= least ? value : this.#wrong(0);
  }

  #byte(): number {
    return this.#number(1);
  }

  /** `width` bytes, the upper first. */
  #number(width: number): number {
    const bytes = this.#bytes;
    const end = this.#at + width;
    if (end > bytes.length) return this.#wrong(0);
    let value = 0;
    for (let at = this.#at; at < end; at++) value = value * 0x100 + (bytes[at] as number);
    this.#at = end;
    return value;
  }

  #wrong(instead: number): number {
    this.#right = false;
    return instead;
  }
}

const reader = new PackReader();

/** Begins to read; whoever has begun calls `end` before anybody begins again. */
export function unpacking(bytes: Uint8Array): PackReader {
  return reader.begin(bytes);
}
