/**
 * What single links are like where they are not all alike: each direction of each is narrower than others or not, and faster
 * or slower. It follows from a seed and the link alone, whatever is sent, so that a plan that is shrunk keeps its links.
 */
import { Prng } from "../node/base/prng.ts";
import { between } from "./draw.ts";

export interface UnequalLinks {
  /** What each direction of each link is like follows from this. */
  readonly seed: number;
  /** What the network's links carry is halved for each, so many times at most. */
  readonly halvingsMax: number;
  /** The network's mean delay is doubled or halved for each, so many times at most. */
  readonly doublingsMax: number;
}

/** What all links are like, or would be if they were alike. */
export interface LinkTraits {
  /** On top of what every frame takes at least. */
  readonly meanDelayUs: number;
  /** What a link carries in each direction; 0 for no bound. */
  readonly bytesPerMs: number;
}

/** What each direction of each link of a network is like. */
export class Links {
  readonly #common: LinkTraits;
  readonly #unequal: UnequalLinks | undefined;
  readonly #known = new Map<number, LinkTraits>();

  constructor({ meanDelayUs, bytesPerMs }: LinkTraits, unequal: UnequalLinks | undefined) {
    this.#common = { meanDelayUs, bytesPerMs };
    this.#unequal = unequal;
  }

  of(link: number): LinkTraits {
    if (this.#unequal === undefined) return this.#common;
    const known = this.#known.get(link);
    if (known !== undefined) return known;
    const traits = traitsOf(this.#common, this.#unequal, link);
    this.#known.set(link, traits);
    return traits;
  }
}

function traitsOf(
  { meanDelayUs, bytesPerMs }: LinkTraits,
  { seed, halvingsMax, doublingsMax }: UnequalLinks,
  link: number,
): LinkTraits {
  const random = new Prng(seed).fork(String(link));
  const halvings = between(random, 0, halvingsMax);
  const doublings = between(random, -doublingsMax, doublingsMax);
  return {
    meanDelayUs: Math.round(meanDelayUs * 2 ** doublings),
    // No link is so narrow that it has no bound.
    bytesPerMs: bytesPerMs === 0 ? 0 : Math.max(1, Math.floor(bytesPerMs / 2 ** halvings)),
  };
}
