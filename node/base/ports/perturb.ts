/**
 * Places in a node's code with two ways that are both right, one of which is rarely taken: a simulator may have it taken more
 * often, so that what follows from it is seen. A real host has none of this.
 */
export const PERTURBATIONS = [
  /** A leader puts one transaction into a block, though more wait. */
  "blockOfOne",
  /** Committed blocks go to the ledger one by one. */
  "blocksOneByOne",
  /** A checkpoint is taken before it is due. */
  "earlyCheckpoint",
  /** What is kept is read again before the reading has rested. */
  "earlyScrub",
  /** A peer that fetches a checkpoint is given a part of a page that is shorter than it may be. */
  "shortChunk",
  /** What a card network has answered is put into the log again at once, in another session, as after a change of leader. */
  "reportedTwice",
] as const;
export type Perturbation = (typeof PERTURBATIONS)[number];

/** Whether the rarer way is to be taken here and now. */
export type Perturb = (place: Perturbation) => boolean;

/** As on every real host. */
export const unperturbed: Perturb = () => false;
