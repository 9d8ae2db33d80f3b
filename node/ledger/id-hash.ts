/**
 * Hashes of ids, by tables of random words, one for each byte ("simple tabulation": Pătraşcu and Thorup, The Power of
 * Simple Tabulation Hashing, J. ACM 59(3), 2012): a lookup by open addressing takes a few probes whatever the ids are, as
 * long as whoever chooses them does not know the tables. Clients do choose ids; so a process that serves any draws tables
 * of its own. Nothing that a ledger answers or keeps depends on them.
 */
import type { Random } from "../base/ports/random.ts";
import { Prng } from "../base/prng.ts";

const BYTES = 16;
const VALUES = 256;
const TABLES = new Uint32Array(BYTES * VALUES);
const KNOWN_SEED = 1;

drawIdHash(new Prng(KNOWN_SEED));

/** Draws the tables of this process; before it makes its first ledger, for an index finds nothing by other tables. */
export function drawIdHash(random: Pick<Random, "u32">): void {
  for (let i = 0; i < TABLES.length; i++) TABLES[i] = random.u32();
}

/** The hash of a u128, 32 bits. */
export function hash128(words: Uint32Array, at: number): number {
  const a = words[at] as number;
  const b = words[at + 1] as number;
  const c = words[at + 2] as number;
  const d = words[at + 3] as number;
  return (
    ((TABLES[a & 0xff] as number) ^
      (TABLES[0x100 | ((a >>> 8) & 0xff)] as number) ^
      (TABLES[0x200 | ((a >>> 16) & 0xff)] as number) ^
      (TABLES[0x300 | (a >>> 24)] as number) ^
      (TABLES[0x400 | (b & 0xff)] as number) ^
      (TABLES[0x500 | ((b >>> 8) & 0xff)] as number) ^
      (TABLES[0x600 | ((b >>> 16) & 0xff)] as number) ^
      (TABLES[0x700 | (b >>> 24)] as number) ^
      (TABLES[0x800 | (c & 0xff)] as number) ^
      (TABLES[0x900 | ((c >>> 8) & 0xff)] as number) ^
      (TABLES[0xa00 | ((c >>> 16) & 0xff)] as number) ^
      (TABLES[0xb00 | (c >>> 24)] as number) ^
      (TABLES[0xc00 | (d & 0xff)] as number) ^
      (TABLES[0xd00 | ((d >>> 8) & 0xff)] as number) ^
      (TABLES[0xe00 | ((d >>> 16) & 0xff)] as number) ^
      (TABLES[0xf00 | (d >>> 24)] as number)) >>>
    0
  );
}
