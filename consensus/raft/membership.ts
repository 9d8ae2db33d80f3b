/**
 * The configuration in force: that of the last entry of the log, committed or not, for it counts from the moment it is
 * appended (§6 of the paper). Each entry carries the whole configuration it stands under, so a configuration that is cut off
 * with the log's end gives way to that of the entry before.
 */
import { sameConfiguration } from "../../node/base/configuration.ts";
import type { LogIndex, NodeId } from "../../node/base/ids.ts";
import { type Configuration, isLegalStep, isVoter } from "./configuration.ts";
import type { Entry } from "./messages.ts";

export class Membership {
  readonly #configurationOf: (data: Uint8Array) => Configuration;
  /** The newest that is known to be committed. */
  #settled: Configuration;
  #current: Configuration;
  /** The last change of the configuration stands here or before. */
  #since: LogIndex;

  constructor(
    settled: Configuration,
    configurationOf: (data: Uint8Array) => Configuration,
    { last, lastIndex }: { readonly last: Entry | undefined; readonly lastIndex: LogIndex },
  ) {
    this.#settled = settled;
    this.#configurationOf = configurationOf;
    this.#current = this.at(last);
    this.#since = lastIndex; // where it really changed would have to be looked for
  }

  get configuration(): Configuration {
    return this.#current;
  }

  /** When everything up to here is committed, the configuration in force is, too. */
  get since(): LogIndex {
    return this.#since;
  }

  /**
   * Whether a node may campaign. One that the last change removes may until that is committed: it may be the only one that
   * has the change and is needed to elect anybody without it (§4.2.2).
   */
  mayCampaign(id: NodeId): boolean {
    return isVoter(this.#current, id) || isVoter(this.#settled, id);
  }

  /** Everything up to here is committed. */
  committed(index: LogIndex): void {
    if (index >= this.#since) this.#settled = this.#current;
  }

  appended(entries: readonly Entry[]): void {
    for (const { index, data } of entries) {
      const configuration = this.#configurationOf(data);
      if (sameConfiguration(configuration, this.#current)) continue;
      this.#current = configuration;
      this.#since = index;
    }
  }

  /** The log ends at a position now; its entry is undefined where that is before the first. */
  cut(lastIndex: LogIndex, last: Entry | undefined): void {
    if (this.#since <= lastIndex) return;
    this.#current = this.at(last);
    this.#since = lastIndex;
  }

  /** The log is empty behind a checkpoint. */
  installed(index: LogIndex, configuration: Configuration): void {
    this.#settled = configuration;
    this.#current = configuration;
    this.#since = index;
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
}
