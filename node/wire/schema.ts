/**
 * Shapes of decoded values, checked at the gate: types, ranges, lengths, no unknown keys. What passes is trusted inside.
 */
import { U64_MAX, u128Of } from "../base/bytes.ts";
import { WireError, type WireFault } from "./msgpack.ts";

/**
 * Takes a decoded value and returns it typed, or throws `SchemaMismatch`. `path` is what a mismatch calls the value, seen
 * from what it is a part of: the whole path is put together where one goes up, and no text is made of what is right.
 */
export type Schema<T> = (value: unknown, path: string) => T;

/** The type a schema yields. */
export type Of<S> = S extends Schema<infer T> ? T : never;

class SchemaMismatch extends Error {
  readonly path: string;
  readonly expected: string;

  constructor(path: string, expected: string) {
    super(`${path === "" ? "the value" : path} must be ${expected}`);
    this.path = path;
    this.expected = expected;
  }
}

function mismatch(path: string, expected: string): never {
  throw new SchemaMismatch(path, expected);
}

/** What a part has thrown, seen from the whole at `path`. */
function within(path: string, error: unknown): unknown {
  return error instanceof SchemaMismatch ? new SchemaMismatch(joined(path, error.path), error.expected) : error;
}

function joined(path: string, part: string): string {
  return path === "" || part === "" || /^[.[]/.test(part) ? `${path}${part}` : `${path}.${part}`;
}

/** Checks a decoded value; a mismatch becomes a `WireError` with the given code, naming the field. */
export function check<T>(schema: Schema<T>, value: unknown, code: WireFault): T {
  try {
    return schema(value, "");
  } catch (error) {
    if (error instanceof SchemaMismatch) throw new WireError(code, error.message);
    throw error;
  }
}

/** An integer in [min, max], both safe integers. */
export function integer(min: number, max: number): Schema<number> {
  return (value, path) => {
    const number = typeof value === "bigint" && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
    if (typeof number !== "number" || !Number.isInteger(number) || number < min || number > max) {
      return mismatch(path, `an integer from ${min} to ${max}`);
    }
    return number;
  };
}

/** An unsigned 32-bit integer. */
export const u32: Schema<number> = integer(0, 0xffff_ffff);

/** An unsigned integer up to 2^53 - 1. */
export const safeInteger: Schema<number> = integer(0, Number.MAX_SAFE_INTEGER);

/** An unsigned 64-bit integer, as bigint. */
export const u64: Schema<bigint> = (value, path) => {
  const big = typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof big !== "bigint" || big < 0n || big > U64_MAX) return mismatch(path, "an unsigned 64-bit integer");
  return big;
};

/** An unsigned 128-bit integer, on the wire as 16 little-endian bytes. */
export const u128: Schema<bigint> = (value, path) => u128Of(bytes(16)(value, path));

/** Exactly `length` bytes. */
export function bytes(length: number): Schema<Uint8Array> {
  return bytesBetween(length, length);
}

/** Bytes with a length in [min, max]. */
export function bytesBetween(min: number, max: number): Schema<Uint8Array> {
  return (value, path) => {
    if (!(value instanceof Uint8Array) || value.length < min || value.length > max) {
      return mismatch(path, min === max ? `${min} bytes` : `${min} to ${max} bytes`);
    }
    return value;
  };
}

/** Text of at most `max` UTF-16 units. */
export function text(max: number): Schema<string> {
  return (value, path) =>
    typeof value === "string" && value.length <= max ? value : mismatch(path, `text of at most ${max} characters`);
}

export const boolean: Schema<boolean> = (value, path) =>
  typeof value === "boolean" ? value : mismatch(path, "true or false");

/** One of the given texts. */
export function oneOf<const T extends string>(...options: readonly T[]): Schema<T> {
  return (value, path) => options.find((option) => option === value) ?? mismatch(path, `one of ${options.join(", ")}`);
}

/** What a schema takes, or this word instead. */
export function orWord<T, const W extends string>(schema: Schema<T>, word: W): Schema<T | W> {
  return (value, path) => {
    if (value === word) return word;
    try {
      return schema(value, path);
    } catch (error) {
      throw error instanceof SchemaMismatch ? new SchemaMismatch(error.path, `${error.expected}, or ${word}`) : error;
    }
  };
}

/** An array of at most `max` items. */
export function list<T>(item: Schema<T>, max: number): Schema<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value) || value.length > max) return mismatch(path, `a list of at most ${max}`);
    const items: T[] = [];
    try {
      for (const element of value) items.push(item(element, ""));
    } catch (error) {
      throw within(`${path}[${items.length}]`, error);
    }
    return items;
  };
}

/** A fixed array, one schema a position. */
export function tuple<const S extends readonly Schema<unknown>[]>(
  ...items: S
): Schema<{ readonly [I in keyof S]: Of<S[I]> }> {
  return (value, path) => {
    if (!Array.isArray(value) || value.length !== items.length) return mismatch(path, `a list of ${items.length}`);
    const fields: unknown[] = [];
    try {
      for (const item of items) fields.push(item(value[fields.length], ""));
    } catch (error) {
      throw within(`${path}[${fields.length}]`, error);
    }
    return fields as { [I in keyof S]: Of<S[I]> };
  };
}

/**
 * A fixed array that later versions may have made longer: what lies behind the known positions is passed over, and a
 * position from `required` on that is missing is looked at as undefined.
 */
export function openTuple<const S extends readonly Schema<unknown>[]>(
  required: number,
  ...items: S
): Schema<{ readonly [I in keyof S]: Of<S[I]> }> {
  const known = tuple<S>(...items);
  return (value, path) => {
    if (!Array.isArray(value) || value.length < required) return mismatch(path, `a list of ${required} or more`);
    return known(
      items.map((_, index) => value[index] as unknown),
      path,
    );
  };
}

/** A map with exactly these keys; those in `optional` may be absent. */
export function object<S extends Record<string, Schema<unknown>>, O extends Record<string, Schema<unknown>>>(
  required: S,
  optional?: O,
): Schema<{ readonly [K in keyof S]: Of<S[K]> } & { readonly [K in keyof O]?: Of<O[K]> }> {
  const all = new Map<string, Schema<unknown>>([...Object.entries(required), ...Object.entries(optional ?? {})]);
  const names = Object.keys(required);
  return (value, path) => {
    if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Uint8Array) {
      return mismatch(path, "a map");
    }
    const fields = value as Record<string, unknown>;
    for (const name of names) if (!Object.hasOwn(fields, name)) mismatch(joined(path, name), "present");
    const result: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(fields)) {
      const schema = all.get(name);
      if (schema === undefined) return mismatch(joined(path, name), "absent: no such field");
      try {
        result[name] = schema(field, name);
      } catch (error) {
        throw within(path, error);
      }
    }
    return result as { readonly [K in keyof S]: Of<S[K]> } & { readonly [K in keyof O]?: Of<O[K]> };
  };
}
