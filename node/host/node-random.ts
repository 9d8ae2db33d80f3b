/** Randomness from the operating system. */
import { randomFillSync, randomInt } from "node:crypto";
import type { Random } from "../base/ports/random.ts";

export class NodeRandom implements Random {
  u32(): number {
    return randomInt(2 ** 32);
  }

  below(bound: number): number {
    return randomInt(bound);
  }

  fill(target: Uint8Array): void {
    randomFillSync(target);
  }

  fork(): Random {
    return this;
  }
}
