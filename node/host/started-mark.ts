/**
 * That a node has run on this machine, noted beside its identity and not among its data: when the data's disk is lost and
 * another takes its place, the node knows that it had promised something. A voter that begins again with nothing could
 * vote a second time in a term, and help to elect a leader without what it had acknowledged.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { CodedError } from "../base/errors.ts";
import { replaceText } from "./files.ts";

/** What a node writes into its data before anything else. */
const PARTS = ["state", "log"];

export class StartedMark {
  readonly #path: string;
  readonly #data: string;

  /** `identity` and `data` are paths of the node. */
  constructor(identity: string, data: string) {
    this.#path = `${identity}.started`;
    this.#data = data;
  }

  /** Throws `CodedError` `data_missing` for a node that has run and has no data. */
  check(): void {
    const missing = this.missing();
    if (missing !== undefined) throw missing;
  }

  /** What is to be said of a node that has run and has no data; undefined for others. */
  missing(): CodedError | undefined {
    if (!existsSync(this.#path) || PARTS.some((part) => holdsSomething(join(this.#data, part)))) return undefined;
    const text =
      `this node has run before (${this.#path}), and its data in ${this.#data} is gone, with what it has voted and ` +
      "acknowledged: it must not take part again under its id. Move what is left of it away and begin it again with " +
      "quorate member rejoin, under the same name and a new id. " +
      "Where the cluster was never used, remove that file";
    return new CodedError("data_missing", text, { path: this.#data });
  }

  /** The node has data now. */
  write(): void {
    if (!existsSync(this.#path))
      replaceText(this.#path, "This node has run: see docs/operating.md, wholly lost disk.\n");
  }
}

/** A directory that was made anew, or stayed when its files went, is nothing that a node has written. */
function holdsSomething(directory: string): boolean {
  return existsSync(directory) && readdirSync(directory).length > 0;
}
