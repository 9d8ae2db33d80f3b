/**
 * A small deterministic random generator (sfc32 by Chris Doty-Humphrey, seeded through SplitMix32).
 * Not for secrets. Forked by label, so that one component's extra draw never shifts another's sequence.
 */
import type { Random } from "./ports/random.ts";

/** Deterministic `Random`: the same seed and the same labels give the same draws for ever. */
export class Prng implements Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    let state = seed | 0;
    const next = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let t = state ^ (state >>> 16);
      t = Math.imul(t, 0x21f0aaad);
      t ^= t >>> 15;
      t = Math.imul(t, 0x735a2d97);
      return t ^ (t >>> 15);
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    for (let i = 0; i < 12; i++) this.u32();
  }

  u32(): number {
    const t = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t;
    this.#c |= 0;
    return t >>> 0;
  }

  below(bound: number): number {
    // Multiply-shift on 32 bits; the bias is below 2^-32 * bound, which no draw here can notice.
    return Math.floor((this.u32() / 0x1_0000_0000) * bound);
  }

  fill(target: Uint8Array): void {
    for (let i = 0; i < target.length; i++) target[i] = this.u32() & 0xff;
  }

  fork(label: string): Random {
    let hash = 0x811c9dc5; // FNV-1a over the label, mixed with one draw of ours
    for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193);
    return new Prng(hash ^ this.u32());
  }
}
