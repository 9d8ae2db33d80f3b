/**
 * The log as Raft sees it: the durable part read through a `LogView`, the rest from memory, and how far it is committed.
 *
 * Terms never decrease along the log. What is committed is never cut. Committed entries are handed out for applying only
 * as far as they are durable on this node, even where a quorum of others has them: then what was applied can always be
 * read back after a crash, and applying never runs ahead of recovery.
 */
import { assert, must } from "../../node/base/assert.ts";
import type { LogIndex, NodeId, Term } from "../../node/base/ids.ts";
import type { Configuration } from "./configuration.ts";
import type { LogView } from "./log-view.ts";
import { Membership } from "./membership.ts";
import type { Entry } from "./messages.ts";
import type { RaftOptions } from "./options.ts";
import { type LogWrite, Unstable } from "./unstable.ts";

export class RaftLog {
  readonly #view: LogView;
  readonly #membership: Membership;
  #unstable: Unstable;
  /** Invariant: #handedOut <= #commit <= lastIndex, and #handedOut <= stableIndex. */
  #commit: LogIndex;
  /** Committed entries up to here have been handed out for applying. */
  #handedOut: LogIndex;

  constructor(view: LogView, start: Pick<RaftOptions, "commit" | "configuration" | "configurationOf">) {
    const { commit, configuration, configurationOf } = start;
    const lastIndex = view.lastIndex();
    this.#view = view;
    this.#unstable = new Unstable(lastIndex);
    const entryAt = (index: LogIndex): Entry | undefined => this.#kept(index);
    this.#membership = new Membership(configuration, { lastIndex, configurationOf, entryAt });
    this.#commit = commit;
    this.#handedOut = commit;
  }

  get firstIndex(): LogIndex {
    return this.#view.firstIndex();
  }

  get lastIndex(): LogIndex {
    return this.#unstable.last;
  }

  get lastTerm(): Term {
    return must(this.term(this.lastIndex), "the last term is known");
  }

  /** The last position that is durable here and agrees with this log. */
  get stableIndex(): LogIndex {
    return this.#unstable.stable;
  }

  get commit(): LogIndex {
    return this.#commit;
  }

  /** That of the last entry, committed or not. */
  get configuration(): Configuration {
    return this.#membership.configuration;
  }

  /** Whether the configuration in force is known to be committed. */
  get configurationIsCommitted(): boolean {
    return this.#membership.since <= this.#commit;
  }

  /** The term at a position, or undefined where the position is compacted away or behind the end. */
  term(index: LogIndex): Term | undefined {
    if (index > this.lastIndex) return undefined;
    return index > this.stableIndex ? this.#unstable.entry(index).term : this.#view.term(index);
  }

  /** Whether the log has an entry of this term at this position. */
  matches(index: LogIndex, term: Term): boolean {
    return this.term(index) === term;
  }

  /** Whether a log that ends so holds everything this one could have committed (§5.4.1). */
  isUpToDate(lastIndex: LogIndex, lastTerm: Term): boolean {
    return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex);
  }

  /** The last position up to `limit` whose term is at most `term`; by bisection, as terms never decrease. */
  lastIndexUpToTerm(limit: LogIndex, term: Term): LogIndex {
    assert(limit <= this.lastIndex, "the search starts within the log");
    let low = Math.min(limit, this.firstIndex - 1);
    let high = limit;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (must(this.term(middle), "position is within the log") <= term) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** What to tell a leader whose append does not fit (§5.3): the last position that may agree with its log. */
  conflictHint(previousIndex: LogIndex, previousTerm: Term): { readonly hintIndex: LogIndex; readonly hintTerm: Term } {
    const hintIndex = this.lastIndexUpToTerm(Math.min(previousIndex, this.lastIndex), previousTerm);
    return { hintIndex, hintTerm: this.term(hintIndex) ?? 0 };
  }

  /** Whether an append says something else than what is committed here: its sender or this node is broken. */
  contradictsCommitted(previousIndex: LogIndex, previousTerm: Term, entries: readonly Entry[]): boolean {
    const differs = (index: LogIndex, term: Term): boolean => {
      const own = index <= this.#commit ? this.term(index) : undefined;
      return own !== undefined && own !== term;
    };
    return differs(previousIndex, previousTerm) || entries.some(({ index, term }) => differs(index, term));
  }

  /** Whether a node may begin an election, as far as this log knows. */
  mayCampaign(id: NodeId): boolean {
    return this.#membership.mayCampaign(id, this.#commit);
  }

  /** Whether a leader may append entries with this data; at most one of them may change the configuration, if any may. */
  mayAppend(data: readonly Uint8Array[], mayReconfigure: boolean): boolean {
    return this.#membership.mayFollow(this.configuration, data, mayReconfigure ? 1 : 0);
  }

  /** Whether a leader can have appended these entries behind a position that is not before the commit index. */
  canHaveBeenAppended(previousIndex: LogIndex, entries: readonly Entry[]): boolean {
    const before =
      previousIndex === this.lastIndex ? this.configuration : this.#membership.at(this.#kept(previousIndex));
    const data = entries.map((entry) => entry.data);
    return this.#membership.mayFollow(before, data, data.length);
  }

  entry(index: LogIndex): Entry {
    return must(this.entries(index, index + 1, 0)[0], "entry is within the log");
  }

  /** The entries from `from` up to and not including `to`, within `bytesMax` bytes of data but at least one. */
  entries(from: LogIndex, to: LogIndex, bytesMax: number): readonly Entry[] {
    if (from === to) return [];
    assert(from >= this.firstIndex && from < to && to <= this.lastIndex + 1, "the range lies within the log");
    const durableTo = Math.min(to, this.stableIndex + 1);
    const entries = from < durableTo ? [...this.#view.entries(from, durableTo, bytesMax)] : [];
    if (from < durableTo) assert(entries.length > 0 && entries[0]?.index === from, "the view serves what is durable");
    let bytes = entries.reduce((sum, entry) => sum + entry.data.length, 0);
    for (let index = from + entries.length; index < to; index++) {
      if (index < durableTo) break; // the view stopped at the bound
      const entry = this.#unstable.entry(index);
      bytes += entry.data.length;
      if (entries.length > 0 && bytes > bytesMax) break;
      entries.push(entry);
    }
    return entries;
  }

  append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    assert(first.term >= this.lastTerm, "terms never decrease along the log");
    this.#unstable.append(entries);
    this.#membership.appended(entries);
  }

  /** Drops the entries from this position on; they must not be committed. */
  truncate(from: LogIndex): void {
    assert(from > this.#commit, "committed entries are never cut");
    this.#unstable.truncate(from);
    this.#membership.cut(from - 1, this.#kept(from - 1));
  }

  /** Moves the commit index forward; a smaller one changes nothing. */
  commitTo(index: LogIndex): void {
    assert(index <= this.lastIndex, "what is committed is in the log");
    this.#commit = Math.max(this.#commit, index);
    this.#membership.committed(this.#commit);
  }

  get hasCommitted(): boolean {
    return this.#handedOut < this.#appliable();
  }

  /** The committed entries to apply next, both ends included; undefined when there are none. */
  takeCommitted(): { readonly from: LogIndex; readonly to: LogIndex } | undefined {
    if (!this.hasCommitted) return undefined;
    const from = this.#handedOut + 1;
    this.#handedOut = this.#appliable();
    return { from, to: this.#handedOut };
  }

  get hasUnwritten(): boolean {
    return this.#unstable.hasUnwritten;
  }

  /** What is to be written now; may be empty. Each write taken is completed once, in order. */
  takeWrite(): LogWrite {
    return this.#unstable.take();
  }

  completeWrite(): void {
    this.#unstable.complete();
  }

  assertInvariants(): void {
    assert(this.#handedOut <= this.#commit, "only committed entries are handed out");
    assert(this.#handedOut <= this.stableIndex, "only durable entries are handed out");
    assert(this.#commit <= this.lastIndex, "what is committed is in the log");
    assert(this.stableIndex <= this.lastIndex, "what is durable is in the log");
  }

  /** The entry at a position, or undefined before the first. */
  #kept(index: LogIndex): Entry | undefined {
    return index < this.firstIndex ? undefined : this.entry(index);
  }

  #appliable(): LogIndex {
    return Math.min(this.#commit, this.stableIndex);
  }
}
