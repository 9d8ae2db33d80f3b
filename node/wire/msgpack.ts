/**
 * MessagePack for everything rich: envelopes, bodies of rich kinds, client frames, gossip, rows of the state.
 *
 * Every value has one form and no other is taken, so that nobody can dress a signed transaction in other bytes and with
 * them in another hash: lengths and integers as short as they go, integers beyond 32 bits as int 64 where they fit and
 * uint 64 above, no floating-point numbers, no extension types. Maps have distinct short text keys, in the order that
 * their writer chose.
 *
 * msgpackr writes, but for what every payment needs, which is written and read field by field (pack-writer.ts,
 * pack-reader.ts). Other reading is done here, in one pass that judges each byte before it builds anything of it: bytes are
 * hostile, a header of ten of them may announce four thousand million values, and msgpackr's answer to a byte order mark
 * depends on whether its native part is there, which a replicated state cannot have.
 */
import { Packr } from "msgpackr";
import { assert, InvariantError } from "../base/assert.ts";
import { fromUtf8, U64_MAX, utf8, viewOf } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { MESSAGE_VALUES_MAX } from "../base/limits.ts";

/** Refused bytes. */
export class WireError extends CodedError<WireFault> {
  override readonly name = "WireError";
}

export type WireFault =
  | "malformed_msgpack"
  | "malformed_transaction"
  | "malformed_body"
  | "malformed_block"
  | "malformed_frame"
  | "malformed_receipt"
  | "malformed_checkpoint"
  | "malformed_genesis"
  | "unknown_kind";

const NESTING_MAX = 8;
const U32_MAX = 0xffff_ffff;
const I32_MIN = -0x8000_0000;
const I64_MIN = -0x8000_0000_0000_0000n;

const packr = new Packr({ useRecords: false, variableMapSize: true, moreTypes: false });

/**
 * Encodes plain values: null, booleans, integers of at most 64 bits, text, `Uint8Array`, arrays and plain objects.
 * Anything else is a bug of the caller.
 */
export function pack(value: unknown): Uint8Array {
  const bytes = packr.pack(plain(value));
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The value as msgpackr must get it to write the one form: it writes wide numbers as floats and narrow bigints wide. */
function plain(value: unknown): unknown {
  switch (typeof value) {
    case "boolean":
      return value;
    case "number":
      assert(Number.isSafeInteger(value), `${value} cannot be packed: it is no integer`);
      return value > U32_MAX || value < I32_MIN ? BigInt(value) : value;
    case "bigint":
      assert(value >= I64_MIN && value <= U64_MAX, `${value} cannot be packed: it has more than 64 bits`);
      return value > U32_MAX || value < I32_MIN ? value : Number(value);
    case "string":
      return /\p{Surrogate}/u.test(value) ? fromUtf8(utf8(value)) : value;
    case "object":
      if (value === null || value instanceof Uint8Array) return value;
      if (Array.isArray(value)) return value.map(plain);
      return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, plain(field)]));
    default:
      throw new InvariantError(`${typeof value} cannot be packed`);
  }
}

/**
 * Decodes one value that fills `bytes` exactly and holds at most `valuesMax` values; throws `WireError`
 * `malformed_msgpack`. Integers are numbers up to 32 bits and bigints beyond; byte arrays are views of `bytes`.
 */
export function unpack(bytes: Uint8Array, valuesMax: number = MESSAGE_VALUES_MAX): unknown {
  const decoder = new Decoder(bytes, valuesMax);
  const value = decoder.value(0);
  decoder.end();
  return value;
}

class Decoder {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;
  #valuesLeft: number;

  constructor(bytes: Uint8Array, valuesMax: number) {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
    this.#valuesLeft = valuesMax;
  }

  end(): void {
    if (this.#offset !== this.#bytes.length) throw this.#malformed("bytes after the value");
  }

  /** The next value. Recursion is bounded by NESTING_MAX. */
  value(depth: number): unknown {
    if (this.#valuesLeft === 0) throw this.#malformed("too many values");
    this.#valuesLeft -= 1;
    const token = this.#view.getUint8(this.#advance(1));
    if (token <= 0x7f) return token;
    if (token <= 0x8f) return this.#map(token & 0x0f, depth);
    if (token <= 0x9f) return this.#list(token & 0x0f, depth);
    if (token <= 0xbf) return this.#text(token & 0x1f);
    if (token >= 0xe0) return token - 0x100;
    switch (token) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.#take(this.#unsigned(1, 0));
      case 0xc5:
        return this.#take(this.#unsigned(2, 0x100));
      case 0xc6:
        return this.#take(this.#unsigned(4, 0x1_0000));
      case 0xcc:
        return this.#unsigned(1, 0x80);
      case 0xcd:
        return this.#unsigned(2, 0x100);
      case 0xce:
        return this.#unsigned(4, 0x1_0000);
      case 0xcf:
        return this.#unsignedWide();
      case 0xd0:
        return this.#negative(1, -0x20);
      case 0xd1:
        return this.#negative(2, -0x80);
      case 0xd2:
        return this.#negative(4, -0x8000);
      case 0xd3:
        return this.#signedWide();
      case 0xd9:
        return this.#text(this.#unsigned(1, 0x20));
      case 0xda:
        return this.#text(this.#unsigned(2, 0x100));
      case 0xdb:
        return this.#text(this.#unsigned(4, 0x1_0000));
      case 0xdc:
        return this.#list(this.#unsigned(2, 0x10), depth);
      case 0xdd:
        return this.#list(this.#unsigned(4, 0x1_0000), depth);
      case 0xde:
        return this.#map(this.#unsigned(2, 0x10), depth);
      case 0xdf:
        return this.#map(this.#unsigned(4, 0x1_0000), depth);
      default:
        throw this.#malformed(`type 0x${token.toString(16)} is not allowed`);
    }
  }

  /** An unsigned integer or length of `width` bytes; below `least` it has a shorter form. */
  #unsigned(width: 1 | 2 | 4, least: number): number {
    const at = this.#advance(width);
    const view = this.#view;
    const value = width === 1 ? view.getUint8(at) : width === 2 ? view.getUint16(at) : view.getUint32(at);
    if (value < least) throw this.#malformed("longer than it needs to be");
    return value;
  }

  /** A negative integer of `width` bytes; from `bound` on it has a shorter form. */
  #negative(width: 1 | 2 | 4, bound: number): number {
    const at = this.#advance(width);
    const view = this.#view;
    const value = width === 1 ? view.getInt8(at) : width === 2 ? view.getInt16(at) : view.getInt32(at);
    if (value >= bound) throw this.#malformed("longer than it needs to be");
    return value;
  }

  #signedWide(): bigint {
    const value = this.#view.getBigInt64(this.#advance(8));
    if (value >= I32_MIN && value <= U32_MAX) throw this.#malformed("longer than it needs to be");
    return value;
  }

  #unsignedWide(): bigint {
    const value = this.#view.getBigUint64(this.#advance(8));
    if (value < -I64_MIN) throw this.#malformed("unsigned though it need not be");
    return value;
  }

  #text(length: number): string {
    try {
      return fromUtf8(this.#take(length));
    } catch (error) {
      if (error instanceof TypeError) throw this.#malformed("text is not UTF-8");
      throw error;
    }
  }

  #list(count: number, depth: number): unknown[] {
    if (depth === NESTING_MAX) throw this.#malformed("nested too deeply");
    const list: unknown[] = [];
    for (let i = 0; i < count; i++) list.push(this.value(depth + 1));
    return list;
  }

  #map(count: number, depth: number): Record<string, unknown> {
    if (depth === NESTING_MAX) throw this.#malformed("nested too deeply");
    const map: Record<string, unknown> = {};
    for (let i = 0; i < count; i++) {
      const key = this.#key();
      if (Object.hasOwn(map, key) || key === "__proto__") throw this.#malformed("a map key is repeated or reserved");
      map[key] = this.value(depth + 1);
    }
    return map;
  }

  #key(): string {
    const token = this.#view.getUint8(this.#advance(1));
    if (token >= 0xa0 && token <= 0xbf) return this.#text(token & 0x1f);
    if (token === 0xd9) return this.#text(this.#unsigned(1, 0x20));
    throw this.#malformed("a map key is not a short text");
  }

  #take(length: number): Uint8Array {
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** Where the next `length` bytes begin; moves behind them. */
  #advance(length: number): number {
    const at = this.#offset;
    if (at + length > this.#bytes.length) throw this.#malformed("it ends early");
    this.#offset = at + length;
    return at;
  }

  #malformed(reason: string): WireError {
    return new WireError("malformed_msgpack", `malformed MessagePack: ${reason}`, { offset: this.#offset });
  }
}
