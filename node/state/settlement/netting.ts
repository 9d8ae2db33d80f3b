/**
 * Multilateral netting: what each participant owes all others together against what all others owe it.
 */
import { assert } from "../../base/assert.ts";
import type { Position } from "./rows.ts";

/** A participant's net: negative pays in, positive is paid out. Minor units. */
export interface Net {
  readonly authority: number;
  readonly amount: bigint;
}

/** Nets of a window's positions, and the sum of what is paid in. */
export function netPositions(positions: readonly Position[]): { nets: readonly Net[]; total: bigint } {
  const nets = positions.map(({ authority, debit, credit }) => ({ authority, amount: credit - debit }));
  let sum = 0n;
  let total = 0n;
  for (const { amount } of nets) {
    sum += amount;
    if (amount > 0n) total += amount;
  }
  assert(sum === 0n, "the net positions of a window do not sum to zero");
  return { nets, total };
}
