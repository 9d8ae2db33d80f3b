/**
 * What a user sees. Results go to standard output, as text or as JSON; notes, progress and errors to standard error, so
 * that a pipe gets results only.
 */
import { CodedError, errorMessage } from "../node/base/errors.ts";

/** Exit codes of every command. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const;

/** How to write JSON of results: bigints as decimal text, bytes as hexadecimal. */
function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
}

export function toJson(value: unknown): string {
  return JSON.stringify(value, jsonValue);
}

export class Output {
  /** Whether the user asked for JSON. */
  readonly json: boolean;
  #progressShown = false;

  constructor(json: boolean) {
    this.json = json;
  }

  /** The command's result: one JSON object, or the text for people. */
  result(value: object, text: string): void {
    process.stdout.write(`${this.json ? toJson(value) : text}\n`);
  }

  /** Something worth knowing on the way. */
  note(text: string): void {
    this.#clearProgress();
    process.stderr.write(`${text}\n`);
  }

  /** Replaces the line of progress on a terminal; elsewhere says nothing. */
  progress(text: string): void {
    if (!process.stderr.isTTY) return;
    process.stderr.write(`\r\u001b[2K${text}`);
    this.#progressShown = true;
  }

  /** An error with its code, and what was passed along. */
  error(error: unknown): void {
    this.#clearProgress();
    const code = error instanceof CodedError ? error.code : "internal";
    const message = errorMessage(error);
    if (this.json) process.stdout.write(`${toJson({ error: { code, message } })}\n`);
    else process.stderr.write(`error: ${message} (${code})\n`);
    if (code === "internal" && error instanceof Error) process.stderr.write(`${error.stack ?? ""}\n`);
  }

  #clearProgress(): void {
    if (this.#progressShown) process.stderr.write("\r\u001b[2K");
    this.#progressShown = false;
  }
}

/** Rows as aligned columns; numbers to the right. The first row is the heading. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, String(cell).length);
    });
  }
  const right = widths.map((_, column) =>
    rows.slice(1).every((row) => /^[-+]?[\d.,]+( [A-Z]{3})?$/.test(String(row[column] ?? ""))),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => {
          const width = widths[column] ?? 0;
          return right[column] === true ? String(cell).padStart(width) : String(cell).padEnd(width);
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
