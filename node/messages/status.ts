/**
 * The status board: each actor posts a few plain facts about itself, and the gateway shows them to whoever asks. It is
 * a window for people, never an input to a decision.
 */
type StatusValue = string | number | bigint | boolean | readonly StatusValue[] | StatusFields;

/** Plain facts; numbers are whole. */
export interface StatusFields {
  readonly [name: string]: StatusValue;
}

export class StatusBoard {
  readonly #sections = new Map<string, () => StatusFields>();

  /** Names a section and how to read it; called when somebody looks. */
  post(section: string, read: () => StatusFields): void {
    this.#sections.set(section, read);
  }

  /** Sections as they stand now: those that are named and there, or all. */
  read(names: Iterable<string> = this.#sections.keys()): Readonly<Record<string, StatusFields>> {
    const sections: Record<string, StatusFields> = {};
    for (const name of names) {
      const read = this.#sections.get(name);
      if (read !== undefined) sections[name] = read();
    }
    return sections;
  }
}
