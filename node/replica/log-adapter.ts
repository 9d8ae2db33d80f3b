/**
 * The one place that knows both consensus and storage: the durable log as the Raft core reads it, and entries as the
 * log stores them. Entry data is a block, whose header carries the links of the hash chain.
 */
import type { LogView } from "../../consensus/raft/log-view.ts";
import type { Entry } from "../../consensus/raft/messages.ts";
import type { LogStore } from "../../storage/wal/log-store.ts";
import { assert } from "../base/assert.ts";
import type { LogEntry } from "../messages/log.ts";
import type { Block } from "../wire/block.ts";

/** The durable log in the Raft core's terms. */
export class DurableLogView implements LogView {
  readonly #log: LogStore;

  constructor(log: LogStore) {
    this.#log = log;
  }

  firstIndex(): number {
    return this.#log.firstIndex();
  }

  lastIndex(): number {
    return this.#log.lastIndex();
  }

  term(index: number): number | undefined {
    return index === 0 ? 0 : this.#log.term(index);
  }

  entries(from: number, to: number, bytesMax: number): readonly Entry[] {
    return this.#log
      .read(from, to, bytesMax)
      .map((record) => ({ index: record.index, term: record.term, data: record.payload }));
  }
}

/** An entry with the links of its block; a block that does not belong at the entry's place stops the node. */
export function chainedEntry(entry: Entry, { header, hash }: Block): LogEntry {
  assert(header.height === entry.index, `block of height ${header.height} stands at index ${entry.index}`);
  assert(header.term === entry.term, `block of term ${header.term} stands in an entry of term ${entry.term}`);
  const { previousHash } = header;
  return { index: entry.index, term: entry.term, previousHash, hash, payload: entry.data };
}
