/**
 * Assertions, kept on in production.
 *
 * A failed assertion is a bug or damage, never a user's mistake: it throws `InvariantError`, which nothing below the
 * supervisor may catch, and the node stops before it can spread a wrong state.
 */

/** A broken invariant. The node that sees one stops. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/** Throws `InvariantError` with `meaning` unless `condition` holds. */
export function assert(condition: unknown, meaning: string): asserts condition {
  if (!condition) throw new InvariantError(meaning);
}

/** The value, which the caller knows to be there; throws `InvariantError` where it is not. */
export function must<T>(value: T | undefined | null, meaning: string): T {
  if (value === undefined || value === null) throw new InvariantError(meaning);
  return value;
}

/** Marks a branch that the types say cannot be reached. */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable: ${String(value)}`);
}
