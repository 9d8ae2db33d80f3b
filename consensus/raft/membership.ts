/**
 * The configuration in force: that of the last entry of the log, committed or not, for it counts from the moment it is
 * appended (§6 of the paper). Each entry carries the whole configuration it stands under, so a configuration that is cut off
 * with the log's end gives way to that of the entry before.
 */
import { sameConfiguration } from "../../node/base/configuration.ts";
import type { LogIndex, NodeId } from "../../node/base/ids.ts";
import { type Configuration, isLegalStep, isVoter } from "./configuration.ts";
import type { Entry } from "./messages.ts";

/** The log, as far as configurations need it. */
export interface ConfiguredLog {
  readonly lastIndex: LogIndex;
  readonly configurationOf: (data: Uint8Array) => Configuration;
  /** The entry at a position, or undefined before the first. */
  readonly entryAt: (index: LogIndex) => Entry | undefined;
}

export class Membership {
  readonly #configurationOf: ConfiguredLog["configurationOf"];
  readonly #entryAt: ConfiguredLog["entryAt"];
  /** The newest that is known to be committed. */
  #settled: Configuration;
  #current: Configuration;
  /** The last change of the configuration stands here or before. */
  #since: LogIndex;
  /** What the last change replaced; undefined where that would have to be looked for, as after a restart. */
  #replaced: Configuration | undefined;

  constructor(settled: Configuration, { lastIndex, configurationOf, entryAt }: ConfiguredLog) {
    this.#settled = settled;
    this.#configurationOf = configurationOf;
    this.#entryAt = entryAt;
    this.#current = this.at(entryAt(lastIndex));
    this.#since = lastIndex;
  }

  get configuration(): Configuration {
    return this.#current;
  }

  /** When everything up to here is committed, the configuration in force is, too. */
  get since(): LogIndex {
    return this.#since;
  }

  /**
   * Whether a node may campaign, as far as it knows the log to be committed. One that the last change removes may until
   * that is committed, and has crashed or not: it may be the only one that has the change, and then nobody is elected
   * without it (§4.2.2). What came before that change is committed, for changes are made one at a time.
   */
  mayCampaign(id: NodeId, commit: LogIndex): boolean {
    if (isVoter(this.#current, id)) return true;
    if (this.#since <= commit) return false;
    this.#replaced ??= this.#findReplaced(commit);
    return isVoter(this.#replaced, id);
  }

  /** Everything up to here is committed. */
  committed(index: LogIndex): void {
    if (index >= this.#since) this.#settled = this.#current;
  }

  appended(entries: readonly Entry[]): void {
    for (const { index, data } of entries) {
      const configuration = this.#configurationOf(data);
      if (sameConfiguration(configuration, this.#current)) continue;
      this.#replaced = this.#current;
      this.#current = configuration;
      this.#since = index;
    }
  }

  /** The log ends at a position now; its entry is undefined where that is before the first. */
  cut(lastIndex: LogIndex, last: Entry | undefined): void {
    if (this.#since <= lastIndex) return;
    this.#current = this.at(last);
    this.#since = lastIndex;
    this.#replaced = undefined;
  }

  /** Whether entries with this data may follow a configuration: by legal steps, at most `changesMax` of which change anything. */
  mayFollow(configuration: Configuration, data: readonly Uint8Array[], changesMax: number): boolean {
    let from = configuration;
    let changes = 0;
    for (const bytes of data) {
      const to = this.#configurationOf(bytes);
      if (sameConfiguration(from, to)) continue;
      changes += 1;
      if (changes > changesMax || !isLegalStep(from, to)) return false;
      from = to;
    }
    return true;
  }

  /** What an entry stands under; undefined is the place before the first, where everything is committed. */
  at(entry: Entry | undefined): Configuration {
    return entry === undefined ? this.#settled : this.#configurationOf(entry.data);
  }

  /** Looks for the last change behind what is committed; where there is none, nothing was replaced. */
  #findReplaced(commit: LogIndex): Configuration {
    while (this.#since > commit) {
      const before = this.at(this.#entryAt(this.#since - 1));
      if (!sameConfiguration(before, this.#current)) return before;
      this.#since -= 1;
    }
    return this.#current;
  }
}
