/**
 * What a user sees. Results go to standard output, as text or as JSON; notes, progress and errors to standard error, so
 * that a pipe gets results only. Whatever they say, a terminal gets no control characters but ends of lines.
 */
import { errorCode, errorMessage } from "../node/base/errors.ts";
import { printable, printableLine } from "./printable.ts";

/** Exit codes of every command. */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** How to write JSON of results: bigints as decimal text, bytes as hexadecimal. */
function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
}

export function toJson(value: unknown): string {
  return JSON.stringify(value, jsonValue);
}

/** Where text goes: the process's streams, or a test's. */
export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether `err` is a terminal, where a line can be written over. */
  readonly terminal: boolean;
  /** Width for help, in characters. */
  readonly columns: number;
}

const CLEAR_LINE = "\r\u001b[2K";

export class Output {
  /** Whether the user asked for JSON. */
  readonly json: boolean;
  readonly #streams: Streams;
  #progressShown = false;

  constructor(json: boolean, streams: Streams) {
    this.json = json;
    this.#streams = streams;
  }

  /** The command's result: one JSON object, or the text for people. */
  result(value: object, text: string): void {
    this.print(this.json ? toJson(value) : text);
  }

  /** A line of standard output that is not the result itself. */
  print(text: string): void {
    this.#clearProgress();
    this.#streams.out(`${printable(text)}\n`);
  }

  /** Something worth knowing on the way. */
  note(text: string): void {
    this.#clearProgress();
    this.#streams.err(`${printable(text)}\n`);
  }

  /** Replaces the line of progress on a terminal; elsewhere says nothing. */
  progress(text: string): void {
    if (!this.#streams.terminal) return;
    this.#streams.err(`${CLEAR_LINE}${printableLine(text)}`);
    this.#progressShown = true;
  }

  /** An error with its code: a line on standard error and, for programs, JSON on standard output. */
  error(error: unknown): void {
    const code = errorCode(error);
    const message = errorMessage(error);
    // A node's own words may be in it: indented, none of its lines passes for one of ours.
    this.note(`error: ${message.replaceAll("\n", "\n  ")} (${printableLine(code)})`);
    if (this.json) this.print(toJson({ error: { code, message } }));
    if (code === "internal" && error instanceof Error) this.note(error.stack ?? "");
  }

  #clearProgress(): void {
    if (this.#progressShown) this.#streams.err(CLEAR_LINE);
    this.#progressShown = false;
  }
}

/** Facts with their names, one a line. */
export function factLines(facts: readonly (readonly [name: string, value: string])[], width = 18): string {
  return facts.map(([name, value]) => `${name.padEnd(width)} ${printableLine(value)}`).join("\n");
}

/** Rows as aligned columns; numbers to the right. The first row is the heading. */
export function table(cells: readonly (readonly (string | number)[])[]): string {
  const rows = cells.map((row) => row.map((cell) => printableLine(String(cell))));
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  const right = widths.map((_, column) =>
    rows.slice(1).every((row) => /^[-+]?[\d.,]+( (%|[A-Z][A-Z0-9]{1,11}))?$/.test(row[column] ?? "")),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => {
          const width = widths[column] ?? 0;
          return right[column] === true ? cell.padStart(width) : cell.padEnd(width);
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
