/**
 * The status board: each actor posts a few plain facts about itself, and the gateway shows them to whoever asks. It is
 * a window for people, never an input to a decision.
 */
export type StatusFields = Readonly<Record<string, unknown>>;

export class StatusBoard {
  readonly #sections = new Map<string, () => StatusFields>();

  /** Names a section and how to read it; called when somebody looks. */
  post(section: string, read: () => StatusFields): void {
    this.#sections.set(section, read);
  }

  /** All sections as they stand now. */
  read(): Readonly<Record<string, StatusFields>> {
    return Object.fromEntries([...this.#sections].map(([section, read]) => [section, read()]));
  }
}
