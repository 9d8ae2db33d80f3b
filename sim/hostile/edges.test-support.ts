/** Numbers at which something may turn over. */
import { U64_MAX, viewOf } from "../../node/base/bytes.ts";
import type { Random } from "../../node/base/ports/random.ts";
import { chance, pick } from "../draw.ts";

const EDGES: readonly bigint[] = [
  ...[0n, 1n, 2n, 0x7fn, 0xffn, 0xffffn, 0xffff_ffffn, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n],
  ...[2n ** 63n - 1n, 2n ** 63n, U64_MAX],
];

/** Another number in the place of this one: at an edge, or near it. */
export function alteredNumber(random: Random, value: bigint): bigint {
  if (chance(random, 500)) return pick(random, EDGES);
  const near = value + BigInt(random.below(9) - 4);
  return near < 0n || near > U64_MAX ? 0n : near;
}

/** Overwrites a little-endian number of 64 bits. */
export function alterU64(random: Random, bytes: Uint8Array, offset: number): void {
  const view = viewOf(bytes);
  view.setBigUint64(offset, BigInt.asUintN(64, alteredNumber(random, view.getBigUint64(offset, true))), true);
}
