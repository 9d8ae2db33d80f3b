/**
 * Errors that carry a stable code and the facts, so that callers, logs and tests match on `code` and never on text.
 * Expected refusals of the state machine are values, not errors; these are for the edges (bytes, files, network, config).
 */

/** The facts of an error, printable as JSON. */
export type ErrorFacts = Readonly<Record<string, string | number | boolean>>;

/** Base of all expected errors. `code` is stable and documented in docs/errors.md. */
export class CodedError<Code extends string = string> extends Error {
  override readonly name: string = "CodedError";
  readonly code: Code;
  readonly facts: ErrorFacts;

  constructor(code: Code, message: string, facts: ErrorFacts = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.facts = facts;
  }
}

/** The code of an error, or `internal` for one that carries none. */
export function errorCode(error: unknown): string {
  return error instanceof CodedError ? error.code : "internal";
}

/** The message of whatever was thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
