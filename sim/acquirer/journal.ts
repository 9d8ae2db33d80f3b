/**
 * The acquirer's journal: its decisions, a JSON line each, so that a restarted acquirer remembers them. Whatever is
 * written is in the hands of the operating system: it survives the death of the process, not that of the machine.
 */
import { appendFileSync, closeSync, existsSync, ftruncateSync, openSync, readFileSync } from "node:fs";
import { check, object, oneOf, type Schema, text } from "../../node/wire/schema.ts";
import type { Decision } from "./core.ts";

const NEWLINE = 0x0a;
const BODY_CHARACTERS_MAX = 65_536;

const decisionSchema: Schema<Decision> = object({
  key: text(64),
  action: oneOf("authorize", "capture", "void"),
  body: text(BODY_CHARACTERS_MAX),
  payment: text(39),
  amount: text(39),
  outcome: oneOf("approved", "declined"),
  reason: text(64),
  networkReference: text(64),
});

export class Journal {
  readonly #file: number;
  /** What was decided before. */
  readonly past: readonly Decision[];

  /**
   * Opens the journal, or makes it. A last line without its end was being written when the process died, and its answer
   * was never sent: it is cut off. Throws where a line is not a decision.
   */
  constructor(path: string) {
    const bytes = existsSync(path) ? readFileSync(path) : new Uint8Array(0);
    const length = bytes.lastIndexOf(NEWLINE) + 1;
    const lines = new TextDecoder().decode(bytes.subarray(0, length)).split("\n").slice(0, -1);
    this.past = lines.map((line) => check(decisionSchema, JSON.parse(line), "malformed_body"));
    this.#file = openSync(path, "a");
    if (length < bytes.length) ftruncateSync(this.#file, length);
  }

  append(decision: Decision): void {
    appendFileSync(this.#file, `${JSON.stringify(decision)}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}
