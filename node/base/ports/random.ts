/** A source of randomness. Deterministic from a seed in the simulator, from the system's generator on a real host. */
export interface Random {
  /** A uniform integer in [0, 2^32). */
  u32(): number;
  /** A uniform integer in [0, bound); bound is a positive integer of at most 2^31. */
  below(bound: number): number;
  /** Fills the array. */
  fill(target: Uint8Array): void;
  /** An independent source, named so that draws here never shift draws there. */
  fork(label: string): Random;
}
