/**
 * What links can carry: a link with a bound sends one frame after the other, each for as long as its bytes take; a clogged
 * one sends nothing for a while, and then all that has waited.
 */
import type { Links } from "./unequal-links.ts";

export class LinkLoad {
  readonly #links: Pick<Links, "of">;
  /** When each link will have sent all that was given to it. */
  readonly #freeUs = new Map<number, number>();

  constructor(links: Pick<Links, "of">) {
    this.#links = links;
  }

  /** How long a frame takes from now until all of it has left. */
  waitUs(link: number, bytes: number, nowUs: number): number {
    const freeUs = this.#freeUs.get(link);
    const { bytesPerMs } = this.#links.of(link);
    if (bytesPerMs === 0 && freeUs === undefined) return 0;
    const sendsUs = bytesPerMs === 0 ? 0 : Math.ceil((bytes * 1_000) / bytesPerMs);
    const leftUs = Math.max(freeUs ?? 0, nowUs) + sendsUs;
    this.#freeUs.set(link, leftUs);
    return leftUs - nowUs;
  }

  clog(link: number, untilUs: number): void {
    this.#freeUs.set(link, Math.max(this.#freeUs.get(link) ?? 0, untilUs));
  }

  /** Links that are clogged, or have much to send, are free. */
  clear(): void {
    this.#freeUs.clear();
  }
}
